"""Hostile files through the real upload fields: a sentence on the page, and the server lives."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app_server import AppServer, settled
from tests.faults.hostile_files import Hostile
from tests.faults.hostile_models import models
from tests.faults.sound_files import sound_files
from tests.faults.test_hostile_files import ALL
from ui.view_models.bringing import ZIP
from ui.view_models.library import KINDS

TEXTS = (
    *("NUL", "a picture", "blanks", "NUL in a cell", "only deep lists", "half a Parquet"),
    *("a Parquet bomb", "a locked PDF", "no XML in it", "entities that laugh", "tags alone"),
    *("half an archive", "a bomb", "a name that climbs", "too many members"),
    *("escape codes", "formulas", "half a pair", "markup in a name", "100,000 nested elements"),
)
MODELS = ("no zip", "a zip of links", "a zip of two models", "a zip that lies about sizes")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return sound_files(tmp_path_factory.mktemp("sound"))


def _chosen(reader: str, names: tuple[str, ...]) -> Iterator[Hostile]:
    found = {each.what: each for each in ALL if each.reader == reader}
    yield from (found[name] for name in names)


def _send(page: Page, path: Path, words: str) -> str:
    """Send a file, wait for what the page says of it, and take it away again."""
    page.locator("input[type=file]").set_input_files(path)
    settled(page)
    expect(page.get_by_test_id("stFileChip")).to_have_count(1)
    said = page.get_by_test_id("stAlert").or_(page.get_by_text(words))
    expect(said.first).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0
    text = page.get_by_test_id("stMain").inner_text()
    page.get_by_test_id("stFileChipDeleteBtn").click()
    expect(page.get_by_test_id("stFileChip")).to_have_count(0)
    settled(page)
    return text


def _is_alive(server: AppServer) -> bool:
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=10) as answer:
        return bool(answer.status == 200)


@pytest.mark.slow
def test_hostile_texts_leave_page_and_server_as_they_were(
    page: Page, server: AppServer, sound: dict[str, Path], tmp_path: Path
):
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(server.address("data", view="New corpus", source="A file of yours"))
    settled(page)
    for number, each in enumerate(_chosen("text", TEXTS)):
        place = tmp_path / str(number)
        place.mkdir()
        text = _send(page, each.make(sound["text"], place), "document")
        assert "Traceback" not in text
        assert _is_alive(server)
    assert not dialogs


@pytest.mark.slow
def test_hostile_models_leave_page_and_server_as_they_were(
    page: Page, server: AppServer, sound: dict[str, Path], tmp_path: Path
):
    assert {each.what for each in models()} >= set(MODELS)
    page.goto(server.address("library", view=KINDS["models"], bring_from=ZIP))
    settled(page)
    for number, each in enumerate(_chosen("model", MODELS)):
        place = tmp_path / str(number)
        place.mkdir()
        text = _send(page, each.make(sound["model"], place), "Bring it in")
        assert "Traceback" not in text
        assert _is_alive(server)
