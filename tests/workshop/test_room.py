"""The room: its code, the presenter's key and link, what a restart keeps."""

import re
import sys
import threading

import pytest

from slm import limits
from slm.errors import RightsError, WorkspaceError
from slm.workshop import passes, people, room
from slm.workshop.guesses import MOST_BY_ALL, MOST_BY_ONE, Guesses
from slm.workspace import Workspace

DAY = 24 * 3600


@pytest.fixture
def here(tmp_path):
    return Workspace(tmp_path / "workspace")


def test_on_ones_own_computer_there_is_no_room(here):
    assert not room.read(here).shared
    assert not room.is_code(room.read(here), "")
    assert not room.folder(here).exists()


def test_a_code_is_easy_to_read_out_and_right_however_it_is_typed(here):
    opened, _, _ = room.open_room(here)
    assert re.fullmatch("[2-9A-HJ-NP-Z]{6}", opened.code)
    assert room.is_code(opened, f" {opened.spoken_code.lower()} ")
    assert not room.is_code(opened, opened.code[:-1])
    assert not room.is_code(opened, "é" * 10_000)


def test_a_server_that_is_started_again_keeps_the_code_and_the_people(here):
    first, key, _ = room.open_room(here)
    ada = people.join(here, "Ada")
    cookie = passes.issue(here, first, ada)
    again, new_key, _ = room.open_room(here)
    assert (again.id, again.code) == (first.id, first.code)
    assert passes.holder(here, again, cookie) == ada
    assert room.is_presenter_key(again, room.in_groups(new_key).lower())
    assert not room.is_presenter_key(again, key)


def test_the_presenters_link_opens_once(here):
    _, _, ticket = room.open_room(here)
    assert not room.use_ticket(here, ticket + "x")
    opened = []
    racers = [
        threading.Thread(target=lambda: opened.append(room.use_ticket(here, ticket)))
        for _ in range(4)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(opened) == [False, False, False, True]
    assert not room.use_ticket(here, "")


def test_a_second_presenter_gets_a_link_of_their_own_from_the_first_alone(here):
    _, key, first = room.open_room(here)
    ticket = room.new_ticket(here)
    assert not room.use_ticket(here, first)
    assert room.use_ticket(here, ticket) and not room.use_ticket(here, ticket)
    assert room.is_presenter_key(room.read(here), key)
    with pytest.raises(RightsError):
        room.new_ticket(here.acting_as("p-0123456789"))


def test_neither_key_nor_ticket_stand_in_the_file(here):
    _, key, ticket = room.open_room(here)
    text = (room.folder(here) / "room.json").read_text()
    assert key not in text and ticket not in text


def test_participants_change_nothing_in_the_room(here):
    room.open_room(here)
    with pytest.raises(RightsError, match="Only the presenter"):
        room.renew_code(here.acting_as("p-0123456789"))
    before = room.read(here).code
    assert room.renew_code(here).code != before


def test_the_next_class_knows_nobody_of_the_last(here):
    opened, key, _ = room.open_room(here)
    cookie = passes.issue(here, opened, people.join(here, "Ada"))
    fresh = room.new_class(here)
    assert passes.holder(here, fresh, cookie) is None
    assert fresh.code != opened.code and room.is_presenter_key(fresh, key)


@pytest.mark.parametrize("text", ["{", '{"color": 1}', '{"schema_version": 99}', "[]"])
def test_a_damaged_room_is_told_in_a_sentence(here, text):
    room.open_room(here)
    (room.folder(here) / "room.json").write_text(text)
    with pytest.raises(WorkspaceError):
        room.read(here)


def test_a_cookie_is_good_for_its_person_and_time_alone(here):
    opened, _, _ = room.open_room(here)
    ada, bob = people.join(here, "Ada"), people.join(here, "Bob")
    cookie = passes.issue(here, opened, ada, now=0)
    assert passes.holder(here, opened, cookie, now=29 * DAY) == ada
    assert passes.holder(here, opened, cookie, now=31 * DAY) is None
    assert passes.holder(here, opened, cookie, now=-DAY) == ada  # a clock set back
    assert passes.holder(here, opened, cookie.replace(ada.id, bob.id), now=0) is None
    assert passes.holder(here, opened, cookie.replace(ada.id, "local"), now=0) is None


@pytest.mark.parametrize("forged", [None, "", "1", "1.local.99999999999." + "0" * 64, "é" * 10**5])
def test_a_forged_cookie_is_nobodys(here, forged):
    opened, _, _ = room.open_room(here)
    people.let_presenter_in(here, "Grace")
    assert passes.holder(here, opened, forged) is None


def test_who_was_taken_off_the_list_is_let_in_no_more(here):
    opened, _, _ = room.open_room(here)
    ada = people.join(here, "Ada")
    cookie = passes.issue(here, opened, ada)
    people.take_off(here, ada.id)
    assert passes.holder(here, opened, cookie) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_the_key_of_the_cookies_is_readable_by_its_owner_alone(here):
    opened, _, _ = room.open_room(here)
    passes.issue(here, opened, people.join(here, "Ada"))
    mode = (room.folder(here) / "cookie.key").stat().st_mode & 0o777
    assert mode == 0o600


def test_many_wrong_guesses_have_to_wait_and_do_not_shut_out_others():
    clock = [0.0]
    guesses = Guesses(lambda: clock[0])
    for _ in range(MOST_BY_ONE):
        guesses.require_patience("a")
        guesses.note_wrong("a")
    with pytest.raises(RightsError, match="Wait 60 seconds"):
        guesses.require_patience("a")
    guesses.require_patience("b")
    clock[0] = 61
    guesses.require_patience("a")


def test_many_sources_together_have_to_wait_too():
    guesses = Guesses(lambda: 0.0)
    for number in range(MOST_BY_ALL):
        guesses.note_wrong(str(number))
    with pytest.raises(RightsError):
        guesses.require_patience("new")


def test_a_room_that_opens_shares_the_machine_out_and_keeps_what_the_presenter_set(here):
    room.open_room(here)
    told = limits.read(here.root)
    assert told.slots >= 1 and told.everybody == limits.Share()
    limits.write(here.root, told.replace(slots=7))
    room.open_room(here)
    assert limits.read(here.root).slots == 7
