"""A presenter and a participant at one server: what the one does reaches the other by itself."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from slm.workshop import class_game, passes, people, room
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, app_server, settled

Visitor = Callable[[str], Page]


@pytest.fixture(scope="module")
def shared(
    tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppServer]:
    """The app for a room, on a copy of the tiny workspace."""
    folder = tmp_path_factory.mktemp("room")
    shutil.copytree(tiny_workspace.root, folder / "workspace")
    here = Workspace(folder / "workspace")
    room.open_room(here, ("http://127.0.0.1",), ("127.0.0.1",))
    people.let_presenter_in(here, "Grace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLM_SHARE", "1")
        with app_server(folder / "workspace", folder / "server.log", script="share.py") as started:
            yield started


@pytest.fixture()
def visitor(shared: AppServer, browser: Browser) -> Iterator[Visitor]:
    """`visitor(name)`: a phone in that person's hand, or the presenter's laptop."""
    here, opened = Workspace(shared.workspace), []

    def come_in(name: str) -> Page:
        person = people.find(here, "local") if name == "Grace" else people.join(here, name)
        now = room.read(here)
        size = {"width": 1280, "height": 720} if name == "Grace" else {"width": 390, "height": 844}
        context = browser.new_context(viewport=size, reduced_motion="reduce")
        cookie = passes.issue(here, now, person)
        context.add_cookies([{"name": now.cookie_name, "value": cookie, "url": shared.url}])
        context.set_default_timeout(60_000)
        opened.append(context)
        return context.new_page()

    yield come_in
    for context in opened:
        context.close()


def _open(page: Page, server: AppServer, view: str) -> Page:
    page.goto(server.address("workshop", run="tiny", view=view))
    return settled(page)


def test_a_question_its_answer_and_the_reveal_reach_everybody(shared: AppServer, visitor: Visitor):
    grace, ada = visitor("Grace"), visitor("Ada")
    expect(_open(ada, shared, "questions").get_by_text("asked nothing yet")).to_be_visible()
    _open(grace, shared, "questions").get_by_role("button", name="Ask", exact=True).click()
    expect(ada.get_by_text("Which token does the model hold")).to_be_visible()
    ada.locator(".st-key-answer-0 button").click()
    expect(grace.get_by_text("1 of 1 has answered.")).to_be_visible()
    assert ada.get_by_role("button", name="Reveal the answer").count() == 0
    grace.get_by_role("button", name="Reveal the answer").click()
    expect(ada.get_by_text("of 1 were right")).to_be_visible()
    width = ada.evaluate("document.documentElement.scrollWidth")
    assert width <= 390  # nothing of it hangs over a phone's edge


def test_guesses_are_typed_while_the_standing_is_polled(shared: AppServer, visitor: Visitor):
    grace, ben = visitor("Grace"), visitor("<i>Ben</i>")
    _open(grace, shared, "game").get_by_role("button", name="Begin a game").click()
    grace.get_by_role("button", name="Begin", exact=True).click()
    typed = _open(ben, shared, "game").get_by_test_id("guessing-input")
    expect(typed).to_be_visible()
    here = Workspace(Path(shared.workspace))
    game = class_game.newest_game(here)
    assert game is not None
    for place, symbol in enumerate(game.passage.symbols[:6], start=1):
        typed.press_sequentially(symbol)
        expect(ben.get_by_text(f"{place} of {len(game.passage.symbols)} letters")).to_be_visible()
    expect(grace.get_by_text(re.compile(r"^1 of \d is guessing"))).to_be_visible()
    grace.get_by_role("button", name="End the game").click()
    expect(ben.get_by_text("The game has ended.")).to_be_visible()


def test_all_screens_follow_a_view_and_nobody_loses_what_they_type(
    shared: AppServer, visitor: Visitor
):
    presenter, ada, bob = visitor("Grace"), visitor("Ada at home"), visitor("Bob who types")
    for page in (ada, bob):
        page.goto(shared.address("sampling", run="tiny"))
        settled(page)
    was = ada.url
    field = bob.get_by_role("textbox").first
    field.click()
    field.press_sequentially("half a sen")
    presenter.goto(shared.address("tokenizer", run="tiny"))
    settled(presenter).get_by_test_id("show-everybody").click()

    expect(ada).to_have_url(re.compile("/tokenizer"), timeout=20_000)
    bar = bob.get_by_test_id("look-here")
    bar.get_by_role("button", name="Stay here").click(timeout=20_000)
    expect(field).to_have_value(re.compile("half a sen$"))
    assert "/sampling" in bob.url

    ada.get_by_test_id("look-here").get_by_role("button", name="Back to where I was").click()
    expect(ada).to_have_url(was)
    settled(ada).wait_for_timeout(2_500)  # one more look, which must not lead away again
    assert ada.url == was
    presenter.get_by_test_id("show-everybody").click()
    expect(presenter.get_by_test_id("show-everybody")).to_have_text("Show everybody this view")
