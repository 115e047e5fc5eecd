"""The Shannon game: bounds worked by hand, and machines whose bits are those of their tokens."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import DataError
from slm.evaluation.shannon import (
    Attempt,
    Game,
    Lexicon,
    Passage,
    cut_passage,
    entropy_bounds,
    play,
    standing,
)
from slm.tokenizer.fast import Tokenizer

TEXT = "The cat sat on the mat. The cat ate the rat, and the rat ate nothing at all."


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train([TEXT * 5], vocab_size=285)


def uniform(tokenizer):
    return lambda place: np.full(tokenizer.vocab_size, 1 / tokenizer.vocab_size)


def test_a_reader_who_is_always_right_has_no_entropy_to_show():
    assert entropy_bounds([Attempt(1)] * 10, 27) == (0.0, 0.0)


def test_three_at_once_and_one_at_the_second_guess():
    """q = (3/4, 1/4): at least 2·(1/4)·log2 2 = 0.5, at most the entropy of q, 0.8113."""
    low, high = entropy_bounds([Attempt(1)] * 3 + [Attempt(2)], 27)
    assert (low, high) == pytest.approx((0.5, 0.811278), abs=1e-6)


def test_a_letter_given_up_may_be_any_of_those_left():
    """Half found at once, half given up after 11 of 27: H(1/2) + (1/2)·log2 16 = 3 bits."""
    low, high = entropy_bounds([Attempt(1), Attempt(11, found=False)], 27)
    assert high == pytest.approx(3.0)
    assert low == pytest.approx(1.0)


@given(st.lists(st.builds(Attempt, st.integers(1, 27), st.booleans()), min_size=1, max_size=60))
def test_the_lower_bound_is_never_above_the_upper(attempts):
    low, high = entropy_bounds(attempts, 27)
    assert 0 <= low <= high + 1e-12
    assert high <= math.log2(28) + math.log2(27)


def test_nothing_guessed_gives_no_bounds():
    with pytest.raises(DataError):
        entropy_bounds([], 27)


@pytest.mark.parametrize("unit", ["letters", "tokens"])
def test_lead_and_symbols_are_the_text(tokenizer, unit):
    passage = cut_passage(TEXT, tokenizer, unit, most_tokens=500)
    assert TEXT.startswith(passage.lead + "".join(passage.symbols))
    assert passage.utf8[passage.start : passage.ends[0]].decode() == passage.symbols[0]
    assert len(passage.lead) >= 20 and len(passage.symbols) > 5


def test_a_passage_ends_where_the_context_does(tokenizer):
    passage = cut_passage(TEXT, tokenizer, "tokens", most_tokens=6)
    assert len(passage.ids) == 6


def test_a_text_of_one_token_is_refused(tokenizer):
    with pytest.raises(DataError, match="too short"):
        cut_passage("T", tokenizer, "letters", most_tokens=100)


def test_guesses_are_counted_until_one_is_right(tokenizer):
    passage = Passage("letters", "a", ("T", "\n"), (), (), 1, (2, 3), 27)
    game = Game(passage).guess("x").guess("X").guess("t")
    assert game.attempts == (Attempt(2),) and game.known == "aT"
    game = game.guess(" ")
    assert game.attempts == (Attempt(2), Attempt(1)) and game.over
    assert game.guess("y") is game and game.give_up() is game


def test_giving_up_shows_the_symbol():
    game = Game(Passage("letters", "a", ("T",), (), (), 1, (2,), 27)).guess("x").give_up()
    assert game.attempts == (Attempt(1, found=False),) and game.known == "aT"


def test_a_uniform_machine_spends_log_v_bits_a_token(tokenizer):
    passage = cut_passage(TEXT, tokenizer, "tokens", most_tokens=500)
    one = play(passage, uniform(tokenizer), Lexicon(tokenizer), tokenizer)
    assert one.bits == pytest.approx([math.log2(tokenizer.vocab_size)] * len(passage.symbols))


@given(seed=st.integers(0, 50))
def test_bits_of_letters_add_up_to_those_of_their_tokens(tokenizer, seed):
    """Letters are tokens in small change: at a token's end both have spent the same."""
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(tokenizer.vocab_size), size=200)
    text = TEXT[: 40 + seed % 30] + " über 日本 naïve"
    letters = cut_passage(text, tokenizer, "letters", most_tokens=500)
    spent = play(letters, rows.__getitem__, Lexicon(tokenizer), tokenizer)
    tokens = sum(
        -math.log2(rows[at][token])
        for at, (token, (start, _)) in enumerate(zip(letters.ids, letters.spans, strict=True))
        if start >= letters.start
    )
    assert len(spent.bits) == len(spent.attempts) == len(letters.symbols)
    assert sum(spent.bits) == pytest.approx(tokens)


def test_a_machine_that_is_certain_of_the_text_guesses_all_at_once(tokenizer):
    passage = cut_passage(TEXT, tokenizer, "letters", most_tokens=500)

    def sure(place):
        row = np.full(tokenizer.vocab_size, 1e-12)
        row[passage.ids[place]] = 1.0
        return row

    one = play(passage, sure, Lexicon(tokenizer), tokenizer)
    assert set(one.attempts) == {Attempt(1)}
    assert one.first == tuple(symbol.lower() for symbol in passage.symbols)
    stands = standing(passage, one.attempts, one.bits)
    assert stands.bounds == (0.0, 0.0) and stands.at_once == 1.0
    assert stands.exact == pytest.approx(0.0, abs=1e-6)


def test_tokens_of_several_characters_count_by_character(tokenizer):
    """Two tokens of 2 and 6 characters at 4 bits each: 1 bit a character."""
    passage = Passage("tokens", "a", ("bc", "defghi"), (), (), 1, (3, 9), 16)
    assert standing(passage, [Attempt(1), Attempt(1)], [4.0, 4.0]).exact == 1.0
