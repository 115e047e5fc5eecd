"""What goes wrong in a class: each time a calm sentence, and the class goes on.

Wrong codes, names that are taken or out to harm, and double clicks are in `ui/test_door.py`.
"""

import errno
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from slm import files, jobs, limits
from slm.errors import DiskFullError, WorkspaceError
from slm.sampling import presets
from slm.sampling.methods import WritingConfig
from slm.workshop import class_game, kept, passes, people, progress, questions, room
from slm.workshop import limits as shares
from slm.workshop.room import Room
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.ui.test_door import HOST, Browser, _app, _come_in
from tests.workshop.test_class_game import PASSAGE, PERFECT
from tests.workshop.test_questions import COLOURS
from ui import session
from ui.door import Door

DAY = 24 * 3600
FullDisk = Callable[[], AbstractContextManager[None]]


@pytest.fixture()
def here(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture()
def opened(here: Workspace) -> tuple[Room, str, str]:
    """The room, the presenter's key, the ticket."""
    return room.open_room(here, (f"http://{HOST}",), ("192.168.1.5", "localhost"))


@pytest.fixture()
def door(here: Workspace, opened: object) -> Door:
    return Door(_app, here)


@pytest.fixture()
def full_disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    """A disk on which nothing new finds room, for as long as the block lasts."""

    @contextmanager
    def full() -> Iterator[None]:
        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(files, "_replace", refuse)
            patch.setattr(files, "_write_whole", refuse)
            yield

    return full


# The clock of a computer


@pytest.mark.parametrize("jump", [-3 * DAY, -3600, 3600, 3 * DAY])
def test_a_servers_clock_that_jumps_puts_nobody_out(door, here, opened, monkeypatch, jump):
    ada = Browser(door)
    assert _come_in(ada, opened).status == 303
    (person,) = people.list_people(here)
    people.saw(here, person.id)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + jump)
    assert ada.ask("/model").status == 200
    assert people.is_here(here, person.id)
    assert ada.connect()[0] == "websocket.accept"
    assert _come_in(Browser(door), opened, name="Bob").status == 303


def test_a_clock_that_is_months_ahead_asks_at_the_door_again(door, here, opened, monkeypatch):
    ada = Browser(door)
    _come_in(ada, opened)
    (person,) = people.list_people(here)
    word = people.new_return_word(here, person.id)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 90 * DAY)
    assert ada.ask("/model").status == 303
    assert _come_in(ada, opened, word=word).status == 303
    assert ada.ask("/model").status == 200
    assert [each.id for each in people.list_people(here)] == [person.id]


# A laptop that slept


def test_whoever_slept_for_an_hour_comes_back_as_the_same_one(door, here, opened, monkeypatch):
    ada = Browser(door)
    _come_in(ada, opened)
    (person,) = people.list_people(here)
    ada.connect()
    assert people.is_here(here, person.id)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3600)
    assert not people.is_here(here, person.id)
    assert [each.id for each in people.list_people(here)] == [person.id]
    assert ada.ask("/sampling").status == 200
    ada.connect()
    assert people.is_here(here, person.id)


# One person in three tabs


def test_three_tabs_of_one_person_lose_none_of_what_they_did(here):
    game = class_game.begin_game(here, PASSAGE, {"model": PERFECT}, "tiny")
    ada = people.join(here, "Ada")
    steps = [f"step-{letter}" for letter in "abcdefghijkl"]

    def tab(number: int) -> None:
        theirs = Workspace(here.root).acting_as(ada.id)
        for step in steps[number::3]:
            progress.mark_done(theirs, step)
            kept.change_part(theirs, "games", game.id, lambda b, s=step: {**b, s: True})

    with ThreadPoolExecutor(3) as tabs:
        list(tabs.map(tab, range(3)))
    assert set(progress.read_progress(here, ada.id).done) == set(steps)
    assert set(kept.part_of(here, "games", game.id, ada.id)) == set(steps)


def test_a_click_in_three_tabs_at_once_starts_one_job(here, monkeypatch):
    monkeypatch.setattr(jobs, "_spawn", lambda workspace, job: time.sleep(0.05))
    room.open_room(here)
    ada = people.join(here, "Ada")

    def click(_: int) -> str:
        theirs = Workspace(here.root).acting_as(ada.id)
        return jobs.start(theirs, ["prepare"], name="tales", owner=ada.id, key="one").id

    with ThreadPoolExecutor(3) as tabs:
        assert len(set(tabs.map(click, range(3)))) == 1


# Somebody deletes what another looks at


def _deleted_while_open(open_page: OpenPage, workspace: Workspace, chapter: str, **query: str):
    app = open_page(chapter, **query)
    assert not app.exception
    for run in workspace.runs.list():
        workspace.runs.delete(run.id)
    app.run()
    assert not app.exception
    return app


def test_a_run_that_somebody_deletes_leaves_the_page_with_a_sentence(
    open_page: OpenPage, workspace_env: Workspace
):
    app = _deleted_while_open(open_page, workspace_env, "sampling")
    words = [
        each.value for kind in (app.info, app.error, app.warning, app.caption) for each in kind
    ]
    assert words


@pytest.mark.slow
@pytest.mark.parametrize(
    "chapter", ["home", "model", "training", "evaluation", "attention", "library", "workshop"]
)
def test_every_chapter_goes_on_when_its_run_is_deleted(
    open_page: OpenPage, workspace_env: Workspace, chapter: str
):
    _deleted_while_open(open_page, workspace_env, chapter)


@pytest.mark.slow
@pytest.mark.parametrize("chapter", ["data", "tokenizer"])
def test_a_corpus_or_tokenizer_that_is_deleted_leaves_the_page(
    open_page: OpenPage, workspace_env: Workspace, chapter: str
):
    app = open_page(chapter)
    for shelf in (workspace_env.corpora, workspace_env.tokenizers, workspace_env.tokens):
        for artefact in shelf.list():
            shelf.delete(artefact.id)
    app.run()
    assert not app.exception


def test_a_game_that_the_presenter_takes_away_is_told_to_who_still_guesses(here):
    game = class_game.begin_game(here, PASSAGE, {"model": PERFECT}, "tiny")
    ada = here.acting_as(people.join(here, "Ada").id)
    class_game.guess(ada, game.id, "c")
    kept.remove(here, "games", game.id)
    with pytest.raises(WorkspaceError, match=r"This is gone: the presenter has removed it"):
        class_game.guess(ada, game.id, "a")


# A disk that is full in the middle of the class


def test_on_a_full_disk_whoever_looks_goes_on_looking(door, here, opened, full_disk):
    ada = Browser(door)
    _come_in(ada, opened)
    (person,) = people.list_people(here)
    people._told.clear()  # so that being heard is written down now
    with full_disk():
        assert ada.ask("/attention").status == 200
        assert ada.connect()[0] == "websocket.accept"
        assert people.is_here(here, person.id)
        late = _come_in(Browser(door), opened, name="Bob")
        assert late.status == 403 and "the disk is full; free some space" in late.text
    assert _come_in(Browser(door), opened, name="Bob").status == 303


def test_on_a_full_disk_whatever_would_be_lost_is_refused_in_words(here, full_disk):
    room.open_room(here)
    game = class_game.begin_game(here, PASSAGE, {"model": PERFECT}, "tiny")
    question = questions.ask(here, COLOURS)
    ada = here.acting_as(people.join(here, "Ada").id)
    before = room.read(here)
    deeds: tuple[Callable[[], object], ...] = (
        lambda: class_game.guess(ada, game.id, "c"),
        lambda: questions.answer(ada, question, 1),
        lambda: progress.mark_done(ada, "step"),
        lambda: people.new_return_word(ada, ada.actor),
        lambda: room.renew_code(here),
        lambda: shares.set_for_all(here, steps=7),
        lambda: presets.keep_preset(here.root, "m", "Mine", WritingConfig()),
        lambda: jobs.start(ada, ["prepare"], name="tales", owner=ada.actor),
        lambda: passes.issue(here, before, people.list_people(here)[0]),
    )
    with full_disk():
        for deed in deeds[:-1]:
            with pytest.raises(DiskFullError, match="the disk is full; free some space"):
                deed()
    assert room.read(here) == before
    assert limits.read(here.root).everybody.steps != 7
    assert not kept.parts(here, "games", game.id) and jobs.list_jobs(here) == []
    for deed in deeds[:-2]:
        deed()


def test_a_page_tells_of_the_full_disk_and_stays(
    open_page: OpenPage, workspace_env: Workspace, monkeypatch: pytest.MonkeyPatch, full_disk
):
    room.open_room(workspace_env, ("http://10.0.0.1:8501",), ("10.0.0.1",))
    grace = people.let_presenter_in(workspace_env, "Grace")
    monkeypatch.setenv("SLM_SHARE", "1")
    monkeypatch.setattr(session, "person", lambda: grace)
    app = open_page("workshop")
    (button,) = [each for each in app.button if each.label == "New code"]
    with full_disk():
        button.click().run()
    assert not app.exception
    assert "disk is full" in app.error[0].value
