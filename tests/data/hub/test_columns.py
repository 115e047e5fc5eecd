"""Which column holds text, and what becomes of a cell."""

import pytest

from slm.data.hub.columns import cell, find_text_column, kinds_of_row, text_of
from slm.errors import DataError


def test_the_text_column_is_chosen_by_wish_name_or_kind():
    columns = {"id": "number", "title": "text", "story": "text"}
    assert find_text_column(columns) == "story"
    assert find_text_column(columns, "title") == "title"
    assert find_text_column({"title": "text", "Body": "text"}) == "Body"
    assert find_text_column({"n": "number", "prose": "text"}) == "prose"
    assert find_text_column({"topic": "text", "messages": "conversation"}) == "messages"


@pytest.mark.parametrize(
    ("columns", "wanted", "message"),
    [
        ({"id": "number", "a": "text"}, "id", r"'id' holds no text but number\. .*'a' \(text\)"),
        ({"a": "text"}, "body", "'body' does not exist"),
        ({"a": "text", "b": "text"}, None, r"Which column .*'a' \(text\), 'b' \(text\)"),
        ({}, None, "columns are: none"),
    ],
)
def test_a_column_that_does_not_fit_names_those_that_there_are(columns, wanted, message):
    with pytest.raises(DataError, match=message):
        find_text_column(columns, wanted)


def test_kinds_are_told_from_values():
    row = {
        "n": 1.5,
        "yes": True,
        "gone": None,
        "tags": ["a"],
        "chat": [{"from": "human", "value": "Hi"}],
        "pair": {"de": "ja", "score": 1},
    }
    assert kinds_of_row(row) == {
        "n": "number",
        "yes": "number",
        "gone": "empty",
        "tags": "list",
        "chat": "conversation",
        "pair": "nested",
        "pair.de": "text",
        "pair.score": "number",
    }


def test_a_field_is_found_below_its_column_and_a_dotted_name_comes_first():
    assert cell({"a": {"b": {"c": "deep"}}}, "a.b.c") == "deep"
    assert cell({"a.b": "flat", "a": {"b": "nested"}}, "a.b") == "flat"
    assert cell({"a": "text"}, "a.b") is None
    assert cell({}, "a") is None


def test_turns_are_joined_with_who_speaks_and_odd_ones_left_out():
    chat = [{"from": "human", "value": "Hi"}, {"from": None, "value": "…"}, {"x": 1}, "stray"]
    assert text_of(chat) == "human: Hi\n\nspeaker: …"
    assert text_of([{"role": "user", "content": None}]) == ""
    assert text_of(None) == text_of(3) == text_of({"a": "b"}) == ""
