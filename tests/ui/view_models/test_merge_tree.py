"""A token's merges as a tree."""

from slm.tokenizer.bpe import Merge
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.history import build_steps, merge_tree
from ui.components.merge_tree import merge_tree_payload
from ui.components.payload import unpack
from ui.view_models.merge_tree import tree_drawing

HUGS = Tokenizer.train(["hug pug hugs bun"], vocab_size=261)


def test_the_token_stands_on_top_and_bytes_are_leaves():
    drawing = tree_drawing(HUGS.merges, b"hug")
    assert drawing is not None
    assert [(n.text, n.label, n.left, n.right) for n in drawing.nodes] == [
        ("hug", "merge 2 · 2×", 1, 2),
        ("h", "68", None, None),
        ("ug", "merge 1 · 3×", 3, 4),
        ("u", "75", None, None),
        ("g", "67", None, None),
    ]
    assert drawing.title == "The merges of hug: 2 joins, from 3 pieces"
    header, _ = unpack(merge_tree_payload(drawing))
    assert header["nodes"][0]["note"].endswith("stood 2 times in the training text then")


def test_what_was_never_joined_has_no_tree():
    assert tree_drawing(HUGS.merges, b"h") is None
    assert tree_drawing((), b"hug") is None


def test_uncounted_merges_say_no_count_and_characters_are_leaves():
    """As in a SentencePiece file: the first merges join characters, not bytes."""
    merges = [Merge((b" ", "é".encode()), None, " é".encode())]
    drawing = tree_drawing(merges, " é".encode())
    assert drawing is not None
    assert [n.label for n in drawing.nodes] == ["merge 1", "20", "C3 A9"]
    assert "character" in drawing.nodes[2].note


def test_of_two_ways_to_a_token_the_one_that_encoding_takes_is_drawn():
    """ "abc" by a+bc or ab+c: ab is joined first, so bc never is."""
    merges = [
        Merge((b"a", b"b"), None, b"ab"),
        Merge((b"b", b"c"), None, b"bc"),
        Merge((b"a", b"bc"), None, b"abc"),
        Merge((b"ab", b"c"), None, b"abc"),
    ]
    assert [(n.piece, n.number) for n in merge_tree(merges, b"abc")][:3] == [
        (b"abc", 4),
        (b"ab", 1),
        (b"c", None),
    ]
    assert [step.number for step in build_steps(merges, b"abc")] == [1, 4]


def test_a_token_of_hundreds_of_joins_is_not_drawn():
    merges = [Merge((b"a" * n, b"a"), None, b"a" * (n + 1)) for n in range(1, 300)]
    assert len(merge_tree(merges, b"a" * 300)) == 599
    assert tree_drawing(merges, b"a" * 300) is None
