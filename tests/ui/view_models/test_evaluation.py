import math

import pytest

from slm.evaluation.perplexity import Perplexity
from slm.evaluation.text_score import Expected, TextScore, TokenScore
from ui.view_models import evaluation
from ui.view_models.evaluation import (
    comparison,
    documents_of,
    most_surprising,
    surprise_chips,
)

WORDS = [b"cat", b" dog", b" owl"]


def figures(model=6.1, tokens=999):
    def one(perplexity):
        return {"perplexity": perplexity, "bits_per_byte": 1.5, "tokens": tokens}

    return {
        "model": one(model),
        "uniform": one(1024.0),
        "unigram": one(300.0),
        "bigram": one(17.2),
    }


def scored():
    """Two tokens: the first at ln 2, rank 1; the second at 3 nats, rank 3."""
    first = TokenScore(0, "cat", (0, 3), math.log(2), 1, 0.5, (Expected(0, "cat", 0.5),))
    likely = (Expected(2, " owl", 0.6), Expected(1, " dog", math.exp(-3)))
    second = TokenScore(1, " dog", (3, 7), 3.0, 3, math.exp(-3), likely)
    return TextScore((first, second), Perplexity.of(nats=3 + math.log(2), tokens=2, n_bytes=7))


def test_a_model_is_read_as_a_number_of_choices():
    view = comparison(figures(), 1000, "the held-out text")
    assert view.reading == "As unsure as choosing between 6.1 equally likely tokens."
    assert [rival.key for rival in view.rivals] == ["uniform", "unigram", "bigram", "model"]
    assert "leaves 17.2" in view.verdict and "1,024" in view.verdict


def test_all_tokens_but_the_first_are_all_that_can_be_measured():
    view = comparison(figures(tokens=999), 1000, "the held-out text")
    assert view.measured == "Measured on all 999 tokens of the held-out text."
    assert not view.partial


def test_a_first_look_says_how_much_it_saw():
    view = comparison(figures(tokens=999), 50_000, "the held-out text")
    assert view.measured == "Measured on the first 999 of 50,000 tokens of the held-out text."
    assert view.partial


def test_a_model_that_loses_to_the_bigram_is_told_to_train_on():
    assert "does not beat the bigram" in comparison(figures(model=20.0), None, "x").verdict
    assert "does not beat" not in comparison(figures(), None, "x").verdict


def test_without_baselines_the_model_stands_alone():
    view = comparison({"model": figures()["model"]}, None, "this text")
    assert [rival.key for rival in view.rivals] == ["model"] and view.verdict == ""


def test_bits_per_byte_are_offered_where_all_have_them():
    known = figures()
    assert comparison(known, None, "x").units == ("perplexity", "bits_per_byte")
    known["bigram"]["bits_per_byte"] = None
    assert comparison(known, None, "x").units == ("perplexity",)


def test_painted_tokens_tell_rank_and_what_was_expected():
    first, second = surprise_chips(scored(), "cat dog", WORDS.__getitem__, 3)
    assert (first.text, second.text) == ("cat", "·dog")
    assert second.value == pytest.approx(3 / 8)
    assert "the model's first guess" in first.notes
    assert second.notes == (
        "surprise 3.00 nats: the model gave it 5.0%",
        "rank 3",
        "expected instead: ·owl 60.0%",
    )


def test_a_first_token_that_nothing_precedes_is_left_plain():
    lone = TokenScore(0, "cat", (0, 3), None, None, None, ())
    score = TextScore((lone,), Perplexity.of(nats=1.0, tokens=1))
    (chip,) = surprise_chips(score, "cat", WORDS.__getitem__, 3)
    assert chip.value is None and "nothing predicts it" in chip.notes[0]


def test_the_most_surprising_token_comes_first():
    worst, second = most_surprising(scored(), "cat dog", WORDS.__getitem__, 3)
    assert (worst.token, worst.nats, worst.expected) == ("·dog", 3.0, "·owl")
    assert second.token == "cat"


def test_documents_end_at_the_end_of_text_token():
    text = str.__mul__
    assert documents_of([5, 6, 0, 7, 0, 8], 0, lambda ids: text("x", len(ids)), 9) == ("xx", "x")
    assert documents_of([5, 6, 0, 7, 0], 0, str, limit=1) == ("[5, 6]",)


def test_without_an_end_of_text_token_the_beginning_is_one_document():
    assert documents_of([1, 2], None, str, limit=9) == ("[1, 2]",)
    assert documents_of([], None, str, limit=9) == ()


def test_code_lines_are_python(tiny_workspace):
    (run,) = tiny_workspace.runs.list()
    for code in (
        evaluation.held_out_code(run, "val", 100),
        evaluation.painted_code(run, 'a "text"\n'),
    ):
        compile(code, "lines", "exec")
