"""The verbs that ask which parts of a model make its answer: lens, patching, ablation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from slm.verbs.common import Context, Result, parse
from slm.verbs.models import RunChoice


@dataclass(frozen=True)
class Seen:
    """Which text to read at every depth."""

    text: str = "Once upon a time"
    """The text; at most one context length."""
    position: int | None = None
    """The token whose figures are printed, counted from 0. Default: the last."""
    out: Path | None = None
    """Where to put every array, of all positions (NPZ)."""


def lens(arguments: Sequence[str], context: Context) -> Result:
    """What a model would say after each block (logit lens), and which heads made its answer."""
    from slm.attention.lens import LensConfig
    from slm.lab.circuits import lens_report
    from slm.lab.reports import open_run

    @dataclass(frozen=True)
    class Look:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        seen: Annotated[Seen, tyro.conf.arg(name="")]
        lens: Annotated[LensConfig, tyro.conf.arg(name="")] = LensConfig()

    asked = parse(Look, lens, arguments)
    opened = open_run(context.workspace.get_model(asked.choice.run), asked.choice.step)
    seen = asked.seen
    return lens_report(opened, seen.text, asked.lens, position=seen.position, out=seen.out)


@dataclass(frozen=True)
class Patching:
    """Which two texts, and what to put back."""

    clean: str
    """The text whose answer is put back."""
    corrupted: str
    """The text that it is put back into: the same but for a word, with as many tokens."""
    site: Literal["resid_pre", "attn_out", "mlp_out", "head_out"] | None = None
    """What is patched: the stream before a block, what attention or feed-forward adds, or a
    head's mixture. Default: each of them."""
    align: Literal["equal", "end", "start"] = "equal"
    """Texts of different length: refuse, keep the last tokens of both, or the first."""
    answer: str | None = None
    """The token that the clean text should make likely. Default: its likeliest."""
    rival: str | None = None
    """The token that the corrupted text should make likely. Default: its likeliest."""
    out: Path | None = None
    """Where to put every array (NPZ)."""


def patch(arguments: Sequence[str], context: Context) -> Result:
    """Put values of one text into another's reading, one by one: which bring the answer back?"""
    from slm.lab.circuits import patch_report
    from slm.lab.reports import open_run

    @dataclass(frozen=True)
    class Patch:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        patching: Annotated[Patching, tyro.conf.arg(name="")]

    asked = parse(Patch, patch, arguments)
    opened = open_run(context.workspace.get_model(asked.choice.run), asked.choice.step)
    chosen = asked.patching
    return patch_report(
        opened,
        chosen.clean,
        chosen.corrupted,
        site=chosen.site,
        alignment=chosen.align,
        answer=chosen.answer,
        rival=chosen.rival,
        out=chosen.out,
        report=context.report,
    )


@dataclass(frozen=True)
class Ablation:
    """Which parts to change, and on which text."""

    text: str = "Once upon a time there was a little fox. The little"
    """The text; at most one context length."""
    edit: tuple[str, ...] = ()
    """Changes, one a word: LAYER.HEAD:off, :uniform, :mean or a factor like :x0.5; `ff` is the
    feed-forward part, `*` every head; LAYER.HEAD@QUERY:W0,W1,… paints a row of weights."""
    importance: Literal["off", "mean"] | None = None
    """Leave out each part by itself, or put its mean in its place: what is it worth?"""
    tokens: int = 24
    """How many tokens to write after the text, without the changes and with them."""
    out: Path | None = None
    """Where to put every array (NPZ)."""


def ablate(arguments: Sequence[str], context: Context) -> Result:
    """Switch off, scale or even out parts of a model: what does it still foresee and write?"""
    from slm.lab.ablation import ablation_report
    from slm.lab.reports import open_run
    from slm.sampling.filters import SamplingConfig

    @dataclass(frozen=True)
    class Ablate:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        ablation: Annotated[Ablation, tyro.conf.arg(name="")]
        sampling: Annotated[SamplingConfig, tyro.conf.arg(name="")] = SamplingConfig()

    asked = parse(Ablate, ablate, arguments)
    opened = open_run(context.workspace.get_model(asked.choice.run), asked.choice.step)
    chosen = asked.ablation
    return ablation_report(
        opened,
        chosen.text,
        " ".join(chosen.edit),
        act=chosen.importance,
        sampling=asked.sampling,
        max_new_tokens=chosen.tokens,
        out=chosen.out,
        report=context.report,
    )
