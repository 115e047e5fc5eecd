"""A workspace, runs in it, and a library that stands in front of the disk."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slm.model.config import ModelConfig
from slm.training.runs import create_run
from slm.workspace import Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, MakeRun, artefacts

DROPPING = ModelConfig(**{**SMALL_MODEL.to_json(), "dropout": 0.1})


@pytest.fixture()
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture()
def make_run(workspace: Workspace) -> MakeRun:
    """A run folder from changed settings; its model drops out, so that generators matter."""
    parts = artefacts(workspace)

    def make(model: ModelConfig = DROPPING, **changes: object) -> Path:
        run = create_run(workspace, model, SHORT.replace(**changes), name="run", **parts)
        return run.folder

    return make


@pytest.fixture(scope="session")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled `failing_disk.c`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("disk") / "failing_disk.so"
    source = Path(__file__).with_name("failing_disk.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library
