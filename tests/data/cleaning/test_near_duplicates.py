"""Near duplicates: planted ones are found, different texts stay, the estimate is close."""

import random
import subprocess
import sys

import pytest

from slm.data.cleaning.near_duplicates import NearDuplicates, bands_for
from slm.data.cleaning.rules_filter import Dropped
from slm.data.shingles import similarity

WORDS = [f"word{i}" for i in range(5_000)]


def text_of(seed: int, words: int = 200) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def with_changes(text: str, changes: int, seed: int = 0) -> str:
    """The text with some words replaced, far from one another."""
    words = text.split()
    step = len(words) // max(changes, 1)
    for i in range(changes):
        words[i * step + 5] = f"changed{seed}x{i}"
    return " ".join(words)


def test_planted_copies_go_and_everything_else_stays():
    """300 texts, and a copy of each with 2 of 200 words changed: similarity 186/206 = 0.90."""
    rule = NearDuplicates(0.8)
    texts = [text_of(seed) for seed in range(300)]
    assert all(rule(text) == text for text in texts)
    dropped = [rule(with_changes(text, 2, seed=1)) for text in texts]
    found = [made for made in dropped if isinstance(made, Dropped)]
    assert len(found) >= 298
    near = [made for made in found if made.reason.startswith(("8", "9", "100"))]
    assert len(near) == len(found)


def test_texts_well_below_the_threshold_stay():
    """12 changes: 136 of 256 runs shared, 0.53."""
    rule = NearDuplicates(0.8)
    for seed in range(100):
        text = text_of(seed)
        assert similarity(text, with_changes(text, 12)) == pytest.approx(136 / 256)
        assert rule(text) == text
        assert rule(with_changes(text, 12)) == with_changes(text, 12)


def test_the_reason_tells_which_text_is_meant():
    rule = NearDuplicates(0.8)
    rule("Once upon a time there was a fox who lived in a well.")
    made = rule("once upon a time, there was a fox who lived in a well")
    assert made == Dropped("100% like “Once upon a time there was a fox who lived in a well.”")


def test_texts_without_words_are_never_alike():
    rule = NearDuplicates(0.5)
    assert [rule(text) for text in ("?!", "?!", "", "")] == ["?!", "?!", "", ""]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_find_ninety_nine_pairs_of_a_hundred_at_the_threshold(threshold):
    bands = bands_for(threshold)
    assert 128 % bands == 0
    assert 1 - (1 - threshold ** (128 // bands)) ** bands >= 0.99


def test_another_process_drops_the_same():
    code = (
        "from tests.data.cleaning.test_near_duplicates import *\n"
        "rule = NearDuplicates(0.8)\n"
        "texts = [with_changes(text_of(s % 20), s % 7, s) for s in range(140)]\n"
        "print([rule(t)[:30] if isinstance(rule(t), str) else rule(t).reason for t in texts])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1 and "like" in runs.pop()
