"""Tokenizers compared, ready to draw."""

from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer
from ui.components.payload import unpack
from ui.components.token_columns import token_columns_payload
from ui.figures.comparison import heat_map
from ui.view_models import comparison as words

BYTES = Tokenizer.from_learned([])
HUGS = Tokenizer.train(["hug pug hugs bun"], vocab_size=261)
BOTH = {"bytes": BYTES, "<b>hugs</b>": HUGS}


def test_columns_hold_the_same_text_line_beside_line():
    view = words.side_by_side_view(BOTH, "hugs\nbun")
    assert view.facts == ("8 tokens · 1.00 bytes per token", "6 tokens · 1.33 bytes per token")
    assert len(view.rows) == 2
    assert ["".join(t.text for t in column) for column in view.rows[0]] == ["hugs⏎", "hugs⏎"]
    assert [t.text for t in view.rows[0][1]] == ["hug", "s", "⏎"]
    assert (view.rows[1][1][0].start, view.rows[1][1][0].end) == (5, 6)
    header, _ = unpack(token_columns_payload(view))
    assert header["rows"][0][1]["ends"] == [3, 4, 5]
    assert header["names"] == ["bytes", "<b>hugs</b>"]


def test_languages_are_rows_and_english_is_the_measure():
    grid = words.language_grid(BOTH, "premium")
    assert grid.rows[0] == "English" and "Russian (Cyrillic)" in grid.rows and "Greek" in grid.rows
    assert grid.values[0] == (1.0, 1.0) and grid.cells[0] == ("1.00", "1.00")
    assert words.language_grid(BOTH, "bytes").values[0][0] == 1.0
    assert words.language_grid(BOTH, "words").cells[0][0] == "5,096"  # 372 bytes, 73 words


def test_a_text_that_is_lost_is_marked():
    grid = words.language_grid({"c": CharacterTokenizer.train(["abc"])})
    assert grid.cells[1][0].endswith(" *") and "cannot write" in grid.hovers[1][0]
    (note,) = words.premium_note({"c": CharacterTokenizer.train(["abc"])})
    assert "English alone" in note


def test_who_pays_most_is_told():
    (note,) = words.premium_note({"bytes": BYTES})
    assert note.startswith("bytes: Bengali pays most, 2.5 times")


def test_the_map_shows_names_literally_and_bright_is_dear():
    figure = heat_map(words.language_grid(BOTH))
    assert figure.layout.xaxis.ticktext[1] == "&lt;b&gt;hugs&lt;/b&gt;"
    cells = figure.data[0]
    assert cells.z[0][0] == 0 and cells.z[15][0] > cells.z[1][0]
    domains = heat_map(words.domain_grid(BOTH))
    assert domains.data[0].z[0][1] <= domains.data[0].z[0][0]
    assert len(domains.data[0].y) == 7


def test_at_first_the_current_one_stands_beside_others():
    assert words.default_choice(["a", "b", "c", "bytes"], "b") == ["b", "a", "c"]
    assert words.default_choice(["a", "bytes"], None) == ["a", "bytes"]
    assert words.default_choice(["a"], "gone") == ["a"]
