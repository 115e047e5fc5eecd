"""A pass of rules over documents: their order, and what the ledger says of them."""

import json

import pytest

from slm.data.cleaning.cleaner import RuleReport, clean, follow
from slm.data.cleaning.rules import DEFAULT_RULES
from slm.data.sources import Document
from slm.errors import DataError


def documents(*texts):
    return [Document(text, "test") for text in texts]


def test_the_ledger_counts_what_each_rule_did_after_those_before_it():
    cleaned = clean(documents("A“B”", "a'b'", "c"), ("straight_quotes", "lower_case"))
    assert [document.text for document in cleaned.documents] == ['a"b"', "a'b'", "c"]
    quotes, lower = cleaned.ledger
    assert (quotes.documents_touched, quotes.characters_changed) == (1, 2)
    assert quotes.characters_removed == 0
    assert quotes.examples == [("A“B”", 'A"B"', 0, "")]
    assert (lower.documents_touched, lower.characters_changed) == (1, 2)


def test_removed_characters_and_dropped_documents_are_counted():
    texts = ["a  b", "the same text", "the same text", "the same text"]
    whitespace, duplicates = clean(documents(*texts), ("whitespace", "exact_duplicates")).ledger
    assert whitespace.characters_removed == whitespace.characters_changed == 1
    assert duplicates.documents_dropped == duplicates.documents_touched == 2
    assert duplicates.characters_removed == 2 * len("the same text")
    assert duplicates.examples[0] == ("the same text", None, 2, "the same text came before")


def test_order_matters():
    texts = documents("Hello there, world", "hello there, world")
    assert len(clean(texts, ("exact_duplicates", "lower_case")).documents) == 2
    assert len(clean(texts, ("lower_case", "exact_duplicates")).documents) == 1


def test_each_pass_starts_with_no_memory_of_duplicates():
    for _ in range(2):
        assert len(clean(documents("x", "x"), ("exact_duplicates",)).documents) == 1


def test_examples_show_the_first_change_and_are_at_most_five():
    text = "same " * 100 + "“here”" + " same" * 1_000
    report = clean(documents(*[text] * 9), ("straight_quotes",)).ledger[0]
    assert [example.document for example in report.examples] == [0, 1, 2, 3, 4]
    before, after, _, _ = report.examples[0]
    assert "“here”" in before
    assert '"here"' in after
    assert len(before) == len(after) < 700


def test_reports_of_earlier_versions_can_be_read():
    old = {"kind": "rule", "rule": "lower_case", "documents_touched": 1, "crc": 5}
    counts = {"characters_changed": 1, "characters_removed": 0, "documents_dropped": 0}
    report = RuleReport.from_json({**old, **counts, "examples": [["A", "a"]]})
    assert report.examples == [("A", "a", -1, "")]
    assert report.entry == "lower_case"


def test_a_value_of_a_rule_stands_in_the_ledger():
    reports = clean(documents("short", "long enough"), ("min_length=6", "lower_case")).ledger
    assert [report.entry for report in reports] == ["min_length=6", "lower_case"]
    assert reports[0].examples == [("short", None, 0, "5 characters")]


def test_rules_that_look_ahead_see_texts_as_the_rules_before_leave_them():
    """Copies do not count twice: "Menu" stands in 4 different documents, then in 5."""
    rules = ("lower_case", "exact_duplicates", "boilerplate=50")
    few = [f"MENU\nstory {'x' * i}" for i in (0, 0, 0, 1, 2, 3)]
    assert all("menu" in d.text for d in clean(documents(*few), rules).documents)
    more = [*few, "menu\nthe last"]
    cleaned = clean(documents(*more), rules)
    assert [d.text for d in cleaned.documents] == [
        *("story ", "story x", "story xx", "story xxx", "the last"),
    ]
    assert [report.documents_dropped for report in cleaned.ledger] == [0, 2, 0]


def test_a_document_can_be_followed_through_the_rules():
    texts = documents("one two", "ONE  TWO", "three")
    rules = ("lower_case", "whitespace", "exact_duplicates", "min_length")
    assert [tuple(step) for step in follow(texts, rules, 1)] == [
        ("lower_case", "ONE  TWO", "one  two", ""),
        ("whitespace", "one  two", "one two", ""),
        ("exact_duplicates", "one two", None, "the same text came before"),
    ]
    assert len(follow(texts, rules, 2)) == 4


def test_halves_of_surrogate_pairs_are_replaced_before_any_rule():
    cleaned = clean(documents("a\ud800b"), ("strip_html", "mask_pii", "near_duplicates"))
    assert [d.text for d in cleaned.documents] == ["a\ufffdb"]


def test_a_report_survives_json():
    report = clean(documents("x", "x"), ("exact_duplicates",)).ledger[0]
    assert RuleReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_the_default_rules_keep_code_runnable():
    code = "def f(x):\n\tif x:\n\n\n        return 'a  b'\n"
    assert [d.text for d in clean(documents(code), DEFAULT_RULES).documents] == [code]


def test_an_unknown_rule_names_the_rules_there_are():
    with pytest.raises(DataError, match=r"no cleaning rule 'shine'.*unicode_nfc"):
        clean([], ("shine",))
