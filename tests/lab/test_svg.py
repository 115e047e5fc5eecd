"""Charts as text: places worked by hand, labels escaped."""

import xml.etree.ElementTree as ET

from slm.lab.svg import Bar, Line, bars, lines


def shapes(svg, kind):
    return [node.attrib for node in ET.fromstring(svg).iter(kind)]


def test_a_bar_is_as_long_as_its_value():
    """From 190 to 630 is 440 pixels: a quarter of the longest is 110."""
    svg = bars([Bar("a", 4.0, "4"), Bar("b", 1.0, "1")], "things")
    assert [rect["width"] for rect in shapes(svg, "rect")] == ["440.0", "110.0"]


def test_interval_and_mark_stand_at_their_values():
    svg = bars([Bar("a", 0.5, "50%", low=0.25, high=0.75, mark=0.5)], "share", most=1.0)
    found = {line["class"]: (line["x1"], line["x2"]) for line in shapes(svg, "line")}
    assert found["interval"] == ("300.0", "520.0") and found["mark"] == ("410.0", "410.0")


def test_labels_are_text_and_no_markup():
    svg = bars([Bar("<script>", 1.0, "&")], "<b>")
    tags = {node.tag for node in ET.fromstring(svg).iter()}
    assert tags == {"svg", "rect", "text", "line"}


def test_values_that_are_no_numbers_leave_gaps():
    losses = [9.0, 3.0, float("nan"), 1.0]
    svg = lines([Line("loss", [0, 1, 10, 100], losses)], "x", "y", log_x=True)
    (line,) = shapes(svg, "polyline")
    assert len(line["points"].split()) == 2


def test_nothing_to_draw_is_an_empty_frame():
    assert shapes(lines([Line("loss", [], [])], "x", "y"), "polyline")[0]["points"] == ""
    assert shapes(bars([], "things"), "rect") == []
