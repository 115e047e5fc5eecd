"""Charts of a room: players, answers and a distribution, as Vega-Lite takes them."""

from ui.figures.classroom import (
    answer_rows,
    answers_chart,
    shown_chart,
    shown_rows,
    standing_chart,
    standing_rows,
)
from ui.view_models.workshop_game import Bar
from ui.view_models.workshop_questions import AnswerBar, ShownBar


def test_every_player_has_a_row_and_a_colour():
    bars = [Bar("class", "The class", 1.0, 2.0, None), Bar("model", "This model", 0.5, 0.9, 0.7)]
    assert standing_rows(bars)[1] == {
        "player": "This model",
        "key": "model",
        "low": 0.5,
        "high": 0.9,
        "exact": 0.7,
    }
    colour = standing_chart(bars)["layer"][0]["encoding"]["color"]["scale"]
    assert colour["domain"] == ["class", "model"] and len(set(colour["range"])) == 2


def test_the_right_answer_has_a_colour_of_its_own():
    bars = [AnswerBar("<b>red", 2, False, "2"), AnswerBar("✓ blue", 0, True, "")]
    assert [row["fate"] for row in answer_rows(bars)] == ["wrong", "right"]
    assert answer_rows(bars)[0]["option"] == "<b>red"  # data, never markup
    assert answers_chart(bars)["encoding"]["x"]["scale"]["domain"] == [0, 2.8]


def test_a_room_in_which_nobody_answered_has_an_axis_all_the_same():
    alone = answers_chart([AnswerBar("red", 0, False, "")])
    assert alone["encoding"]["x"]["scale"]["domain"] == [0, 1.4]
    assert answers_chart([])["height"] > 0


def test_shares_are_drawn_on_the_whole_range():
    row = {"token": "·a", "share": 0.25, "beside": None}
    assert shown_rows([ShownBar("·a", 0.25)]) == [row]
    assert shown_rows([ShownBar("·a", 0.25, 0.5)]) == [{**row, "beside": 0.5}]
    assert shown_chart([ShownBar("·a", 0.25)])["encoding"]["x"]["scale"]["domain"] == [0, 1]
