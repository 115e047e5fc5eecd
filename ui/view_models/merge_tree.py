"""How a token was joined, as a tree ready to draw. Knows neither Streamlit nor pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

from slm.tokenizer.bpe import Merge
from slm.tokenizer.history import TreeNode, merge_tree
from ui.texts import tr
from ui.view_models.chips import visible

_MOST_LEAVES = 200


@dataclass(frozen=True)
class DrawnNode:
    """A piece as the tree shows it. `label` stands below it, `note` appears when pointed at."""

    text: str
    label: str
    note: str
    left: int | None
    right: int | None


@dataclass(frozen=True)
class TreeDrawing:
    """Nodes by place, the root first, and the whole in words for who cannot see it."""

    nodes: tuple[DrawnNode, ...]
    title: str


def tree_drawing(merges: Sequence[Merge], piece: bytes) -> TreeDrawing | None:
    """The tree of a token; None where nothing was joined, or too much to draw."""
    nodes = merge_tree(merges, piece)
    if len(nodes) == 1 or len(nodes) > 2 * _MOST_LEAVES:
        return None
    drawn = tuple(_drawn(node) for node in nodes)
    joined = sum(node.number is not None for node in nodes)
    return TreeDrawing(
        drawn,
        tr("The merges of {piece}: {joined} joins, from {n_nodes} pieces").format(
            piece=visible(piece), joined=joined, n_nodes=len(nodes) - joined
        ),
    )


def _drawn(node: TreeNode) -> DrawnNode:
    text = visible(node.piece)
    if node.number is None:
        values = node.piece.hex(" ").upper()
        what = tr("byte") if len(node.piece) == 1 else tr("character")
        return DrawnNode(
            text,
            values,
            tr("{text}: the {what} {values}, there from the start").format(
                text=text, what=what, values=values
            ),
            None,
            None,
        )
    times = "" if node.count is None else f"{node.count:,}×"
    note = tr("{text}: merge {number:,}").format(text=text, number=node.number)
    if node.count is not None:
        note += tr("; the pair stood {count:,} times in the training text then").format(
            count=node.count
        )
    return DrawnNode(
        text,
        tr("merge {number:,}").format(number=node.number) + (f" · {times}" if times else ""),
        note,
        node.left,
        node.right,
    )
