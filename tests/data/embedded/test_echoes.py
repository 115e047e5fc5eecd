"""Echo games say the same random words twice."""

import re
from itertools import pairwise

from slm.data.embedded import echoes


def _said(game: str) -> list[str]:
    return re.findall('"([^"]*)"', game)


def test_what_is_said_is_said_again_word_by_word():
    for seed in range(50):
        first, second = _said(echoes.generate(seed))
        assert first == second
        assert 8 <= len(first.split()) <= 40


def test_a_seed_always_gives_the_same_game_and_another_seed_another():
    assert echoes.generate(1) == echoes.generate(1)
    assert len({echoes.generate(seed) for seed in range(200)}) == 200


def test_words_come_in_any_order():
    """No word is followed by the same word often enough to be guessed without looking back."""
    pairs = [
        pair
        for seed in range(200)
        for words in [_said(echoes.generate(seed))[0].split()]
        for pair in pairwise(words)
    ]
    assert len(set(pairs)) > 0.95 * len(pairs)
