"""The verbs that tell of a model elsewhere: as a notebook, as a script, to TensorBoard."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slm.verbs.common import Context, Result, parse


@dataclass(frozen=True)
class Told:
    """Which model is told of, and where."""

    run: str
    """Run or imported model, by name or id."""
    to: Path
    """A new file: .ipynb for a notebook, .py for a script."""
    use: bool = False
    """Open the model as it is here, in place of making it again."""


def notebook(arguments: Sequence[str], context: Context) -> Result:
    """Write how a model was made, from its sources on, as a notebook or a script that runs."""
    from slm.exchange.notebook import write_story

    asked = parse(Told, notebook, arguments)
    model = context.workspace.get_model(asked.run)
    story = write_story(context.workspace, model, asked.to, "use" if asked.use else "all")
    told: Result = {"run": model.id, "name": model.name, "file": str(asked.to)}
    told |= {"cells": len(story.cells), "made_again": story.repeated}
    return told | ({"to_know": [gap.replace("\\", "") for gap in story.gaps]} if story.gaps else {})


@dataclass(frozen=True)
class Drawn:
    """Which run is drawn, and where."""

    run: str
    """Run, by name or id."""
    live: bool = False
    """Go on while it is trained."""
    to: Path | None = None
    """Folder of the event files. Default: `tensorboard/` in the workspace, a folder a run."""


def tensorboard(arguments: Sequence[str], context: Context) -> Result:
    """Write a run's losses, rates, speed and texts as event files for TensorBoard."""
    from slm.exchange.tensorboard import write_events

    asked = parse(Drawn, tensorboard, arguments)
    run = context.workspace.get_model(asked.run)
    folder = write_events(
        context.workspace, run, live=asked.live, folder=asked.to, report=context.report
    )
    shown = folder if asked.to is not None else folder.parent
    return {
        "run": run.id,
        "name": run.name,
        "folder": str(folder),
        "look": f"tensorboard --logdir {shown}",
    }
