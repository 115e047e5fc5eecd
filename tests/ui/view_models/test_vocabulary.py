"""The vocabulary browser in words."""

import numpy as np
import pytest

from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.usage import Context
from slm.tokenizer.vocabulary import Standing, entries
from ui.figures.vocabulary import frequencies
from ui.view_models import vocabulary as words


@pytest.fixture(scope="module")
def known() -> words.Searchable:
    tokenizer = Tokenizer.train(["hug pug hugs bun"], vocab_size=261)
    return words.searchable(entries(tokenizer, tokenizer.merges))


@pytest.fixture(scope="module")
def standing() -> Standing:
    counts = np.zeros(261, dtype=np.int64)
    counts[257], counts[256], counts[ord("a")] = 100, 1, 10
    return Standing(counts)


def test_tokens_are_found_by_text_and_by_id(known):
    assert [entry.id for entry in words.search(known, "UG")] == [256, 257]
    assert [entry.id for entry in words.search(known, " b")] == [258]
    assert 258 in [entry.id for entry in words.search(known, "258")]
    assert words.search(known, "xyz") == []
    assert len(words.search(known, "")) == 261


def test_the_table_says_where_a_token_comes_from_and_how_often_it_stands(known, standing):
    table = words.columns(words.search(known, "ug"), standing)
    assert table["Token"] == ["ug", "hug"]
    assert table["Merge"] == [1, 2] and table["Count then"] == [3, 2]
    assert table["Frequency"] == [1, 100] and table["Rank"] == [3, 1]
    assert "Frequency" not in words.columns(known.entries, None)


def test_points_by_rank_begin_with_the_most_frequent(known, standing):
    points = words.points(known, standing, "rank")
    assert points.x.tolist() == [1, 2, 3]
    assert points.frequency.tolist() == [100, 10, 1]
    assert points.ids.tolist() == [257, ord("a"), 256]
    assert points.unused == len(points.unused_x) == 258
    by_id = words.points(known, standing, "id")
    assert by_id.x.tolist() == [ord("a") + 1, 257, 258]


def test_many_points_are_thinned_where_they_are_dense(known):
    assert len(words._spread(np.arange(100_000))) < 4_501
    assert words._spread(np.arange(100_000))[:3].tolist() == [0, 1, 2]


def test_the_picture_marks_the_open_token(known, standing):
    figure = frequencies(words.points(known, standing), by="rank", marked=257)
    assert figure.data[0].x.tolist() == [1, 2, 3]
    assert figure.data[-1].x == (1,) and figure.data[-1].customdata == (257,)
    assert "never used (258)" in figure.data[1].name
    assert len(frequencies(words.points(known, standing), by="id").data) == 2


def test_sentences_about_one_token(known, standing):
    told = words.standing_note(known.entries[257], standing, glitch=False)
    assert told == "It occurs 100 times, once in 1 tokens; rank 1."
    assert "never occurs" in words.standing_note(known.entries[259], standing, glitch=True)
    assert "a prompt can spell it" in words.standing_note(known.entries[259], standing, glitch=True)
    assert "first million" in words.usage_note(standing, "tales", sampled=True)
    assert words.usage_note(standing, "tales", sampled=False).endswith("tales: 111 tokens.")


def test_contexts_fit_a_line():
    (row,) = words.context_rows([Context(b"x" * 100, b" fox\n", b"")])
    assert (len(row.before), row.token, row.after) == (48, "·fox⏎", "")
