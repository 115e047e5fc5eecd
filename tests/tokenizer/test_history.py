"""What merges tell afterwards."""

import numpy as np

from slm.tokenizer.bpe import Merge
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.history import build_steps, merges_for, shrinking

TEXT = "hug pug hugs bun"


def test_a_token_is_built_by_the_merges_of_its_parts_each_told_once():
    merges = [
        Merge((b"a", b"a"), 9, b"aa"),
        Merge((b"x", b"y"), 5, b"xy"),
        Merge((b"aa", b"aa"), 4, b"aaaa"),
    ]
    steps = build_steps(merges, b"aaaa")
    assert [(step.number, step.merge.bytes) for step in steps] == [(1, b"aa"), (3, b"aaaa")]
    assert build_steps(merges, b"q") == []


def test_the_curve_begins_with_bytes_and_ends_with_what_the_tokenizer_makes():
    """16 bytes; "ug" joins three pairs, "hug" two, " b" and " p" one each."""
    tokenizer = Tokenizer.train([TEXT], vocab_size=261)
    curve = shrinking(tokenizer.definition.merges, [TEXT])
    assert curve.tokens.tolist() == [16, 13, 11, 10, 9]
    assert curve.tokens[-1] == len(tokenizer.encode(TEXT))
    assert curve.bytes_per_token[0] == 1.0


def test_the_curve_agrees_with_shorter_tokenizers_on_other_text():
    texts = ["The otter saw the other otter. " * 5, "Überall Äpfel, 東京 and 🦊."]
    long = Tokenizer.train(texts, vocab_size=277)
    curve = shrinking(long.definition.merges, texts)
    for n_merges in (0, 7, 20):
        short = Tokenizer.train(texts, vocab_size=257 + n_merges)
        assert curve.tokens[n_merges] == sum(len(short.encode(text)) for text in texts)


def test_most_of_the_saving_comes_early():
    """Of the 7 tokens that four merges save, the first two save 5."""
    tokenizer = Tokenizer.train([TEXT], vocab_size=261)
    curve = shrinking(tokenizer.definition.merges, [TEXT])
    assert merges_for(curve, 0.7) == 2
    assert merges_for(curve, 1.0) == 4
    assert np.all(np.diff(curve.tokens) <= 0)
