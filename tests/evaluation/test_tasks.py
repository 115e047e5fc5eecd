"""Small tasks: the questions are balanced, chance is what guessing gives, intervals cover."""

import math
import re

import pytest
import torch

from slm.errors import DataError
from slm.evaluation.cloze import Share, ask
from slm.evaluation.tasks import TASKS, Room, chosen_tasks
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.tokenizer.fast import Tokenizer

KEYS = list(TASKS)


@pytest.fixture(scope="module")
def room() -> Room:
    texts = ["One day Mia and Ben were glad. " * 20]
    return Room(Tokenizer.train(texts, vocab_size=280), context_length=128)


@pytest.mark.parametrize("key", KEYS)
def test_every_question_has_its_answer_among_different_choices(key, room):
    task = TASKS[key]
    for question in task.questions(room, 40):
        assert question.answer in question.choices
        assert len(set(question.choices)) == len(question.choices)
        assert 1 / len(question.choices) == pytest.approx(task.chance)


@pytest.mark.parametrize("key", KEYS)
def test_no_choice_begins_another_or_it_would_always_be_likelier(key, room):
    for question in TASKS[key].questions(room, 40):
        if not hasattr(question, "ids"):
            for one in question.choices:
                others = [other for other in question.choices if other != one]
                assert key == "tales" or not any(other.startswith(one) for other in others)


@pytest.mark.parametrize("key", ["number", "pronoun", "quotes"])
def test_always_saying_the_same_is_right_half_the_time(key, room):
    asked = TASKS[key].questions(room, 100)
    kinds = [question.choices.index(question.answer) for question in asked]
    assert sum(kinds) == 50


def test_the_nearest_name_does_not_tell_the_number(room):
    """Four kinds of subject: Mia; Mia and Ben; the friend of Mia and Ben; Mia and Ben's friends."""
    asked = TASKS["number"].questions(room, 4)
    assert [question.answer for question in asked] == [" was", " were", " was", " were"]
    assert "the friend of" in asked[2].prompt and " and " in asked[2].prompt


def test_the_second_row_of_the_induction_task_repeats_the_first(room):
    for question in TASKS["induction"].questions(room, 20):
        place = question.choices.index(question.answer)
        *prompt, answer = question.ids[place]
        last = prompt[-1]
        assert prompt[prompt.index(last) + 1] == answer
        assert room.tokenizer.eos_id not in prompt


def test_brackets_close_what_was_opened_last(room):
    for question in TASKS["brackets"].questions(room, 60):
        stack = []
        for character in question.prompt + question.answer:
            if character in "([{":
                stack.append(")]}"["([{".index(character)])
            elif character in ")]}":
                assert stack.pop() == character


def test_arithmetic_is_right(room):
    for question in TASKS["arithmetic"].questions(room, 60):
        first, sign, second = re.findall(r"(\d+) ([+-]) (\d+) =$", question.prompt)[0]
        result = int(first) + int(second) if sign == "+" else int(first) - int(second)
        assert question.answer == f" {result}\n" and result >= 0


def test_questions_are_the_same_for_the_same_seed_and_others_for_another(room):
    task = TASKS["brackets"]
    assert task.questions(room, 5) == task.questions(room, 9)[:5]
    assert task.questions(room, 9) != task.questions(room, 9, seed=1)


def test_a_corpus_teaches_what_stands_in_it_often_enough():
    sums = "\n".join(f"{n} + 1 = {n + 1}" for n in range(30))
    assert TASKS["arithmetic"].taught_by(sums)
    assert not TASKS["arithmetic"].taught_by("1 + 1 = 2, as everybody knows. " + "word " * 100_000)
    assert TASKS["number"].taught_by("He was glad. They were glad. " * 5)
    assert not TASKS["number"].taught_by("He was glad. " * 50)


def test_an_untrained_model_is_near_chance_at_induction(room):
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=280, context_length=128, n_layers=1, n_heads=2, d_model=16, d_ff=32
    )
    found = ask(Transformer(config).eval(), room.tokenizer, TASKS["induction"].questions(room, 120))
    low, high = found.total.interval
    assert found.total.chance == 0.25 and low < 0.3 and high < 0.5


def test_the_interval_of_eight_in_ten_is_wilsons():
    """Centre (0.8 + 3.8415/20) / 1.38415 = 0.7168; half-width 0.2265."""
    low, high = Share(8, 10, 0.5).interval
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_none_right_of_many_is_not_certainty():
    low, high = Share(0, 20, 0.25).interval
    assert low == 0 and high == pytest.approx(1.959964**2 / (20 + 1.959964**2))
    assert math.isclose(Share(20, 20, 0.25).interval[0], 1 - high)


def test_a_context_too_short_for_a_second_row_is_refused(room):
    with pytest.raises(DataError, match="too short"):
        TASKS["induction"].questions(Room(room.tokenizer, 8), 1)


def test_an_unknown_task_is_named():
    with pytest.raises(DataError, match="'jokes'"):
        chosen_tasks(["jokes"])
    assert [task.key for task in chosen_tasks(["tales", "number"])] == ["number", "tales"]


def test_the_commonest_name_is_no_better_guess_than_another(room):
    """Seven names are nearly every other hero's: wrong answers are drawn as the right ones are."""
    common = {"Alma", "Adam", "Anna", "Arthur", "Bella", "Ben", "Betty"}
    asked = [q for q in TASKS["tales"].questions(room, 300) if q.answer.isalpha()]
    right = sum(q.answer in common for q in asked) / len(asked)
    wrong = [c in common for q in asked for c in q.choices if c != q.answer]
    assert abs(right - sum(wrong) / len(wrong)) < 0.08
