"""The list of rules in words: its text in the address, its history, what a row shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.data.cleaning.cleaner import RuleReport, clean
from slm.data.cleaning.rules import DEFAULT_RULES, RULES
from slm.data.sources import Document
from slm.errors import DataError
from ui.view_models import cleaning as words
from ui.view_models.cleaning import Choice, History

LISTS = st.lists(
    st.builds(Choice, st.sampled_from([*RULES, "min_length=9", "scripts=Han"]), st.booleans()),
    unique_by=lambda choice: choice.name,
    max_size=6,
)


@given(LISTS.map(tuple))
def test_a_list_comes_back_from_the_address(choices):
    assert words.read_choices(words.choices_text(choices)) == choices


def test_the_usual_list_needs_no_address_and_none_has_a_word():
    usual = tuple(Choice(name) for name in DEFAULT_RULES)
    assert words.choices_text(usual) == ""
    assert words.read_choices("") == usual
    assert words.read_choices("shine,<b>") == usual
    assert words.read_choices(words.NO_RULES) == ()
    assert words.choices_text(()) == words.NO_RULES


@given(st.text(max_size=60))
def test_any_address_gives_rules_that_work(text):
    entries = words.entries(words.read_choices(text))
    assert len(clean([Document("some text", "")], entries).ledger) == len(entries)


def test_only_rules_that_are_on_work():
    assert words.entries(words.read_choices("lower_case,-whitespace,min_length=9")) == (
        "lower_case",
        "min_length=9",
    )


def test_what_the_browser_sends_is_checked():
    sent = [["min_length", "30", True], ["lower_case", None, False]]
    assert words.choices_from_browser(sent) == (
        Choice("min_length=30"),
        Choice("lower_case", on=False),
    )
    for odd in (None, "x", [1], [["shine", None, True]], [["lower_case", None, 1]], [[1, 2, 3]]):
        assert words.choices_from_browser(odd) is None
    with pytest.raises(DataError, match="a whole number from 1 to 1,000,000, not 'many'"):
        words.choices_from_browser([["min_length", "many", True]])


def test_changes_can_be_undone_and_redone():
    history = History(("",)).then("a").then("b")
    assert history.undone().text == "a"
    assert history.undone().undone().undone().text == ""
    assert history.undone().redone().text == "b"
    assert not history.can_redo and history.can_undo
    assert history.then("b") is history


def test_a_history_is_no_longer_than_needed():
    history = History(("",))
    for i in range(300):
        history = history.then(str(i))
    assert len(history.texts) == 100
    assert history.text == "299"


def test_a_row_says_what_its_rule_did_and_what_is_left():
    """4 documents: one is a copy, one is short; 3 then 2 are left."""
    texts = ["A long text", "A long text", "short", "Another text"]
    choices = words.read_choices("exact_duplicates,min_length=8,-lower_case")
    reports = clean([Document(text, "") for text in texts], words.entries(choices)).ledger
    copies, short, lower = words.rule_rows(choices, reports, 4)
    assert (copies.did, copies.left) == ("1 dropped · 11 characters", 0.75)
    assert (short.did, short.left_words) == (
        "1 dropped · 5 characters",
        "2 of 4 documents left",
    )
    assert short.field is not None
    assert (short.field.value, short.field.low, short.field.unit) == ("8", 1, "characters")
    assert (lower.did, lower.on, lower.left) == ("", False, None)


def test_a_rule_without_work_says_so():
    choices = words.read_choices("lower_case")
    (row,) = words.rule_rows(choices, [RuleReport("lower_case")], 3)
    assert row.did == "nothing to do" and row.idle and row.left == 1.0


def test_every_rule_is_in_the_list_or_can_be_added():
    choices = words.read_choices("lower_case,-scripts=Han")
    names = {row.name for row in words.rules_to_add(choices)}
    assert names == set(RULES) - {"lower_case", "scripts"}
    assert all(words.rule_hint(name) for name in RULES)


def test_titles_tell_values():
    assert words.rule_title("boilerplate=30") == "No boilerplate (30%)"
    assert words.rule_title("scripts=Latin+Greek") == "Only these scripts (Latin+Greek)"
    assert words.rule_title("lower_case") == "Lower case"
    assert words.rule_title("of a later version") == "of a later version"
    assert words.rule_title("blank") == "Without any text"


def test_what_is_left_is_said_in_a_sentence():
    reports = [RuleReport("lower_case", 2, 5, 0), RuleReport("min_length", 1, 10, 10, 1)]
    assert words.left_sentence(reports, 4, 40, whole=True) == (
        "Of all 4 documents, **3 are left**, with 30 of 40 characters (75.0%)."
    )
    assert words.left_sentence([RuleReport("lower_case")], 4, 40, whole=False) == (
        "Of the first 4 documents, these rules change nothing."
    )


def test_the_rule_to_look_at_is_the_one_asked_for_else_a_busy_one():
    choices = words.read_choices("lower_case,whitespace,-min_length")
    reports = [RuleReport("lower_case"), RuleReport("whitespace", 1)]
    assert words.selected_rule(choices, reports, "lower_case") == "lower_case"
    assert words.selected_rule(choices, reports, "min_length") == "whitespace"
    assert words.selected_rule(choices, [], None) == "lower_case"
    assert words.selected_rule((), [], None) is None
