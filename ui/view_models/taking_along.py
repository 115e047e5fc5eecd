"""What of a model can be had elsewhere: its story as a file, its record in a tracker. Words."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from slm.exchange.cells import Cell
from slm.exchange.notebook import NOTEBOOK, SCRIPT, Story, file_name
from slm.workspace import Artefact
from ui.texts import tr

PARTS: Mapping[str, str] = {
    "all": tr("From its sources on"),
    "use": tr("From the model on"),
}
"""The ways to tell a story, as `slm.exchange.notebook.Part` calls them."""
HOOK = """\
import mlflow
from pathlib import Path
from slm.exchange.trackers import follow
from slm.workspace import Workspace

run = Workspace(Path({root!r})).runs.get({run!r})
with mlflow.start_run(run_name=run.name):
    for row in follow(run.folder, live=True):
        if row.numbers:
            mlflow.log_metrics(dict(row.numbers), step=row.step)
"""
"""For a tracker other than TensorBoard: complete, and run by a test."""


@dataclass(frozen=True)
class StoryView:
    """A story ready to be shown and taken.

    `gaps` is Markdown, a list, empty without any; `cells` are words, in Markdown, or code. Foreign
    text in Markdown is escaped.
    """

    sentence: str
    gaps: str
    notebook_name: str
    script_name: str
    notebook: str
    script: str
    cells: tuple[Cell, ...]


def story_view(model: Artefact, story: Story, part: str) -> StoryView:
    """What the files are called, what they do, and what is in them."""
    return StoryView(
        sentence=_sentence(model, story, part),
        gaps="\n".join(f"- {gap}" for gap in story.gaps) if part == "all" else "",
        notebook_name=file_name(model, NOTEBOOK),
        script_name=file_name(model, SCRIPT),
        notebook=story.text(NOTEBOOK),
        script=story.text(SCRIPT),
        cells=tuple(replace(cell, text=_shown(cell)) for cell in story.cells[1:]),
    )


def tensorboard_argv(run: Artefact, alive: bool) -> list[str]:
    """The command line that writes a run's record for TensorBoard."""
    return ["tensorboard", f"--run={run.id}", *(["--live=True"] if alive else [])]


def is_of(argv: Sequence[str], run: Artefact) -> bool:
    """Whether a command line is about that run."""
    return f"--run={run.id}" in argv


def tensorboard_command(folder: Path) -> str:
    """What one types to look at the files."""
    return shlex.join(["tensorboard", "--logdir", str(folder)])


def tracker_sentence(alive: bool) -> str:
    """What will be written."""
    if alive:
        return tr(
            "Losses, rates, speed and texts, written while it trains, by a process beside it: the "
            "training does not notice."
        )
    return tr("Losses, learning rates, speed, gradients, heads, and the texts that it wrote.")


def hook_lines(root: str, run: Artefact) -> str:
    """Lines that pass the run's record to a tracker."""
    return HOOK.format(root=root, run=run.id)


def story_lines(root: str, model: Artefact, part: str) -> str:
    """Lines that write the notebook."""
    return (
        "from pathlib import Path\n\n"
        "from slm.exchange.notebook import write_story\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({root!r}), read_only=[Path('demo')])\n"
        f"model = workspace.get_model({model.id!r})\n"
        f"write_story(workspace, model, Path({file_name(model, NOTEBOOK)!r}), {part!r})"
    )


def _sentence(model: Artefact, story: Story, part: str) -> str:
    if part == "use":
        return tr(
            "It opens the model as it is here, measures it, looks at its heads and lets it write."
        )
    if model.imported:
        if story.repeated:
            return tr(
                "It brings the model in again, measures it, looks at its heads and lets it write."
            )
        return tr("It opens the model as it is here: where it came from is out of reach.")
    if story.repeated:
        return tr(
            "It makes the run again in a workspace of its own: text, tokenizer, tokens, training "
            "with every change and fork. Each result is compared with what there was."
        )
    return tr("The run cannot be made again from what is here, so it is opened as it is.")


def _shown(cell: Cell) -> str:
    """Headings of a notebook are too large for a part of a page."""
    return re.sub(r"^#+ ", "##### ", cell.text) if cell.kind == "markdown" else cell.text
