"""Cloze questions: the likeliest choice wins, whatever the tokens are."""

import math

import pytest
import torch
import torch.nn.functional as F

from slm.data.embedded import tales
from slm.data.embedded.tales import Cloze
from slm.errors import DataError
from slm.evaluation.cloze import ask
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

SIZES = {"n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "d_model": 16, "d_ff": 32}


class ByteTokenizer:
    """A token for each byte, 256 for the end."""

    eos_id = 256

    def encode(self, text: str) -> list[int]:
        return list(text.encode())


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(vocab_size=257, context_length=32, **SIZES))
    with torch.no_grad():
        model.token_embedding.weight.mul_(20)
    return model.eval()


def nats_of(model: Transformer, prompt: str, choice: str) -> float:
    """−ln p(choice | prompt), token by token."""
    ids = torch.tensor([[256, *(prompt + choice).encode()]])
    with torch.inference_mode():
        logs_TV = F.log_softmax(model(ids[:, :-1])[0], dim=-1)
    nats_T = -logs_TV.gather(1, ids[0, 1:, None])[:, 0]
    return float(nats_T[len(prompt.encode()) :].sum())


def test_the_choice_of_the_highest_probability_wins(model):
    question = Cloze("Ann saw ", "Ann", ("Bob", "Ann", "Zoe"), "who")
    found = ask(model, ByteTokenizer(), [question])
    (answer,) = found.answers
    expected = [nats_of(model, question.prompt, choice) for choice in question.choices]
    assert answer.nats == pytest.approx(expected, abs=1e-4)
    assert answer.chosen == question.choices[expected.index(min(expected))]
    assert found.total.chance == pytest.approx(1 / 3)


def test_tokens_that_all_choices_share_count_for_none(model):
    """Ten and Tom both begin with T: only what follows is compared."""
    found = ask(model, ByteTokenizer(), [Cloze("I met ", "Tom", ("Ten", "Tom"), "who")])
    difference = found.answers[0].nats[0] - found.answers[0].nats[1]
    expected = nats_of(model, "I met ", "Ten") - nats_of(model, "I met ", "Tom")
    assert difference == pytest.approx(expected, abs=1e-4)


def test_a_text_longer_than_the_context_keeps_its_end(model):
    """1 + 40 + 3 tokens in a context of 32: the last 33 are read, 32 of them as input."""
    question = Cloze("x" * 40, "ab", ("abc", "ab"), "who")
    found = ask(model, ByteTokenizer(), [question])
    assert all(math.isfinite(nats) for nats in found.answers[0].nats)


def test_right_answers_are_counted_by_subject(model):
    questions = [
        Cloze("Ann saw ", "Ann", ("Ann",), "who"),
        Cloze("Ann saw ", "Ann", ("Ann",), "who"),
        Cloze("a hat: the ", "hat", ("hat", "hat"), "wanted"),
    ]
    found = ask(model, ByteTokenizer(), questions, questions_at_once=2)
    assert found.by_subject()["who"] == (2, 2, 1.0)
    assert found.by_subject()["wanted"].chance == 0.5
    assert found.total.accuracy == 1.0


def test_an_untrained_model_answers_tales_about_as_well_as_chance():
    torch.manual_seed(0)
    blank = Transformer(ModelConfig(vocab_size=257, context_length=256, **SIZES))
    questions = [question for seed in range(25) for question in tales.generate(seed).cloze]
    found = ask(blank, ByteTokenizer(), questions)
    assert found.total.asked == len(questions) > 60
    assert found.total.chance == pytest.approx(0.25)
    assert abs(found.total.accuracy - 0.25) < 0.2


def test_no_questions_are_refused(model):
    with pytest.raises(DataError, match="no questions"):
        ask(model, ByteTokenizer(), [])
