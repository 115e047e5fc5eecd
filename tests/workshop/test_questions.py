"""Predict, then reveal: the answer is a model's, and leaves the server when it is revealed."""

from pathlib import Path

import pytest

from slm.errors import DataError, RightsError, WorkspaceError
from slm.lab.reports import open_run
from slm.workshop import asking, questions
from slm.workshop.asking import READY, Basis, compute
from slm.workshop.questions import Question
from slm.workspace import Workspace

DEMO = Path(__file__).parents[2] / "demo"
ADA, BEN = "p-aaaaaaaaaa", "p-bbbbbbbbbb"
COLOURS = Question("next_token", "Which?", ("red", "blue"), (1,), "Blue.", shares=(0.2, 0.7))


@pytest.fixture(scope="module")
def basis() -> Basis:
    workspace = Workspace(DEMO)
    (run,) = workspace.runs.list()
    opened = open_run(run)
    return Basis(workspace, run, opened.model, opened.tokenizer)


@pytest.fixture()
def here(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.mark.parametrize("kind", READY)
def test_every_ready_question_has_one_right_answer(kind, basis):
    found = compute(kind, basis)
    (right,) = found.right
    assert 0 <= right < len(found.options) >= 4 and found.told
    assert Question.from_json(found.to_json()) == found
    assert compute(kind, basis) == found  # asked again, it is the same


def test_the_next_token_is_the_one_that_greedy_writing_takes(basis):
    found = compute("next_token", basis)
    (right,) = found.right
    assert found.shares[right] == max(found.shares)
    from slm.sampling.filters import SamplingConfig
    from slm.sampling.generate import generate

    prompt = basis.tokenizer.encode(asking.PROMPT)
    (step,) = generate(basis.model, prompt, SamplingConfig(temperature=0), 1)
    assert found.options[right] == basis.tokenizer.decode([step.id])


def test_the_bars_are_those_of_the_temperature_that_is_asked_for(basis):
    found = compute("temperature", basis)
    hidden = float(found.options[found.right[0]])
    own, drawn = asking._shares(basis, 1.0), [share for _, share in found.shown]
    powers = sorted((own.astype(float) ** (1 / hidden)), reverse=True)
    assert drawn[0] == pytest.approx(powers[0] / sum(powers), rel=1e-3)
    assert found.beside[0] == pytest.approx(own.max(), rel=1e-6)  # those of temperature 1
    assert len(found.beside) == len(drawn)


def test_a_prompt_of_the_presenter_s_own_is_asked_about(basis):
    own = Basis(basis.workspace, basis.run, basis.model, basis.tokenizer, "The old fox")
    assert compute("next_token", own).prompt == "The old fox"
    with pytest.raises(DataError, match="at least 64"):
        compute("shuffled", own)
    with pytest.raises(DataError, match="3,000 characters"):
        compute(
            "next_token",
            Basis(basis.workspace, basis.run, basis.model, basis.tokenizer, "x" * 3_000),
        )


def test_mixed_words_cost_a_model_more(basis):
    found = compute("shuffled", basis)
    assert found.right[0] > 0


def test_the_answer_is_hidden_until_it_is_revealed(here):
    asked = questions.ask(here, COLOURS)
    ada = here.acting_as(ADA)
    questions.answer(ada, asked, 0)
    questions.answer(ada, asked, 1)  # people change their minds
    questions.answer(here.acting_as(BEN), asked, 0)
    before = questions.look(ada, asked)
    assert (before.answered, before.own, before.counts) == (2, 1, ())
    assert before.question.right == () and not before.question.told and not before.question.shares
    questions.reveal(here, asked)
    after = questions.newest_question(ada)
    assert not before.by_presenter and not after.by_presenter
    assert after.counts == (1, 1) and after.n_right == 1 and after.question == COLOURS


def test_it_is_too_late_once_the_answer_is_seen(here):
    asked = questions.ask(here, COLOURS)
    with pytest.raises(WorkspaceError, match="no such answer"):
        questions.answer(here, asked, 2)
    questions.reveal(here, asked)
    with pytest.raises(WorkspaceError, match="too late"):
        questions.answer(here, asked, 0)


def test_only_the_presenter_asks_and_reveals(here):
    asked = questions.ask(here, COLOURS)
    for act in (lambda ada: questions.ask(ada, COLOURS), lambda ada: questions.reveal(ada, asked)):
        with pytest.raises(RightsError):
            act(here.acting_as(ADA))
    with pytest.raises(RightsError, match="door"):
        questions.answer(here.acting_as("nobody"), asked, 0)


def test_damaged_answers_are_not_counted(here):
    asked = questions.ask(here, COLOURS)
    questions.answer(here, asked, 1)
    place = here.root / "workshop" / "questions" / asked
    (place / f"{ADA}.json").write_text('{"choice": 9}')
    (place / f"{BEN}.json").write_text("{")
    assert questions.look(here, asked).answered == 1


def test_a_question_that_was_asked_before_it_had_bars_to_compare_with_can_be_read():
    told = {key: value for key, value in COLOURS.to_json().items() if key != "beside"}
    assert Question.from_json(told) == COLOURS


def test_of_questions_asked_at_once_the_last_is_the_newest(here):
    asked = [questions.ask(here, COLOURS) for _ in range(20)]
    newest = questions.newest_question(here)
    assert newest is not None and newest.id == asked[-1]
