import math

import pytest

from slm.evaluation.perplexity import Perplexity
from slm.evaluation.text_score import Expected, TextScore, TokenScore
from ui.view_models.painted_loss import (
    apart_chips,
    apart_in_words,
    most_surprising,
    painted_code,
    surprise_chips,
)

WORDS = [b"cat", b" dog", b" owl"]


def scored():
    """Two tokens: the first at ln 2, rank 1; the second at 3 nats, rank 3."""
    first = TokenScore(0, "cat", (0, 3), math.log(2), 1, 0.5, (Expected(0, "cat", 0.5),))
    likely = (Expected(2, " owl", 0.6), Expected(1, " dog", math.exp(-3)))
    second = TokenScore(1, " dog", (3, 7), 3.0, 3, math.exp(-3), likely)
    return TextScore((first, second), Perplexity.of(nats=3 + math.log(2), tokens=2, n_bytes=7))


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


def whole(nats):
    """The same text as one token."""
    token = TokenScore(0, "cat dog", (0, 7), nats, 1, 0.5, ())
    return TextScore((token,), Perplexity.of(nats=nats, tokens=1, n_bytes=7))


def test_two_models_of_the_same_tokens_are_painted_token_by_token():
    first, second = apart_chips(scored(), scored(), "cat dog")
    assert (first.value, second.value) == (0.0, 0.0)
    assert second.notes == ("this model 3.00 nats, the other 3.00: +0.00",)


def test_tokens_that_differ_are_joined_and_say_so():
    """ln 2 + 3 nats against 1.5: 2.19 more, 0.55 of the scale's 4."""
    (piece,) = apart_chips(scored(), whole(1.5), "cat dog")
    assert piece.text == "cat·dog"
    assert piece.value == pytest.approx((math.log(2) + 1.5) / 4)
    assert piece.notes[1] == "2 tokens here, 1 there"


def test_the_whole_difference_is_told_in_bits_a_byte():
    """(ln 2 + 3) nats over 7 bytes are 0.761 bits a byte, 1.5 nats 0.309."""
    assert apart_in_words(scored(), whole(1.5), "B") == (
        "This model is 0.452 bits a byte more surprised than B (0.761 against 0.309)."
    )
    assert apart_in_words(whole(1.5), scored(), "B").startswith("This model is 0.452 bits a byte l")
    assert "equally surprised" in apart_in_words(scored(), scored(), "B")


def test_code_lines_are_python(tiny_workspace):
    (run,) = tiny_workspace.runs.list()
    for other in (None, run.id):
        compile(painted_code(run, 'a "text"\n', other), "lines", "exec")
