"""One browser and one server for all browser tests; a fresh page for each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from slm.workspace import Workspace
from tests.browser.app_server import AppServer, app_server, chromium, new_page

FIRST_ALONE = (
    *("test_attention", "test_attention_time", "test_copying", "test_explore", "test_filmstrip"),
    *("test_head_view", "test_lens", "test_model_drawn", "test_painting", "test_sampling"),
    *("test_switchboard", "test_branches"),
)
"""Of these files only the first test runs every time; the others with `dev.py test --all`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser, which takes seconds a test."""
    here = Path(__file__).parent
    seen: set[str] = set()
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        if item.path.stem in FIRST_ALONE and item.path.stem in seen:
            item.add_marker(pytest.mark.slow)
        seen.add(item.path.stem)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def server(
    tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppServer]:
    """The app on a copy of the tiny workspace."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(tiny_workspace.root, folder / "workspace")
    with app_server(folder / "workspace", folder / "server.log") as started:
        yield started


@pytest.fixture()
def page(browser: Browser) -> Iterator[Page]:
    """A visitor who has never been here; mistakes of our own scripts fail the test."""
    mistakes: list[str] = []
    page = new_page(browser)
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    yield page
    page.context.close()
    assert not mistakes
