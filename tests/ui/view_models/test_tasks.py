"""What scores of tasks say in words."""

from slm.evaluation.cloze import Answer
from slm.evaluation.tasks import TASKS, Asked
from ui.view_models.tasks import WORDS, answer_rows, learned_view, tasks_view, verdict


def score(accuracy, half=0.1, chance=0.5):
    return {
        "right": accuracy * 100,
        "asked": 100,
        "chance": chance,
        "accuracy": accuracy,
        "low": accuracy - half,
        "high": accuracy + half,
    }


def test_every_task_has_a_name_and_an_example():
    assert list(WORDS) == list(TASKS)


def test_what_can_be_done_is_named_and_what_the_corpus_lacks_too():
    scores = {"number": score(0.8), "arithmetic": score(0.3, chance=0.25)}
    view = tasks_view(scores, {"number": True, "arithmetic": False})
    assert view.reading == "Better than guessing at 1 of 2 tasks: was or were."
    assert "arithmetic" in view.note
    assert [row.taught for row in view.rows] == ["yes", "no"]
    assert tasks_view({"number": score(0.5)}, {}).rows[0].taught == "not known"


def test_only_an_interval_clear_of_chance_counts():
    assert verdict(score(0.55)) == "not told apart from guessing"
    assert verdict(score(0.3)) == "worse than guessing"
    assert verdict(score(0.99, half=0.01)) == "nearly always right"


def test_a_task_is_learned_where_it_beats_guessing_for_good():
    """Step 2 is luck: step 4 falls back. From 8 on it stays."""
    course = [(1, 0.5), (2, 0.9), (4, 0.5), (8, 0.8), (16, 0.9)]
    view = learned_view([(step, {"number": score(share)}) for step, share in course])
    assert view.rows[0].since == 8
    assert view.rows[0].above_chance_S == (0.0, 0.8, 0.0, 0.6000000000000001, 0.8)
    assert "was or were from step 8" in view.reading


def test_a_task_missing_at_one_step_is_a_gap():
    view = learned_view([(1, {"number": score(0.9)}), (2, {"pronoun": score(0.5)})])
    assert view.rows[0].accuracy_S == (0.9, None) and view.rows[0].since is None
    assert view.reading == "At no task is it better than guessing for good."


def test_a_long_prompt_shows_its_end_and_certainty_is_between_the_choices():
    asked = Asked("x" * 100 + " Mia", " was", (" was", " were"), "number")
    (row,) = answer_rows([Answer(asked, " was", (1.0, 1.0))])
    assert row["right"] and row["how sure"] == 0.5
    assert row["the text breaks off"].startswith("…") and row["the text breaks off"].endswith("Mia")


def test_what_untrained_weights_do_already_was_not_learned():
    """At step 0 it is right 65 times of 100: only what is clearly above that was learned."""
    course = [(0, 0.65), (4, 0.7), (8, 0.9)]
    view = learned_view([(step, {"number": score(share)}) for step, share in course])
    assert view.rows[0].since == 8
