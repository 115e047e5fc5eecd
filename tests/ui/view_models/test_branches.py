"""A tree ready to draw: rows, words, the most probable path."""

import math
from dataclasses import replace

import pytest

from slm.sampling.branches import Node, Tree
from ui.components.branches import branches_payload, read_act
from ui.components.payload import unpack
from ui.view_models.branches import chance, compared, drawing_of, path_view, tally

BYTES = [b"<b>", b" a", b"\xff", b"d"]


def node(id: int, parent: int, token: int, probability: float, **more: object) -> Node:
    return replace(Node(id, parent, token, math.log(probability), 1), **more)


#  prompt ─ ·a (0.5) ─ ⟨FF⟩ (0.8)
#                    └ d (0.1)
#         └ <b> (0.25, sampled twice)
TREE = Tree(
    (1,),
    (
        node(1, 0, 0, 0.25, drawn=2),
        node(2, 0, 1, 0.5),
        node(3, 2, 3, 0.1),
        node(4, 2, 2, 0.8),
    ),
)


def test_the_likeliest_child_stands_in_its_parents_row():
    drawing = drawing_of(TREE, "Ben", BYTES.__getitem__, 4)
    assert [(twig.text, twig.row) for twig in drawing.twigs] == [
        ("·a", 0),
        ("⟨FF⟩", 0),
        ("d", 1),
        ("<b>", 2),
    ]
    assert drawing.n_rows == 3 and drawing.best == 4
    assert [twig.best for twig in drawing.twigs] == [True, True, False, False]
    assert drawing.root_told == "2 branches behind it; 25% goes elsewhere"


def test_each_token_tells_its_own_and_its_paths_probability():
    twig = next(t for t in drawing_of(TREE, "Ben", BYTES.__getitem__, 4).twigs if t.id == 3)
    assert twig.notes[0].startswith("10% after") and twig.notes[2] == "the path so far: 5.0%"
    sampled = next(t for t in drawing_of(TREE, "Ben", BYTES.__getitem__, 4).twigs if t.id == 1)
    assert "sampled 2 times" in sampled.notes


def test_a_tree_without_branches_and_a_long_prompt_are_drawn():
    drawing = drawing_of(Tree((1,)), "word " * 20, BYTES.__getitem__, 4)
    assert not drawing.twigs and drawing.root.startswith("…") and drawing.n_rows == 1
    assert drawing_of(Tree((1,)), "", BYTES.__getitem__, 4).root == "⟨begin⟩"
    assert tally(Tree((1,))) == "No branches yet"


def test_a_path_is_told_by_sum_and_by_mean():
    """ln 0.5 + ln 0.1 = −3.00 nats, over two tokens 1.50 each; together 5 %."""
    view = path_view(TREE, 3, BYTES.__getitem__, 4)
    assert view.told == "2 tokens · the whole path 5.0% (-3.00 nats) · surprise 1.50 nats a token"
    assert [chip.text for chip in view.chips] == ["·a", "d"]


def test_two_paths_are_told_apart():
    pair = compared(TREE, 4, 3, BYTES.__getitem__, 4)
    assert pair.told == "As a whole, the first path is 8 times as probable."
    assert pair.shared == "They share 1 token: ·a"
    assert [chip.text for chip in pair.second.chips] == ["d"]
    assert compared(TREE, 1, 4, BYTES.__getitem__, 4).shared == "They part at the prompt."


@pytest.mark.parametrize(
    ("probability", "words"), [(0.5, "50%"), (0.01, "1.0%"), (1 / 512, "1 in 510")]
)
def test_chances_read_like_chances(probability: float, words: str):
    assert chance(math.log(probability)) == words


def test_the_browser_gets_text_and_is_not_trusted():
    drawing = drawing_of(TREE, "<i>", BYTES.__getitem__, 4)
    header, _ = unpack(branches_payload(drawing, 0, None, {"prune": "Prune"}))
    assert header["root"] == "<i>" and header["twigs"][3]["text"] == "<b>"
    for value in (["grow", 1], ["prune", True], ["prune", "1"], ["prune", 1, 2], {"a": 1}, None):
        assert read_act(value, {0, 1}) is None
