"""The verbs that look into a model: at one text's way through it, and back over its training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slm.errors import DataError
from slm.verbs.common import Context, Result, parse
from slm.verbs.models import RunChoice


@dataclass(frozen=True)
class Walking:
    """Which way to walk."""

    text: str = "Once upon a time"
    """The text; its first 64 tokens are walked, or as many as the context holds."""
    layer: int = 0
    """The block that is opened; blocks are counted from 0."""
    position: int | None = None
    """The token whose figures are printed, counted from 0. Default: the last."""
    out: Path | None = None
    """Where to put every array of the walk (NPZ)."""


def walk(arguments: Sequence[str], context: Context) -> Result:
    """One text on its way through a model: every number that it meets, step by step."""
    from slm.lab.looking import walk_report
    from slm.lab.reports import open_run

    @dataclass(frozen=True)
    class Walk:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        walking: Annotated[Walking, tyro.conf.arg(name="")]

    asked = parse(Walk, walk, arguments)
    opened = open_run(context.workspace.get_model(asked.choice.run), asked.choice.step)
    way = asked.walking
    return walk_report(opened, way.text, layer=way.layer, position=way.position, out=way.out)


@dataclass(frozen=True)
class Looked:
    """Whose training to look back over."""

    run: str
    """Run, by name or id."""
    text: str | None = None
    """A text of your own: what every snapshot makes of it, instead of the run's fixed texts."""
    out: Path | None = None
    """Where to put maps, head scores, lens and losses of the text at every snapshot (NPZ)."""


def timeline(arguments: Sequence[str], context: Context) -> Result:
    """What fixed probes found at each snapshot of a run: losses, texts, what heads do."""
    from slm.lab.looking import text_timeline_report, timeline_report
    from slm.lab.reports import require_trained_here

    asked = parse(Looked, timeline, arguments)
    run = context.workspace.get_model(asked.run)
    require_trained_here(run)
    if asked.text is None:
        if asked.out is not None:
            raise DataError("--out takes what is read of a text; give one with --text.")
        return timeline_report(run)
    return text_timeline_report(run, asked.text, out=asked.out, report=context.report)
