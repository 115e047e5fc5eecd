"""Runs the cells of a story one after the other in one namespace, as Jupyter does."""

import contextlib
import io
import os
from pathlib import Path

import nbformat

from slm.exchange.notebook import NOTEBOOK, Story


def run_story(story: Story, folder: Path) -> str:
    """What the notebook's cells print, run in that folder; the notebook must be a valid one."""
    notebook = nbformat.reads(story.text(NOTEBOOK), as_version=4)
    nbformat.validate(notebook)
    folder.mkdir(parents=True, exist_ok=True)
    before, output = Path.cwd(), io.StringIO()
    names: dict[str, object] = {"__name__": "__main__"}
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    exec(compile(cell.source, cell.id, "exec"), names)  # noqa: S102
    finally:
        os.chdir(before)
    return output.getvalue()
