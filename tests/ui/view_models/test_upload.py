"""What the page says of a file."""

import pytest

from slm.data.reading.ingest import UPLOAD
from slm.data.reading.previews import FileInside, Preview
from slm.data.reading.tables import Column
from slm.data.reading.text_files import RULES
from ui.view_models import upload as words


def found(kind: str = "text", **known: object) -> Preview:
    return Preview("a.txt", kind, 12_300, how_split="Each row is a document.", **known)


def test_the_headline_says_what_the_file_is():
    assert words.file_view(found(encoding="cp1252")).headline == (
        "Plain text · 12.3 kB · Windows-1252"
    )
    table = found("csv", columns=(Column("text", "text", 9.0),), delimiter="semicolon")
    assert words.file_view(table).headline == (
        "A table (CSV) · 12.3 kB · 1 column · cells apart by a semicolon"
    )
    assert words.file_view(found("pdf", pages=2)).headline == "Pages (PDF) · 12.3 kB · 2 pages"
    assert words.file_view(found("zip", n_members=3)).headline.endswith("3 files")


def test_documents_are_counted_or_said_to_be_more():
    assert words.file_view(found(counted=1, whole=True)).documents.startswith("1 document. ")
    assert words.file_view(found(counted=9_000)).documents.startswith("More than 9,000 documents")


def test_a_guessed_encoding_asks_for_a_look():
    assert "Windows-1251 fits best" in words.file_view(found(encoding="cp1251")).notes[0]
    assert words.file_view(found(encoding="utf-8")).notes == ()


def test_what_reading_changed_is_told():
    notes = words.file_view(found(replaced_characters=2, lines_cut=1, documents_cut=3)).notes
    assert notes[0] == "2 places could not be decoded and became U+FFFD (�)."
    assert notes[1] == "1 line without blanks was cut every 2,000 characters."
    assert notes[2] == "3 very long documents had to be cut."


def test_columns_are_labelled_by_kind_and_length():
    view = words.file_view(
        found("csv", columns=(Column("id", "number", 1.0), Column("tale", "text", 1_234.5)))
    )
    assert view.columns == {"id": "number", "tale": "text, 1,234 characters on average"}
    assert not view.asks_split


def test_files_inside_say_what_becomes_of_them():
    inside = (FileInside("a.txt", 9), FileInside("b.zip", 2_000_000, "an archive in an archive"))
    view = words.file_view(found("zip", members=inside, n_members=2))
    assert view.inside == (
        ("a.txt", "9 B", "read"),
        ("b.zip", "2.0 MB", "an archive in an archive"),
    )


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({}, ""),
        ({"rows_kept": 9, "rows_skipped": 1}, "Kept 9 of 10 rows."),
        (
            {"files_read": 2, "files_skipped": 1, "first_problem": "b.txt is empty."},
            "Read 2 of 3 files; b.txt is empty.",
        ),
        ({"replaced_characters": 1}, "1 place could not be decoded and became U+FFFD (�)."),
        ({"pages_without_text": 4}, "4 pages without text."),
    ],
)
def test_findings_of_a_corpus_are_a_sentence(details, told):
    assert words.findings_sentence(details) == told


def test_every_rule_has_a_name_and_every_limit_is_said():
    assert set(words.SPLIT_RULES) == {"auto", *RULES}
    assert f"{UPLOAD.cpu_seconds:.0f} s of computing" in words.LIMITS
    assert "500 MB of text" in words.LIMITS
