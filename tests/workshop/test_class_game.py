"""All guess the same text; the server keeps it, and counts."""

import json
from math import inf
from pathlib import Path

import pytest

from slm.errors import RightsError, WorkspaceError
from slm.evaluation.shannon import Attempt, Passage, Play
from slm.workshop import class_game
from slm.workspace import Workspace

ADA, BEN = "p-aaaaaaaaaa", "p-bbbbbbbbbb"
PASSAGE = Passage("letters", "the ", ("c", "a", "t", "s"), (), (), 0, (), 8)
PERFECT = Play((Attempt(1),) * 4, (0.5, 0.5, 0.5, inf), ("c", "a", "t", "s"))


@pytest.fixture()
def here(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture()
def game(here: Workspace) -> class_game.ClassGame:
    return class_game.begin_game(here, PASSAGE, {"model": PERFECT}, "tiny")


def test_a_game_comes_back_from_its_file_as_it_was(here, game):
    again = class_game.newest_game(here)
    assert again == game and again.passage == PASSAGE and again.plays["model"] == PERFECT


def test_everybody_guesses_the_same_text_by_themselves(here, game):
    ada, ben = here.acting_as(ADA), here.acting_as(BEN)
    assert class_game.guess(ada, game.id, "c").place == 1
    assert class_game.guess(ben, game.id, "x").wrong == ("x",)
    assert class_game.guess(ben, game.id, "C").attempts == (Attempt(2),)
    assert class_game.guess(ben, game.id, None).attempts[1] == Attempt(0, found=False)
    assert class_game.own_game(ada, game).known == "the c"
    assert class_game.own_game(ben, game).known == "the ca"


def test_the_class_stands_beside_the_machines(here, game):
    for person in (ADA, BEN):
        for letter in "cats":
            class_game.guess(here.acting_as(person), game.id, letter)
    found = class_game.compare(here, game)
    assert [player.place for player in found.players] == [4, 4]
    assert found.together.bounds == (0.0, 0.0) and found.together.at_once == 1.0
    assert found.machines["model"].exact == inf  # the last letter was impossible to it
    assert found.place == 4


def test_machines_stand_on_what_the_furthest_person_has_reached(here, game):
    class_game.guess(here.acting_as(ADA), game.id, "c")
    found = class_game.compare(here, game)
    assert found.machines["model"].exact == 0.5 and not found.players[0].known


def test_nothing_is_compared_before_the_first_guess(here, game):
    found = class_game.compare(here, game)
    assert not found.players and found.together is None and not found.machines


def test_a_game_that_has_ended_takes_no_guesses(here, game):
    class_game.end_game(here, game.id)
    with pytest.raises(WorkspaceError, match="ended"):
        class_game.guess(here, game.id, "c")
    with pytest.raises(RightsError):
        class_game.end_game(here.acting_as(ADA), game.id)


def test_a_damaged_part_begins_anew_and_a_damaged_game_is_passed_over(here, game):
    class_game.guess(here, game.id, "c")
    place = here.root / "workshop" / "games"
    for damage in ("{", '{"attempts": [[1]]}', '{"attempts": "x", "wrong": 3}'):
        (place / game.id / "local.json").write_text(damage)
        assert class_game.own_game(here, game).place == 0
    (place / "29990101-000000-abcdef.json").write_text(
        json.dumps({"schema": 1, "id": "29990101-000000-abcdef", "symbols": 3})
    )
    assert class_game.newest_game(here) == game
