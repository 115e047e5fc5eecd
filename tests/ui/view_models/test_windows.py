"""Windows ready to draw: segments, separators, repeats, and which way suits a text."""

import pytest

from slm.data.layout import lay_out
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.documents import encode_documents
from ui.components.payload import unpack
from ui.components.windows import windows_payload
from ui.view_models import windows as words
from ui.view_models.windows import Segment

LETTERS = CharacterTokenizer.train(["abcdefgh\n<>"])
TEXTS = ["abc", "defgh", "<b>a"]


def laid_out(mode, context, separator="end_of_text"):
    documents = encode_documents(TEXTS, LETTERS, separator)
    return documents, documents.lay_out(context, mode)


def test_a_row_holds_the_mark_before_its_document_and_the_document():
    """ "abc" and its mark are four tokens; the second window reads from that mark."""
    documents, layout = laid_out("one_document", 8)
    first, second, _ = words.picture(documents, layout, LETTERS, 1).rows
    assert first.segments == (Segment(1, 0, 4, 1, 4, begins=True, ends=True),)
    assert (first.marks, first.held, first.again) == ((3,), 4, 0)
    assert second.segments == (
        Segment(1, 0, 1, 4, 4, begins=False, ends=True),
        Segment(2, 1, 6, 1, 6, begins=True, ends=True),
    )
    assert (second.marks, second.held) == ((0, 6), 7)


def test_cut_documents_say_where_they_neither_begin_nor_end():
    documents, layout = laid_out("packed", 4)
    rows = words.picture(documents, layout, LETTERS, 1).rows
    assert [(s.number, s.begins, s.ends) for s in rows[0].segments] == [
        (1, True, True),
        (2, True, False),
    ]
    (rest, *_) = rows[1].segments  # reads from the fourth place, which the first was asked for
    assert (rest.number, rest.from_token, rest.begins, rest.ends) == (2, 1, True, False)


def test_separators_of_several_tokens_and_of_none_are_marked_as_they_are():
    documents, layout = laid_out("packed", 20 - 6, "blank_line")
    (row, *_) = words.picture(documents, layout, LETTERS, 1).rows
    assert row.marks == (3, 4, 10, 11)
    documents, layout = laid_out("packed", 6, "none")
    assert all(not row.marks for row in words.picture(documents, layout, LETTERS, 1).rows)


def test_the_picture_tells_how_its_documents_begin_and_pages_on():
    documents, layout = laid_out("one_document", 8)
    picture = words.picture(documents, layout, LETTERS, 3, n_rows=5)
    assert [row.number for row in picture.rows] == [3]
    assert picture.beginnings[3].startswith("<b>a") and set(picture.beginnings) == {2, 3}
    header, _ = unpack(windows_payload(picture, selected=3))
    assert header["places"] == 9 and header["selected"] == 3
    assert header["rows"][0]["segments"][1] == [3, 1, 5, 1, 5, True, True]
    assert header["beginnings"]["3"].startswith("<b>a")


def test_the_tokens_of_a_window_say_which_document_they_are_from():
    documents, layout = laid_out("one_document", 8)
    chips = words.chips(documents, layout, LETTERS, 2)
    assert [chip.text for chip in chips] == ["<|endoftext|>", *"defgh", "<|endoftext|>"]
    assert chips[0].notes == ("document 1, token 4 of 4", "read, and not asked for")
    assert chips[1].notes == ("document 2, token 1 of 6",)
    assert chips[-1].notes == ("document 2, token 6 of 6", "asked for, and not read")


def totals(lengths, context, modes=("documents", "packed", "one_document")):
    return {mode: lay_out(lengths, context, mode).totals for mode in modes}


@pytest.mark.parametrize(
    ("lengths", "context", "said"),
    [
        ([900] * 20, 100, "far more than a window"),
        ([95] * 50, 100, "These documents nearly fill a window"),
        ([60] * 50, 100, "the better bargain"),
        ([10] * 90, 400, "Many documents fit into a window"),
    ],
)
def test_the_advice_goes_by_how_long_documents_are(lengths, context, said):
    assert said in words.advice(totals(lengths, context))


def test_without_marks_the_advice_is_to_set_some():
    assert "cannot tell where one begins" in words.advice(totals([9] * 9, 4, ("packed",)))


def test_the_ways_stand_beside_each_other():
    """Side by side, a document of 95 is whole in a window of 101 places that begins at most 6
    before it: numbers 0, 19, 20, 39 and 40; and the last, since its window is pushed back."""
    table = words.comparison(totals([95] * 50, 100))
    assert table["Windows"] == list(words.MODES.values())
    assert table["Padded"] == ["0.0%", "0.0%", "5.0%"]
    figures = {
        figure.label: figure.value for figure in words.figures(totals([95] * 50, 100)["packed"])
    }
    assert figures["Padded"] == "0.0%" and figures["Documents cut"] == "88%"


def test_what_is_looked_at_is_told():
    documents, _ = laid_out("packed", 4)
    assert words.seen_note(documents) == "The whole training split: 3 documents, 15 tokens."
    some = encode_documents(TEXTS, LETTERS, "none", max_tokens=3)
    assert words.seen_note(some).startswith("The beginning of the training split: one document")


def test_an_open_window_is_one_of_those_shown():
    rows = words.picture(*laid_out("one_document", 8), LETTERS, 1).rows
    assert words.chosen_row("2", rows) == 2
    assert words.chosen_row("7", rows) is None
    assert words.chosen_row(None, rows) is None
