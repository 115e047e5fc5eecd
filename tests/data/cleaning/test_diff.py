"""What changed between two texts: pieces that stayed, went, came, found in little time."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.data.cleaning.diff import common_prefix, diff, excerpt

WORDS = st.lists(st.sampled_from(["a", "bb", " ", "  ", "\n", "“x”", "Über", "."]), max_size=60)
TEXTS = st.one_of(st.text(max_size=80), WORDS.map("".join))


def sides(pieces):
    before = "".join(piece.text for piece in pieces if piece.kind != "added")
    return before, "".join(piece.text for piece in pieces if piece.kind != "removed")


def shown(before, after):
    """[-removed-]{+added+}, as `git diff --word-diff` writes it."""
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(marks[kind].format(text) for kind, text in diff(before, after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("the big cat sat", "the cat sat", "the [-big -]cat sat"),
        ("It’s “here”", 'It\'s "here"', 'It[-’-]{+\'+}s [-“-]{+"+}here[-”-]{+"+}'),
        ("Hello World", "hello world", "[-H-]{+h+}ello [-W-]{+w+}orld"),
        ("a  b\tc", "a b c", "a [- -]b[-\t-]{+ +}c"),
        ("mail ada@x.org now", "mail <EMAIL> now", "mail [-ada@x.org-]{+<EMAIL>+} now"),
        ("abc", "", "[-abc-]"),
        ("same", "same", "same"),
        ("", "", ""),
    ],
)
def test_words_are_compared_first_and_letters_within_them(before, after, expected):
    assert shown(before, after) == expected


@settings(deadline=None, max_examples=200)
@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_off_the_pieces(before, after):
    pieces = diff(before, after)
    assert sides(pieces) == (before, after)
    assert all(piece.text for piece in pieces)
    assert all(one.kind != other.kind for one, other in pairwise(pieces))


def test_a_short_change_in_a_long_text_leaves_the_rest_alone():
    text = " ".join(str(i) for i in range(2_000))
    pieces = diff(text, text.replace(" 777 ", " seven "))
    assert [piece.text for piece in pieces if piece.kind != "same"] == ["777", "seven"]


def test_words_that_occur_once_hold_a_text_together_when_every_line_changed():
    """400 lines, each with one changed word among 9: more edits than the shortest script's
    limit, so unique words are the anchors."""
    before = "\n".join(f"line {i} has one word that is Old here, really" for i in range(400))
    pieces = diff(before, before.replace("Old", "new"))
    assert [p.text for p in pieces if p.kind != "same"] == ["Old", "new"] * 400


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ab " * 1_700, "ba " * 1_700),
        (" " * 5_000, "\n" * 5_000),
        ("a a b " * 800, "a b a " * 800),
        (" ".join(map(str, range(1_000))), " ".join(map(str, reversed(range(1_000))))),
        ("x" * 5_000, "y" * 5_000),
        ("".join(chr(97 + i * i % 23) for i in range(5_000)), "abcdefg" * 700),
    ],
)
def test_texts_made_to_take_long_do_not(before, after):
    start = time.process_time()
    assert sides(diff(before, after)) == (before, after)
    assert time.process_time() - start < 1.0


def test_an_excerpt_shows_the_change_and_a_little_around_it():
    text = "same " * 100 + "“here”" + " same" * 1_000
    before, after = excerpt(text, text.replace("“", '"').replace("”", '"'), context=40, limit=160)
    assert before.index("“here”") == 40
    assert after == before.replace("“", '"').replace("”", '"')
    assert 100 <= len(before) <= 220


def test_an_excerpt_ends_where_both_texts_agree_again():
    """Ten thousand blanks go, one here and there: what is shown belongs together."""
    text = "one  two   three\n" * 3_000
    before, after = excerpt(text, " ".join(text.split()), limit=200)
    assert before.split() == after.split()
    assert 190 < len(before) < 400


def test_an_excerpt_of_a_change_without_end_is_cut():
    before, after = excerpt("a" * 9_000, "b" * 9_000, limit=100)
    assert (before, after) == ("a" * 200, "b" * 200)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_the_common_prefix_is_as_long_as_can_be(start, one, other):
    n = common_prefix(start + one, start + other)
    assert n >= len(start)
    assert (start + one)[:n] == (start + other)[:n]
    assert (start + one)[n : n + 1] != (start + other)[n : n + 1] or n == min(
        len(start + one), len(start + other)
    )
