"""Words and sentences by rules that can be checked by hand."""

import re
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from slm.data.exploring import words
from slm.data.exploring.characters import kind_of, scripts_of
from slm.data.exploring.words import block_of, blocks, windows, word_texts

TEXT = some.text(alphabet="abcÉß1_ .!\"'’\n字ひи\u0301", max_size=60)


def sentences(text: str) -> list[int]:
    """Words in each sentence of a text."""
    return [int(n) for n in np.unique(block_of(text).sentences, return_counts=True)[1]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The cat's 2 naïve KITTENS!", ["the", "cat's", "2", "naïve", "kittens"]),
        ("snake_case and don’t", ["snake", "case", "and", "don’t"]),
        ("'quoted' rock 'n' roll", ["quoted", "rock", "n", "roll"]),
        ("我爱你 ひらカタカナ", ["我", "爱", "你", "ひ", "ら", "カタカナ"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_words_are_runs_of_letters_marks_and_digits(text, found):
    assert word_texts(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One two. Three! Four five?", [2, 1, 2]),
        ('"Stop." He ran.', [1, 2]),
        ("Pi is 3.14 today", [5]),
        ("A title\n\nThe text begins", [2, 3]),
        ("One line\nand the next", [5]),
        ("他来了。我走了。", [3, 3]),
        ("Mr. Fox ran.", [1, 2]),
        ("... !!! ???", []),
    ],
)
def test_sentences_end_at_stops_before_a_blank_and_at_empty_lines(text, found):
    assert sentences(text) == found


@given(some.lists(TEXT, max_size=6))
def test_words_are_those_of_a_plain_regular_expression(texts):
    """The same words as the rule written down as a pattern, document by document."""
    pattern = re.compile(r"[字ひ]|(?:[abcéß1и\u0301](?:['’](?=[abcéß1и\u0301]))?)+")
    expected = [pattern.findall(text.lower()) for text in texts]
    found: list[list[str]] = [[] for _ in texts]
    for block in blocks(texts):
        for index, document in enumerate(block.documents):
            found[document].append(block.word(index))
    assert found == expected


@given(some.lists(TEXT, min_size=1, max_size=5))
def test_words_end_with_their_document(texts):
    together = [w for block in blocks(texts) for w in map(block.word, range(len(block.starts)))]
    assert together == [word for text in texts for word in word_texts(text)]


def test_a_word_has_one_hash_wherever_it_stands_and_however_it_is_written():
    block = block_of("Fox, the fox and THE FOX: foxes")
    by_word: dict[str, set[int]] = {}
    for index, value in enumerate(block.hashes.tolist()):
        by_word.setdefault(block.word(index), set()).add(value)
    assert {word: len(values) for word, values in by_word.items()} == {
        "fox": 1, "the": 1, "and": 1, "foxes": 1,
    }  # fmt: skip
    assert len(set().union(*by_word.values())) == 4


def test_windows_stay_in_their_document():
    (block,) = blocks(["a b c d", "b c", "x b c"])
    hashes, firsts = windows(block, 2)
    assert [block.word(first) for first in firsts] == ["a", "b", "c", "b", "x", "b"]
    assert hashes[1] == hashes[3] == hashes[5] and len(set(hashes.tolist())) == 4


def test_long_documents_are_cut_at_blanks_and_keep_their_number(monkeypatch):
    monkeypatch.setattr(words, "MAX_PIECE", 10)
    monkeypatch.setattr(words, "BLOCK_CHARACTERS", 10)
    text = "alpha beta gamma delta epsilon"
    found = list(blocks(["first", text, "last"], start=5))
    assert [w for block in found for w in map(block.word, range(len(block.starts)))] == [
        "first", *text.split(), "last",
    ]  # fmt: skip
    assert np.concatenate([block.documents for block in found]).tolist() == [5, *[6] * 5, 7]
    assert sum(int(block.piece_firsts.sum()) for block in found) == 3
    assert sum(int(block.piece_lengths.sum()) for block in found) == len("first" + text + "last")


def test_lone_surrogates_and_every_plane_are_survived():
    text = "a\ud800b " + "".join(map(chr, range(0, sys.maxunicode, 997)))
    assert sum(len(block.points) for block in blocks([text])) == len(text) + 1


def test_scripts_and_kinds_of_characters():
    assert scripts_of("aÉжΩ中あア한ع, 7\u0301") == {
        "a": "Latin", "É": "Latin", "ж": "Cyrillic", "Ω": "Greek", "中": "Han", "あ": "Hiragana",
        "ア": "Katakana", "한": "Hangul", "ع": "Arabic", ",": "Common", " ": "Common",
        "7": "Common", "\u0301": "Common",
    }  # fmt: skip
    assert [kind_of(c) for c in "aA中7 \n,€\x07"] == [
        "lower-case letters", "upper-case letters", "other letters", "digits", "blanks",
        "line breaks", "punctuation", "symbols", "other",
    ]  # fmt: skip
