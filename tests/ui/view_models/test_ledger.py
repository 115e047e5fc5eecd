"""The ledger of a saved corpus in words."""

from slm.data.cleaning.cleaner import RuleReport
from slm.data.removed import RemovedDocument
from ui.view_models import ledger as words

GONE = RemovedDocument(6, "<b>\ntext", "a.txt", "min_length", "5 characters")


def test_a_row_says_how_many_documents_are_left():
    """Of 10, 4 are dropped and then 1 of the 6: 60%, 50%."""
    reports = [
        RuleReport("min_length", 5, 9, 9, 4, entry="min_length=9"),
        RuleReport("exact_duplicates", 1, 3, 3, 1),
    ]
    rows = words.ledger_rows(reports, 10)
    assert [(row.changed, row.dropped, row.left) for row in rows] == [(1, 4, 0.6), (0, 1, 0.5)]
    assert rows[0].title == "No scraps (9 characters)"


def test_removed_documents_are_told_by_where_they_stood():
    assert words.removed_rows([GONE]) == [(7, "<b> text", "No scraps", "5 characters")]
    assert words.removed_caption(GONE) == (
        "Document 7 as it came · a.txt · 8 characters · No scraps: 5 characters"
    )
    assert words.removed_words({"min_length": 1}) == "1 document removed."


def test_a_click_beyond_the_rows_is_the_first():
    assert words.picked([GONE], [3]) == GONE
    assert words.picked([GONE], []) == GONE
    assert words.picked([], [0]) is None


def test_the_way_back_is_told():
    assert "cannot be undone" in words.way_back(False, {})
    assert words.way_back(True, {}) == "Cleaning changed no document, so every text is as it came."
    details = {"documents_changed": 3, "documents_removed": {"min_length": 2, "blank": 1}}
    assert words.way_back(True, details).startswith("3 documents were changed and 3 removed.")
