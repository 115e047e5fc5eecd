"""Echo games say the same random words twice."""

import re
from itertools import pairwise

from slm.data.embedded import echoes


def _said(game: str) -> list[str]:
    return re.findall('"([^"]*)"', game)


def _told() -> list[list[str]]:
    games = map(echoes.generate, range(200))
    return [_said(game) for game in games if "play echo" in game]


def test_what_is_said_is_said_again_word_by_word():
    told = _told()
    assert 70 < len(told) < 130
    for first, second in told:
        assert first == second
        assert 6 <= len(first.split()) <= 26


def test_the_other_games_are_nothing_but_the_words_two_or_three_times():
    chants = [game for seed in range(200) if "play echo" not in (game := echoes.generate(seed))]
    times = set()
    for chant in chants:
        found = re.fullmatch(r"(.+?)(?: \1)+", chant)
        assert found is not None
        times.add((len(chant) + 1) // (len(found[1]) + 1))
    assert times == {2, 3}


def test_a_seed_always_gives_the_same_game_and_another_seed_another():
    assert echoes.generate(1) == echoes.generate(1)
    assert len({echoes.generate(seed) for seed in range(200)}) == 200


def test_words_come_in_any_order():
    """No word is followed by the same word often enough to be guessed without looking back."""
    pairs = [pair for first, _ in _told() for pair in pairwise(first.split())]
    assert len(set(pairs)) > 0.95 * len(pairs)
