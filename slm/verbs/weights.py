"""The verbs that look at single weights: how one comes about, and all of them while writing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slm.verbs.common import Context, Result, parse
from slm.verbs.models import RunChoice


@dataclass(frozen=True)
class CellChoice:
    """Which weight: of which text, head, query and key."""

    text: str = "Once upon a time"
    """The text; at most one context length."""
    layer: int = 0
    """The block, counted from 0."""
    head: int = 0
    """The query head, counted from 0."""
    query: int | None = None
    """The position that looks. Default: the last."""
    key: int | None = None
    """The position that it looks at. Default: the one that gets most."""
    out: Path | None = None
    """Where to put every vector of this head and the row (NPZ)."""


def cell(arguments: Sequence[str], context: Context) -> Result:
    """How one attention weight comes about: products, score, row, softmax, mixture."""
    from slm.lab.reports import open_run
    from slm.lab.weight_reports import cell_report

    @dataclass(frozen=True)
    class Look:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        cell: Annotated[CellChoice, tyro.conf.arg(name="")]

    asked = parse(Look, cell, arguments)
    opened = open_run(context.workspace.get_model(asked.choice.run), asked.choice.step)
    where = asked.cell
    return cell_report(
        opened, where.text, where.layer, where.head, where.query, where.key, where.out
    )


@dataclass(frozen=True)
class Filming:
    """What to write on from, and where the film goes."""

    prompt: str = "Once upon a time"
    """The text to write on after."""
    out: Path | None = None
    """Where to put the film (NPZ: `weights` frames × L × H × S, `ids`, distributions, lens)."""


def filmstrip(arguments: Sequence[str], context: Context) -> Result:
    """Write on, and record where every head looked before each token was drawn."""
    from slm.lab.filmstrip import FilmConfig
    from slm.lab.reports import open_run
    from slm.lab.weight_reports import film_report

    @dataclass(frozen=True)
    class Film:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        filming: Annotated[Filming, tyro.conf.arg(name="")]
        film: Annotated[FilmConfig, tyro.conf.arg(name="")] = FilmConfig()

    asked = parse(Film, filmstrip, arguments)
    opened = open_run(context.workspace.get_model(asked.choice.run), asked.choice.step)
    return film_report(
        opened, asked.filming.prompt, asked.film, out=asked.filming.out, report=context.report
    )
