"""What tests of pages share: a workspace in which one small model was built, and the app on it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from streamlit.testing.v1 import AppTest

from slm.lab import pipeline
from slm.lab.pipeline import BuildConfig, Recipe, build_model
from slm.model.config import ModelConfig
from slm.training.config import TrainConfig
from slm.workspace import Workspace
from tests.processes import end_all
from ui import session

ROOT = Path(__file__).parents[1]
settings.register_profile("busy machine", deadline=None)  # how long an example takes is no defect
settings.load_profile("busy machine")
PATIENCE_SECONDS = 120  # the first run imports torch, on a machine that may be busy
TINY = Recipe(
    documents=120,
    vocab_size=512,
    model=ModelConfig(
        vocab_size=512, context_length=64, n_layers=2, n_heads=2, d_model=32, d_ff=64
    ),
    train=TrainConfig(steps=12, batch_size=4, snapshots=3, sample_every=6),
)

OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="session")
def tiny_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A corpus of 120 tales, a tokenizer, and a run of 12 steps named "tiny", with its report.

    Read it; change only the copy that `workspace_env` gives.
    """
    root = tmp_path_factory.mktemp("tiny") / "workspace"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "RECIPES", {"first": TINY})
        build_model(Workspace(root), BuildConfig(name="tiny", threads=1))
    torch.set_num_threads(threads)
    return Workspace(root)


@pytest.fixture()
def workspace_env(
    tiny_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A copy of the tiny workspace that the app under test works on."""
    root = tmp_path / "workspace"
    shutil.copytree(tiny_workspace.root, root)
    monkeypatch.setenv("SLM_WORKSPACE", str(root))
    yield Workspace(root)
    end_all(Workspace(root))


@pytest.fixture()
def no_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app without the run that ships with it."""
    monkeypatch.setattr(session, "DEMO", tmp_path / "no-demo")


@pytest.fixture()
def open_page(workspace_env: Workspace) -> OpenPage:
    """`open_page("attention", layer="1")`: that page, with the tiny run as the current model.

    Keywords are the parameters of the address; `run=None` is the address without a run.
    """

    def open_(chapter: str, **query: str | None) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_SECONDS)
        query = {"run": "tiny", **query}  # a picker's value in the address is its label
        for name, value in query.items():
            if value is not None:
                app.query_params[name] = value
        app.run()
        (page,) = (ROOT / "pages").glob(f"?_{chapter}.py")
        return app.switch_page(f"pages/{page.name}").run()

    return open_
