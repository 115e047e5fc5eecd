"""The notation of tales: choices, snippets, fields, marks."""

import itertools

import pytest

from slm.data.embedded.tales_grammar import (
    Blank,
    Cast,
    compile_template,
    expand,
    find_blanks,
    in_a_row,
    pick_distinct,
    read_blocks,
)


def drawing(*numbers: float):
    return itertools.cycle(numbers).__next__


def test_choices_nest_and_may_be_empty():
    template = compile_template("a [red|[dark |]blue] hat")
    assert expand(template, drawing(0.0)) == "a red hat"
    assert expand(template, drawing(0.5, 0.0)) == "a dark blue hat"
    assert expand(template, drawing(0.5, 0.5)) == "a blue hat"


def test_snippets_may_hold_snippets():
    assert compile_template("<a>!", {"a": "one <b>", "b": "two"}) == ("one two!",)


@pytest.mark.parametrize("source", ["a [red|blue hat", "a red] hat"])
def test_brackets_must_pair(source):
    with pytest.raises(AssertionError, match="un"):
        compile_template(source)


def test_a_cast_answers_in_capitals_and_with_marks():
    """{Thing} is "Red kite"; {?thing} is found again at 10 of "I saw the red kite."."""
    cast = Cast(thing="red kite", hero="Tom")
    assert "{Thing}".format_map(cast) == "Red kite"
    text, blanks = find_blanks("I saw the {?thing}, {=hero}.".format_map(cast))
    assert text == "I saw the red kite, Tom."
    assert blanks == [Blank("thing", 10, 18), Blank("=hero", 20, 23)]


def test_a_cast_knows_no_other_field():
    with pytest.raises(KeyError, match="villain"):
        "{villain}".format_map(Cast(hero="Tom"))


def test_indented_lines_go_on_the_line_before():
    assert read_blocks("\none\n  more\ntwo [a\n  |b]\n\nthree\n") == [
        ["one more", "two [a|b]"],
        ["three"],
    ]


def test_distinct_picks_differ():
    assert pick_distinct("abc", 2, drawing(0.0, 0.1, 0.9)) == ["a", "c"]


def test_rows_read_like_english():
    assert in_a_row(["a cup", "a hat"]) == "a cup and a hat"
    assert in_a_row(["a cup", "a hat", "a bell"]) == "a cup, a hat and a bell"
