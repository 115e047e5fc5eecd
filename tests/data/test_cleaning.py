"""Each rule on a text of which the answer is plain, and what the ledger says of it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.data.cleaning import RuleReport, clean
from slm.data.rules import DEFAULT_RULES, RULES
from slm.data.sources import Document
from slm.errors import DataError


def documents(*texts):
    return [Document(text, "test") for text in texts]


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("unicode_nfc", "cafe\u0301", "café"),
        ("straight_quotes", "“It’s «so»”", '"It\'s "so""'),
        ("whitespace", "    def  f():\tpass  \n\u00a0x", "    def f(): pass\n x"),
        ("control_characters", "a\x00b\r\nc\td\x85\ufeff", "ab\nc\td"),
        ("blank_lines", "\n\na\n \n\n\nb\n\nc\n", "a\n\nb\n\nc"),
        ("lower_case", "ÀB", "àb"),
        ("min_length", "too short", None),
        ("min_length", "just long enough now", "just long enough now"),
        ("exact_duplicates", "once", "once"),
        ("strip_html", "1 < 2 &amp; 3", "1 < 2 & 3"),
        ("strip_html", "<p>a</p><![x]> b", "a\n b"),
        (
            "strip_html",
            "<p>One <b>bold</b> word</p><script>evil()</script><p>Two</p>",
            "One bold word\n\nTwo",
        ),
    ],
)
def test_a_rule_does_what_it_says(rule, before, after):
    assert RULES[rule].apply(before) == after


@settings(deadline=None, max_examples=30)
@given(st.text(max_size=80), st.sampled_from(sorted(RULES)))
def test_rules_take_any_text(text, rule):
    cleaned = RULES[rule].apply(text)
    assert cleaned is None or isinstance(cleaned, str)


def test_the_ledger_counts_what_each_rule_did_after_those_before_it():
    cleaned = clean(documents("A“B”", "a'b'", "c"), ("straight_quotes", "lower_case"))
    assert [document.text for document in cleaned.documents] == ['a"b"', "a'b'", "c"]
    quotes, lower = cleaned.ledger
    assert (quotes.documents_touched, quotes.characters_changed) == (1, 2)
    assert quotes.characters_removed == 0
    assert quotes.examples == [("A“B”", 'A"B"')]
    assert (lower.documents_touched, lower.characters_changed) == (1, 2)


def test_removed_characters_and_dropped_documents_are_counted():
    texts = ["a  b", "the same text", "the same text", "the same text"]
    whitespace, duplicates = clean(documents(*texts), ("whitespace", "exact_duplicates")).ledger
    assert whitespace.characters_removed == whitespace.characters_changed == 1
    assert duplicates.documents_dropped == duplicates.documents_touched == 2
    assert duplicates.characters_removed == 2 * len("the same text")
    assert duplicates.examples[0] == ("the same text", None)


def test_order_matters():
    texts = documents("Hello there, world", "hello there, world")
    assert len(clean(texts, ("exact_duplicates", "lower_case")).documents) == 2
    assert len(clean(texts, ("lower_case", "exact_duplicates")).documents) == 1


def test_each_pass_starts_with_no_memory_of_duplicates():
    for _ in range(2):
        assert len(clean(documents("x", "x"), ("exact_duplicates",)).documents) == 1


def test_examples_show_the_first_change_and_are_at_most_five():
    text = "same " * 100 + "“here”" + " same" * 100
    report = clean(documents(*[text] * 9), ("straight_quotes",)).ledger[0]
    assert len(report.examples) == 5
    before, after = report.examples[0]
    assert "“here”" in before
    assert '"here"' in after
    assert len(before) == len(after) == 160


def test_a_report_survives_json():
    report = clean(documents("x", "x"), ("exact_duplicates",)).ledger[0]
    assert RuleReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_the_default_rules_keep_code_runnable():
    code = "def f(x):\n\tif x:\n\n\n        return 'a  b'\n"
    assert [d.text for d in clean(documents(code), DEFAULT_RULES).documents] == [code]


def test_an_unknown_rule_names_the_rules_there_are():
    with pytest.raises(DataError, match=r"no cleaning rule 'shine'.*unicode_nfc"):
        clean([], ("shine",))
