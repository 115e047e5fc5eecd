"""The verbs that take choices apart, and lay what is written side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slm.verbs.common import Context, Result, parse, value_of
from slm.verbs.models import RunChoice


@dataclass(frozen=True)
class Choice:
    """Which choice to take apart."""

    prompt: str = "Once upon a time"
    """The text whose next token is chosen."""
    top: int = 10
    """How many likely tokens are told of each stage."""
    draws: int = 100
    """How many tokens are drawn for the tally."""
    after: int | None = None
    """Look at the choice after so many tokens of the prompt. Default: after all."""


def anatomy(arguments: Sequence[str], context: Context) -> Result:
    """What each filter makes of the next token's distribution, and what is drawn from it."""
    from slm.lab.anatomy import anatomy_report
    from slm.lab.reports import open_run
    from slm.sampling.config import SamplingConfig

    @dataclass(frozen=True)
    class Anatomy:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        asked: Annotated[Choice, tyro.conf.arg(name="")]
        sampling: Annotated[SamplingConfig, tyro.conf.arg(name="")] = SamplingConfig()

    given = parse(Anatomy, anatomy, arguments)
    opened = open_run(context.workspace.get_model(given.choice.run), given.choice.step)
    asked = given.asked
    return anatomy_report(
        opened,
        asked.prompt,
        given.sampling,
        top=asked.top,
        draws=asked.draws,
        after=asked.after,
    )


@dataclass(frozen=True)
class Asked:
    """What to write."""

    prompt: str = ""
    """The beginning; empty: a new document."""
    go_on: bool = False
    """Do not stop where the model ends its text."""
    settings: Path | None = None
    """A generation_config.json to begin with; flags say what differs."""


def write(arguments: Sequence[str], context: Context) -> Result:
    """Write by any method: drawn, greedy, by beams or by contrast; every token with its figures."""
    from slm.lab.reports import open_run
    from slm.lab.writing import writing_report
    from slm.sampling.methods import WritingConfig
    from slm.sampling.presets import from_generation_json

    path = value_of("--settings", arguments)
    usual = from_generation_json(_text_of(Path(path))) if path else WritingConfig()

    @dataclass(frozen=True)
    class Write:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        asked: Annotated[Asked, tyro.conf.arg(name="")]
        writing: Annotated[WritingConfig, tyro.conf.arg(name="")] = usual

    given = parse(Write, write, arguments)
    opened = open_run(context.workspace.get_model(given.choice.run), given.choice.step)
    return writing_report(opened, given.asked.prompt, given.writing, go_on=given.asked.go_on)


def _text_of(path: Path) -> str:
    """Raises: DataError for a file that is not there, or is no text."""
    from slm.errors import DataError
    from slm.files import is_file

    if not is_file(path):
        raise DataError(f"There is no file {str(path)[:200]!r}.")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is no UTF-8 text; give a generation_config.json.") from None


@dataclass(frozen=True)
class Planting:
    """Which tree."""

    prompt: str = "Once upon a time"
    """The text that the branches follow."""
    tree: Path | None = None
    """Open this file instead of growing from the prompt; probabilities become this model's."""
    out: Path | None = None
    """Write the tree to this file, which the Sampling page opens."""


def branches(arguments: Sequence[str], context: Context) -> Result:
    """A tree of what may follow a prompt, with the probability of every branch."""
    from slm import files
    from slm.errors import DataError
    from slm.lab.branching import GrowConfig, branches_report, grown, moved_to
    from slm.lab.reports import open_run
    from slm.sampling.branch_files import MOST_BYTES, from_json, to_json
    from slm.sampling.config import SamplingConfig

    @dataclass(frozen=True)
    class Branches:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        asked: Annotated[Planting, tyro.conf.arg(name="")]
        growing: Annotated[GrowConfig, tyro.conf.arg(name="")] = GrowConfig()
        sampling: Annotated[SamplingConfig, tyro.conf.arg(name="")] = SamplingConfig()

    given = parse(Branches, branches, arguments)
    opened = open_run(context.workspace.get_model(given.choice.run), given.choice.step)
    if given.asked.tree is not None:
        if not files.is_file(given.asked.tree):
            raise DataError(f"There is no file {given.asked.tree}. Give the path of a saved tree.")
        with files.disk_errors(given.asked.tree), given.asked.tree.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        planted, notes = moved_to(opened, from_json(data)), tuple[str, ...]()
    else:
        planted, notes = grown(opened, given.asked.prompt, given.growing, given.sampling)
    if given.asked.out is not None:
        files.write_bytes(given.asked.out, to_json(planted).encode())
    return branches_report(opened, planted, notes)


@dataclass(frozen=True)
class Sides:
    """What differs down and across."""

    prompt: str = "Once upon a time"
    """The text that is gone on from."""
    rows: str = "temperature=0.2,0.8,1.4"
    """What differs from row to row: NAME=VALUE,VALUE,… NAME is a setting, step or model."""
    columns: str = "top_k=1,10,0"
    """What differs from column to column, in the same way. "" for nothing."""


def grid(arguments: Sequence[str], context: Context) -> Result:
    """One prompt under a grid of settings, models or steps, with the same random numbers."""
    from functools import cache

    from slm.errors import DataError
    from slm.lab.grids import GridConfig, grid_report, read_axis, write_grid
    from slm.lab.reports import OpenedRun, open_run
    from slm.sampling.config import SamplingConfig

    @dataclass(frozen=True)
    class Grids:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        sides: Annotated[Sides, tyro.conf.arg(name="")]
        settings: Annotated[GridConfig, tyro.conf.arg(name="")] = GridConfig()
        sampling: Annotated[SamplingConfig, tyro.conf.arg(name="")] = SamplingConfig()

    given = parse(Grids, grid, arguments)

    @cache
    def opened(model: str, step: str) -> OpenedRun:
        if step and not step.isdecimal():
            raise DataError(f"step is {step!r}; it must be a whole number.")
        at = int(step) if step else None if model else given.choice.step
        return open_run(context.workspace.get_model(model or given.choice.run), at)

    asked = given.sides
    told = write_grid(
        opened,
        asked.prompt,
        given.sampling,
        read_axis(asked.rows),
        read_axis(asked.columns),
        given.settings,
        should_stop=context.report.should_stop,
    )
    for share, made in told:
        context.report(share, "writing side by side")
        if made is not None:
            return grid_report(made)
    return {"stopped": True}
