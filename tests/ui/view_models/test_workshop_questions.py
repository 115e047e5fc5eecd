"""Predict, then reveal, in words: nothing is told before it is revealed."""

from dataclasses import replace

from slm.workshop.questions import Asked, Question
from ui.view_models.workshop_questions import question_view, verdict

TOKENS = Question(
    "next_token",
    "Which?",
    (" cat", "\n", "\n"),
    (0,),
    "It gives its first choice 60.0%.",
    "Once",
    "nano",
    tokens=True,
    shares=(0.6, 0.1, 0.05),
    shown=((" cat", 0.6),),
)
OPEN = Asked("id", replace(TOKENS, right=(), told="", shares=()), False, 3, 1)
REVEALED = Asked("id", TOKENS, True, 3, 1, (2, 1, 0))


def test_tokens_can_be_read_and_alike_ones_told_apart():
    view = question_view(OPEN, 5)
    assert [choice.label for choice in view.choices] == ["·cat", "⏎ (2)", "⏎ (3)"]
    assert [choice.chosen for choice in view.choices] == [False, True, False]
    assert view.shown[0].label == "·cat" and view.shown[0].beside is None
    compared = replace(OPEN, question=replace(OPEN.question, beside=(0.4,)))
    assert question_view(compared, 5).shown[0].beside == 0.4


def test_an_open_question_tells_how_many_have_answered_and_no_more():
    view = question_view(OPEN, 5)
    assert view.status == "3 of 5 have answered."
    assert not view.answers and not view.told and view.right is None
    assert question_view(OPEN, 2).status == "3 of 3 have answered."
    assert question_view(replace(OPEN, by_presenter=True), 5).status == "2 of 5 have answered."
    assert question_view(replace(OPEN, answered=1), 5).status == "1 of 5 has answered."


def test_alone_one_is_told_what_to_do():
    assert "Now reveal" in question_view(OPEN, 0).status
    assert "Choose" in question_view(replace(OPEN, own=None, answered=0), 0).status


def test_a_revealed_question_has_bars_with_counts_and_what_the_model_gives():
    view = question_view(REVEALED, 5)
    assert [(bar.people, bar.right) for bar in view.answers] == [(2, True), (1, False), (0, False)]
    assert [bar.label for bar in view.answers] == ["✓ ·cat 60.0%", "⏎ (2) 10.0%", "⏎ (3) 5.0%"]
    assert [bar.told for bar in view.answers] == ["2", "1 · you", ""]
    assert view.status.startswith("2 of 3 were right. The percentages")
    assert verdict(view) == "You expected something else. It gives its first choice 60.0%."
    assert "You were right" in verdict(question_view(replace(REVEALED, own=0), 5))
    assert verdict(question_view(replace(REVEALED, own=None), 5)) == TOKENS.told
