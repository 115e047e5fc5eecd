"""The Data page in words."""

from slm.data.cleaning import clean
from slm.data.sources import Document
from ui.view_models import data as words


def test_what_rules_did_is_said_in_a_sentence():
    documents = [Document("A tale\x07 told.", "a"), Document("Same.", "b"), Document("Same.", "c")]
    reports = clean(documents, ("control_characters", "exact_duplicates", "lower_case")).ledger
    assert words.cleaned_sentence(3, True, reports) == (
        "Of all 3 documents: 3 changes in documents that stay, 1 dropped, 6 characters fewer."
    )
    rows = words.ledger_rows(reports)
    assert [row.touched for row in rows] == ["1", "1", "2"]
    assert [row.dropped for row in rows] == ["–", "1", "–"]
    nothing = clean([Document("Plain text.", "a")], ("control_characters",)).ledger
    assert words.cleaned_sentence(500, False, nothing) == (
        "Of the first 500 documents, these rules change nothing."
    )


def test_blanks_and_control_characters_can_be_seen():
    assert words.shown("a \x07\n\n<b>") == "a·␇⏎\n⏎\n<b>"


def test_an_upload_is_called_by_its_file_and_not_by_where_it_is_kept():
    path = "/srv/lab/uploads/3fa9/My tales.txt"
    details = {"config": {"source": path}, "how_split": "Each line is a document."}
    assert words.corpus_facts(details) == "Source: My tales.txt. Each line is a document."
