"""Texts with their changes, ready to draw."""

from slm.data.cleaning.cleaner import Example, Step, clean, follow
from slm.data.sources import Document
from ui.view_models import diffs
from ui.view_models.diffs import Piece


def test_invisible_characters_are_seen_where_they_changed_and_only_there():
    assert diffs.pieces("a b\n\tc", "a b\n  c") == (
        Piece("same", "a b\n"),
        Piece("removed", "→"),
        Piece("added", "··"),
        Piece("same", "c"),
    )
    assert diffs.shown("\u200b") == "⟨U+200B⟩"


def test_a_dropped_document_says_why_and_keeps_its_text():
    card = diffs.diff_card(Example("short", None, 4, "5 characters"), ["a.txt"] * 5)
    assert card.label == "Document 5 · a.txt"
    assert card.note == "dropped: 5 characters"
    assert card.pieces == (Piece("same", "short"),)


def test_a_rule_is_described_with_examples():
    texts = [Document("ONE", "a"), Document("two", "b")]
    reports = clean(texts, ("lower_case", "whitespace")).ledger
    view = diffs.rule_view("lower_case", reports, ["a", "b"])
    assert view.words.startswith("**Lower case.** Every letter becomes small")
    assert view.words.endswith("1 changed · 3 characters; for example:")
    assert [card.label for card in view.cards] == ["Document 1 · a"]
    assert diffs.rule_view("whitespace", reports).words.endswith("nothing in these documents.")
    assert diffs.rule_view(None, reports).cards == ()


def test_a_whole_document_is_shown_through_one_rule_or_all():
    texts = [Document("“ONE  two”", "a")]
    steps = follow(texts, ("straight_quotes", "lower_case", "blank_lines", "whitespace"), 0)
    assert diffs.touching(steps) == ["straight_quotes", "lower_case", "whitespace"]
    every = diffs.whole_document(steps, None, 0, "a")
    assert "".join(p.text for p in every.card.pieces if p.kind != "removed") == '"one two"'
    assert every.characters == "10 characters before, 9 after."
    lower = diffs.whole_document(steps, "lower_case", 0, "a")
    assert "".join(p.text for p in lower.card.pieces if p.kind != "added") == '"ONE  two"'


def test_a_document_that_is_changed_and_then_dropped_shows_both():
    steps = [Step("lower_case", "A", "a"), Step("min_length", "a", None, "1 characters")]
    view = diffs.whole_document(steps, None, 2, "")
    assert view.card.note == "dropped: 1 characters"
    assert view.card.pieces == (Piece("removed", "A"), Piece("added", "a"))
    assert view.characters == "1 characters before, dropped."


def test_a_document_that_no_rule_touches_stays_as_it_is():
    view = diffs.whole_document([Step("lower_case", "a", "a")], None, 0, "")
    assert view.card.pieces == (Piece("same", "a"),)
    assert view.characters == "1 characters; no rule changes it."


def test_very_long_documents_are_cut_and_say_so():
    view = diffs.whole_document([Step("lower_case", "A" * 50_000, "a" * 50_000)], None, 0, "")
    assert "the first 20,000 are shown" in view.characters
    assert sum(len(piece.text) for piece in view.card.pieces) <= 40_000
