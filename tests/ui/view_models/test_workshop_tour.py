"""The tour in words: where one is, and where the room is."""

from slm.workshop.progress import Progress, StepCount
from slm.workshop.tour import STEPS
from ui.view_models.workshop_tour import chapter_marks, named, room_rows, step_card


def test_a_card_counts_what_is_done_and_knows_the_ends():
    three = Progress("local", {step.id: "now" for step in STEPS[:3]})
    card = step_card(STEPS[3], three)
    assert card.told == "Tokenizer · step 4 of 15 · 3 done"
    assert card.fraction == 0.2 and not card.done and not card.first and not card.last
    assert step_card(STEPS[0], three).first and step_card(STEPS[0], three).done
    whole = step_card(STEPS[-1], Progress("local", {step.id: "now" for step in STEPS}))
    assert whole.last and whole.fraction == 1.0 and "all" in whole.told


def test_the_list_marks_what_is_done_and_where_one_is():
    marks = chapter_marks(Progress("local", {STEPS[0].id: "now"}), STEPS[1])
    assert [chapter.title for chapter in marks][:2] == ["Data", "Tokenizer"]
    first, second = marks[0].steps
    assert "check_circle" in first.icon and not first.current
    assert "unchecked" in second.icon and second.current


def test_a_step_that_there_is_no_more_is_left_out_of_the_room():
    counts = [StepCount("long-gone", ("Ada",), ()), StepCount(STEPS[0].id, ("Ada",), ("Ben",))]
    (row,) = room_rows(counts)
    assert (row.chapter, row.step, row.done, row.looking) == ("Data", STEPS[0].title, 1, "Ben")


def test_many_names_are_cut():
    assert named([]) == "" and named(["A", "B", "C", "D"]) == "A, B, C and 1 more"
