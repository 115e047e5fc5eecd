"""Where text is cut: by hand, and alike in every engine."""

import pytest
import tiktoken
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from slm.tokenizer.patterns import PATTERNS, chunks

BYTES = {bytes([value]): value for value in range(256)}


def test_gpt2_keeps_a_space_with_the_word_that_follows():
    assert chunks("I'll  pay 1234 €!\n\nOk ") == [
        *("I", "'ll", " ", " pay", " 1234", " €!", "\n", "\n", "Ok", " ")
    ]


def test_gpt4_cuts_numbers_after_three_digits_and_keeps_line_ends_with_signs():
    assert chunks("I'LL pay 1234!\n\n  Ok", "gpt4") == [
        *("I", "'LL", " pay", " ", "123", "4", "!\n\n", " ", " Ok")
    ]


@pytest.mark.parametrize("name", PATTERNS)
@given(text=st.text() | st.text(alphabet="a'sſ Lé1²٣\t\r\n!…\u2028\x1c"))
@example("\u0558\u208f \U00011de0")  # letters and digits of a later Unicode than most engines know
@example("don'ſ 'ſ 'S")
def test_all_engines_cut_alike(name, text):
    """Ours, and that of `tokenizers`; and tiktoken's, told by tokens of whole chunks."""
    pieces = chunks(text, name)
    assert "".join(pieces) == text
    split = pre_tokenizers.Split(tokenizers.Regex(PATTERNS[name].expression), "isolated")
    assert [piece for piece, _ in split.pre_tokenize_str(text)] == pieces
    whole = {piece.encode() for piece in pieces} - set(BYTES)
    ranks = {**BYTES, **{piece: 256 + i for i, piece in enumerate(sorted(whole))}}
    engine = tiktoken.Encoding(
        "test", pat_str=PATTERNS[name].expression, mergeable_ranks=ranks, special_tokens={}
    )
    found = [engine.decode_single_token_bytes(token) for token in engine.encode_ordinary(text)]
    assert found == [piece.encode() for piece in pieces]


@pytest.mark.parametrize("cls", [r"\p{L}", r"\p{N}", r"\s"])
def test_the_engines_mean_the_same_letters_numbers_and_blanks(cls):
    """Every code point of the planes in use, in tiktoken's engine and in that of `tokenizers`."""
    split = pre_tokenizers.Split(tokenizers.Regex(cls), "removed")
    engine = tiktoken.Encoding("test", pat_str=cls, mergeable_ranks=BYTES, special_tokens={})
    for start in range(0, 0x40000, 0x8000):
        block = "".join(
            chr(code) for code in range(start, start + 0x8000) if not 0xD800 <= code < 0xE000
        )
        left = set("".join(piece for piece, _ in split.pre_tokenize_str(block)))
        taken = set(bytes(engine.encode_ordinary(block)).decode())
        assert taken == set(block) - left
