"""Copies that were planted are found; different documents stay apart."""

import random

import numpy as np

from slm.data.exploring.copies import CopyFinder
from slm.data.exploring.words import blocks
from slm.data.shingles import similarity


def groups(texts):
    finder = CopyFinder()
    for text in texts:
        finder.add_text(text)
    for block in blocks(texts):
        finder.add_block(block)
    exact = finder.exact_groups()
    return exact.tolist(), finder.near_groups(exact).tolist(), finder


def tale(seed: int, n: int = 120) -> list[str]:
    chance = random.Random(seed)
    return [f"w{chance.randrange(3_000)}" for _ in range(n)]


def test_exact_copies_are_grouped_the_largest_first():
    exact, _, _ = groups(["x", "same", "y", "same", "x", "same"])
    assert exact == [1, 0, -1, 0, 1, 0]


def test_a_word_changed_in_120_is_a_near_copy_and_no_exact_one():
    """One word is in 5 of the 116 stretches, so 111 of 121 are shared: 0.92."""
    words = tale(1)
    changed = [*words[:60], "changed", *words[61:]]
    assert round(similarity(" ".join(words), " ".join(changed)), 2) == 0.92
    texts = [" ".join(words), " ".join(tale(2)), " ".join(changed)]
    exact, near, finder = groups(texts)
    assert exact == [-1, -1, -1] and near == [0, -1, 0]
    assert finder.compared == 3


def test_half_a_document_is_no_near_copy():
    words = tale(3)
    _, near, _ = groups([" ".join(words), " ".join(words[:60] + tale(4, 60))])
    assert near == [-1, -1]


def test_exact_copies_of_a_near_copy_join_its_group():
    words = tale(5)
    changed = " ".join(["changed", *words[1:]])
    exact, near, _ = groups([" ".join(words), changed, " ".join(tale(6)), changed])
    assert exact == [-1, 0, -1, 0] and near == [0, 0, -1, 0]


def test_chains_of_near_copies_are_one_group():
    words = tale(7, 200)
    steps = [" ".join([f"new{i}"] * 0 + words[3 * i :]) for i in range(5)]
    _, near, _ = groups(steps)
    assert near == [0] * 5


def test_of_200_planted_near_copies_nearly_all_are_found_and_no_others():
    texts, planted = [], 200
    for seed in range(planted):
        words = tale(1_000 + seed)
        changed = [*words]
        changed[random.Random(seed).randrange(120)] = "changed"
        texts += [" ".join(words), " ".join(changed)]
    texts += [" ".join(tale(10_000 + seed)) for seed in range(200)]
    _, near, _ = groups(texts)
    labels = np.array(near)
    found = np.count_nonzero(
        (labels[0 : 2 * planted : 2] == labels[1 : 2 * planted : 2])
        & (labels[: 2 * planted : 2] >= 0)
    )
    assert found >= 196 and (labels[2 * planted :] == -1).all()


def test_documents_of_fewer_than_five_words_are_near_copies_when_all_their_words_are_the_same():
    exact, near, finder = groups(["a b c d", "a b c e", "", "?", "A b, c d!"])
    assert exact == [-1] * 5 and near == [0, -1, -1, -1, 0] and finder.compared == 3


def test_nothing_has_no_copies():
    exact, near, _ = groups([])
    assert exact == near == []
