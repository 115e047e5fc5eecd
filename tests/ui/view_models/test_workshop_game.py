"""The class game in words: who stands where, worked by hand."""

from dataclasses import replace
from math import inf

from slm.evaluation.shannon import Attempt, Bounds, Game, Passage, Standing
from slm.workshop.class_game import ClassGame, ClassStanding, Player
from ui.view_models import workshop_game as words

ADA, BEN = "p-aaaaaaaaaa", "p-bbbbbbbbbb"
PASSAGE = Passage("letters", "the ", tuple("cats"), (), (), 0, (), 27)


def _player(person: str, name: str, low: float, high: float, *, known: bool = True) -> Player:
    return Player(person, name, 12, Standing(Bounds(low, high), None, 0.5), known)


def _machine(exact: float) -> Standing:
    return Standing(Bounds(0.9, 1.1), exact, 0.7)


def _class(model: float, *players: Player) -> ClassStanding:
    return ClassStanding(
        players, Standing(Bounds(1.2, 2.0), None, 0.6), {"model": _machine(model)}, 12
    )


def test_a_person_is_a_bar_of_their_own_beside_the_class():
    standing = _class(1.0, _player(ADA, "Ada", 1.0, 1.5), _player(BEN, "Ben", 1.4, 2.4))
    view = words.game_view(standing, BEN)
    assert [bar.label for bar in view.bars] == ["The class", "You", "This model"]
    assert (view.bars[1].low, view.bars[1].high) == (1.4, 2.4)
    assert [row.name for row in view.rows] == ["Ada", "Ben (you)"]
    assert (view.rows[0].bits, view.rows[0].at_once) == ("1.00 to 1.50", "50%")


def test_whoever_plays_alone_is_no_class():
    view = words.game_view(_class(1.0, _player("local", "you", 1.0, 1.5)), "local")
    assert [bar.key for bar in view.bars] == ["person", "model"]
    assert view.reading.startswith("You need 1.20 to 2.00")
    assert view.rows[0].name == "you"


def test_the_reading_says_who_foresees_better():
    def reading(model: float) -> str:
        return words.game_view(_class(model, _player(ADA, "Ada", 1, 2)), "").reading

    assert "it foresees" in reading(1.0)
    assert "as good as each other" in reading(1.5)
    assert "you foresee" in reading(2.5)
    assert reading(inf) == "The class needs 1.20 to 2.00 bits per character."


def test_a_machine_that_was_impossible_wrong_has_no_diamond():
    view = words.game_view(_class(inf, _player(ADA, "Ada", 1, 2)), "")
    assert view.bars[-1].exact is None


def test_few_guesses_tell_no_bits_and_none_tell_nothing():
    view = words.game_view(_class(1.0, _player(ADA, "Ada", 0, 0, known=False)), "")
    assert view.rows[0].bits == "too few yet"
    nothing = words.game_view(ClassStanding((), None, {}, 0), ADA)
    assert not nothing.rows and nothing.reading == words.NO_GUESSES


def test_one_reads_how_far_one_is_and_in_the_end_the_text():
    game = Game(PASSAGE, (Attempt(1),) * 2)
    assert words.done_line(game) == "2 of 4 letters"
    assert "All 4 letters" in words.done_line(Game(PASSAGE, (Attempt(1),) * 4))
    assert words.solution(ClassGame("x", PASSAGE, {}, "tiny", False)) == "the cats"
    assert words.guessed(words.game_view(_class(1.0, _player(ADA, "A", 1, 2)), "").rows, 3) == (
        "1 of 3 is guessing."
    )
    two = words.game_view(_class(1.0, _player(ADA, "A", 1, 2), _player(BEN, "B", 1, 2)), "").rows
    assert words.guessed(two, 3, over=True) == "2 of 3 have guessed."


def test_a_text_of_one_letter_is_told_in_the_singular():
    one = Passage("letters", "the ", ("c",), (), (), 0, (), 27)
    assert words.done_line(Game(one)) == "0 of 1 letter"
    assert words.done_line(Game(one, (Attempt(1),))) == "The only letter is behind you."
    tokens = replace(one, unit="tokens", symbols=("c", "a"))
    assert words.done_line(Game(tokens)) == "0 of 2 tokens"


def test_after_a_letter_or_two_nobody_is_called_better():
    standing = _class(2.5, _player(ADA, "Ada", 0, 0, known=False))
    view = words.game_view(standing, ADA)
    assert view.reading == words.EARLY and "too early" in view.reading and not view.bars
    known = _class(2.5, _player(ADA, "Ada", 0, 0, known=False), _player(BEN, "Ben", 1, 2))
    assert "you foresee" in words.game_view(known, ADA).reading
