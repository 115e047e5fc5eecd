"""The first lines of every "code behind this": they open the run that the page shows."""

from pathlib import Path

from slm.workspace import Artefact

_ROOT = Path(__file__).parents[2]


def open_lines(run: Artefact) -> str:
    """Lines that open `run` as `opened`, to be run from the app's folder."""
    root = run.folder.parents[1].resolve()
    shown = root.relative_to(_ROOT) if root.is_relative_to(_ROOT) else root
    return f"""from pathlib import Path

from slm.lab.reports import open_run
from slm.workspace import Workspace

workspace = Workspace(Path({shown.as_posix()!r}))
run = workspace.{run.manifest.kind}.get({run.id!r})
opened = open_run(run)
"""
