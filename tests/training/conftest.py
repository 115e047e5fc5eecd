"""A workspace, and runs in it."""

from pathlib import Path

import pytest

from slm.model.config import ModelConfig
from slm.training.runs import create_run
from slm.workspace import Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, MakeRun, artefacts


@pytest.fixture()
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture()
def make_run(workspace: Workspace) -> MakeRun:
    """A run folder from changed settings: `make_run(steps=5)`, `make_run(model=…)`."""
    parts = artefacts(workspace)

    def make(model: ModelConfig = SMALL_MODEL, **changes: object) -> Path:
        run = create_run(workspace, model, SHORT.replace(**changes), name="run", **parts)
        return run.folder

    return make
