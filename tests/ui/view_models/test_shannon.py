"""The game's board and standings in words."""

from slm.evaluation.shannon import Attempt, Game, Passage, Play
from ui.components.guessing import board_payload
from ui.components.payload import unpack
from ui.view_models.shannon import board, last_machines, scores, shannon_code

PASSAGE = Passage("letters", "On", (" ", "<", "b"), (), (), 2, (3, 4, 5), 27)
PLAYS = {"model": Play((Attempt(1), Attempt(9), Attempt(1)), (0.5, 3.5, 0.5), (" ", "x", "b"))}


def test_the_board_shows_what_is_known_and_nothing_more():
    shown = board(Game(PASSAGE).guess(" ").guess("x").guess("y"))
    assert [(symbol.text, symbol.told) for symbol in shown.symbols] == [("·", "1")]
    assert shown.wrong == ("x", "y") and shown.single and not shown.over
    header, _ = unpack(board_payload(shown))
    assert "<" not in str(header) and header["lead"] == "On"


def test_a_letter_that_was_given_up_is_marked():
    (symbol,) = board(Game(PASSAGE).guess("x").give_up()).symbols
    assert (symbol.told, symbol.hard) == ("–", True)


def test_before_the_first_letter_nobody_stands_anywhere():
    assert scores(Game(PASSAGE), PLAYS) is None
    assert last_machines(Game(PASSAGE), PLAYS) == ""


def test_all_players_are_compared_on_the_same_letters():
    """After two letters: you took 1 guess each, the model spent 0.5 + 3.5 bits."""
    game = Game(PASSAGE).guess(" ").guess("<")
    found = scores(game, PLAYS)
    you, model = found.rows
    assert (you.low, you.high, you.exact) == (0.0, 0.0, None)
    assert (model.exact, model.high, model.at_once) == (2.0, 1.0, 0.5)
    assert (
        found.reading == "After 2 letters you need 0.00 to 0.00 bits a character, the model 2.00."
    )
    assert found.note
    assert last_machines(game, PLAYS) == "This model: x first, right at guess 9"


def test_a_finished_game_names_who_foresaw_more():
    game = Game(PASSAGE).guess(" ").guess("<").guess("b")
    assert scores(game, PLAYS).reading.endswith("you are ahead.")


def test_without_a_model_the_person_stands_alone():
    found = scores(Game(PASSAGE).guess(" "), {})
    assert [row.label for row in found.rows] == ["You"]


def test_code_lines_are_python(tiny_workspace):
    (run,) = tiny_workspace.runs.list()
    compile(shannon_code(run, 'a "text"\n', "tokens"), "lines", "exec")
