"""The ruler: the same content in every language, and what tokenizers make of it."""

import unicodedata
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.data.embedded.languages import DOMAINS, ENGLISH, PARALLEL
from slm.errors import TokenizerError
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.comparison import (
    Measured,
    by_domain,
    by_language,
    compare,
    lines_of,
    measure,
    side_by_side,
)
from slm.tokenizer.fast import Tokenizer

BYTES = Tokenizer.from_learned([])
ENGLISH_ONLY = Tokenizer.train([ENGLISH.text] * 2, vocab_size=400)


def test_every_language_tells_the_same_seven_sentences():
    assert len({telling.code for telling in PARALLEL}) == len(PARALLEL) >= 16
    assert len({telling.script for telling in PARALLEL}) >= 10
    for telling in PARALLEL:
        stops = sum(telling.text.count(stop) for stop in ".。।")
        assert stops == 7 or telling.code == "th", telling.code
        assert telling.spaced == (telling.words is not None)


@pytest.mark.parametrize("telling", PARALLEL, ids=lambda telling: telling.code)
def test_a_language_is_written_in_its_script(telling):
    """Han, for one, is named CJK UNIFIED IDEOGRAPH by Unicode."""
    names = {"Han": "CJK", "Kana and Han": "HIRAGANA"}
    name = names.get(telling.script, telling.script.upper())
    letters = [letter for letter in telling.text if letter.isalpha()]
    share = sum(unicodedata.name(letter).startswith(name) for letter in letters) / len(letters)
    assert share > (0.5 if telling.code == "ja" else 0.99)


def test_a_measure_by_hand():
    """ "née ab": 7 bytes, 2 words; 7 tokens of one byte are 3,500 for a thousand words."""
    found = measure(BYTES, "née ab")
    assert found == Measured(tokens=7, bytes=7, words=2, lossless=True)
    assert found.bytes_per_token == 1.0 and found.per_1000_words == 3_500
    assert measure(BYTES, "") == Measured(0, 0, 0, True)
    assert measure(BYTES, "").per_1000_words == measure(BYTES, "").bytes_per_token == 0


def test_premiums_of_bytes_are_ratios_of_bytes():
    rows = {row.code: row for row in by_language(BYTES)}
    assert rows["en"].premium == 1.0
    russian = next(telling for telling in PARALLEL if telling.code == "ru")
    expected = len(russian.text.encode()) / len(ENGLISH.text.encode())
    assert rows["ru"].premium == pytest.approx(expected)
    assert rows["zh"].measured.words == ENGLISH.words


def test_who_learned_english_charges_others():
    rows = {row.code: row.premium for row in by_language(ENGLISH_ONLY)}
    assert rows["en"] == 1.0 < rows["de"] < rows["el"]


def test_what_a_tokenizer_cannot_write_is_no_saving():
    """Characters of English know no Greek: one token each, and the text is lost."""
    characters = CharacterTokenizer.train([ENGLISH.text])
    rows = {row.code: row for row in by_language(characters)}
    assert rows["en"].measured.lossless and not rows["el"].measured.lossless


def test_domains_are_all_measured():
    found = by_domain(BYTES)
    assert list(found) == [domain.key for domain in DOMAINS]
    assert all(measured.bytes_per_token == 1 for measured in found.values())


def test_the_whole_comparison_is_json_of_everything():
    found = compare({"a": BYTES, "b": ENGLISH_ONLY}, "the sea")
    assert found["tokenizers"]["a"]["pieces"] == list("the sea")
    assert found["tokenizers"]["b"]["tokens"] < 7
    assert found["tokenizers"]["b"]["languages"]["en"]["premium"] == 1


def test_too_much_at_once_is_a_sentence():
    with pytest.raises(TokenizerError, match="7 tokenizers are named; 1 to 6"):
        compare({str(n): BYTES for n in range(7)}, "a")
    with pytest.raises(TokenizerError, match="5,001 characters"):
        compare({"a": BYTES}, "a" * 5_001)


@given(text=st.text(alphabet="ab \né日", max_size=60), width=st.integers(1, 12))
def test_lines_joined_are_the_text(text, width):
    lines = lines_of(text, width)
    assert "".join(lines) == text
    assert all(len(line.rstrip("\n")) <= width for line in lines)


@given(text=st.text(max_size=60))
def test_side_by_side_every_byte_stands_once_in_every_column(text):
    rows = side_by_side([BYTES, ENGLISH_ONLY], text)
    for column in range(2):
        tokens = list(chain.from_iterable(row[column] for row in rows))
        assert [token.start for token in tokens] == [0, *(t.end for t in tokens)][: len(tokens)]
        assert not tokens or tokens[-1].end == len(text.encode())
