"""A Transformer as a drawing: its parts on a grid, in words, with the shape of what leaves each.

Arithmetic on a ModelConfig; no tensor is made. Which parts there are, and their shapes, comes
from `slm.model.parts`, by which the numbers are read too.
"""

from dataclasses import dataclass
from math import prod

from slm.model.config import ModelConfig
from slm.model.parts import Part, parts_of, shape_of, weights_of
from ui.texts import plural, tr
from ui.view_models.jobs import count
from ui.view_models.part_words import group_of, words_of

COLUMNS = 6
FIRST = "query"
"""The part that is open before anything was chosen."""


@dataclass(frozen=True)
class Node:
    """One part on the grid. Before and after the blocks, `row` counts and columns are whole.

    group   "attention", "feed_forward" or "", which decides its colour
    shape   what leaves it: letters, sizes
    """

    name: str
    title: str
    note: str
    letters: str
    sizes: str
    parameters: str
    group: str
    row: int = 0
    column: int = 0
    span: int = COLUMNS


@dataclass(frozen=True)
class Group:
    """A branch that leaves the residual stream and comes back: rows from `first` to `last`."""

    name: str
    title: str
    detail: str
    first: int
    last: int


@dataclass(frozen=True)
class Drawing:
    """The whole model: parts before the blocks, one block opened, how many, parts after."""

    tokens: str
    before: tuple[Node, ...]
    block: tuple[Node, ...]
    groups: tuple[Group, ...]
    edges: tuple[tuple[str, str], ...]
    after: tuple[Node, ...]
    n_layers: int
    block_parameters: str
    tied: bool


def drawing_of(config: ModelConfig, n_tokens: int) -> Drawing:
    """The model drawn for one text of so many tokens."""
    parts = {part.name: part for part in parts_of(config)}
    rows = _rows(tuple(parts))
    block = tuple(
        _node(config, parts[name], n_tokens, row, column, span)
        for row, cells in enumerate(rows)
        for name, column, span in cells
    )
    at = {node.name: node.row for node in block}
    outside = [part for part in parts.values() if not part.in_block]
    return Drawing(
        tokens=tr("{n_tokens:,} token ids").format(n_tokens=n_tokens),
        before=tuple(_node(config, p, n_tokens) for p in outside if "embedding" in p.name),
        block=block,
        groups=(
            Group(
                "attention",
                tr("Attention"),
                _heads(config),
                at["attention_norm"],
                at["attention_output"],
            ),
            Group(
                "feed_forward",
                tr("Feed-forward"),
                "SwiGLU" if config.mlp == "swiglu" else "GELU",
                at["mlp_norm"],
                at["down"],
            ),
        ),
        edges=tuple(edge for edge in _EDGES if edge[0] in at and edge[1] in at)
        + (() if "query_ready" in at else (("query", "scores"), ("key", "scores"))),
        after=tuple(_node(config, p, n_tokens) for p in outside if "embedding" not in p.name),
        n_layers=config.n_layers,
        block_parameters=count(
            sum(_parameters(config, part) for part in parts.values() if part.in_block)
        ),
        tied=config.tie_embeddings,
    )


_EDGES = (
    ("attention_norm", "query"),
    ("attention_norm", "key"),
    ("attention_norm", "value"),
    ("query", "query_ready"),
    ("key", "key_ready"),
    ("query_ready", "scores"),
    ("key_ready", "scores"),
    ("scores", "weights"),
    ("weights", "mixture"),
    ("value", "mixture"),
    ("mixture", "attention_output"),
    ("mlp_norm", "gate"),
    ("mlp_norm", "up"),
    ("gate", "hidden"),
    ("up", "hidden"),
    ("hidden", "down"),
)


def _rows(names: tuple[str, ...]) -> list[list[tuple[str, int, int]]]:
    """(part, column, columns) of each row of the block."""
    third, half = COLUMNS // 3, COLUMNS // 2
    ready = [[("query_ready", 0, third), ("key_ready", third, third)]]
    up = [("gate", 0, half), ("up", half, half)] if "gate" in names else [("up", 0, COLUMNS)]
    return [
        [("stream", 0, COLUMNS)],
        [("attention_norm", 0, COLUMNS)],
        [("query", 0, third), ("key", third, third), ("value", 2 * third, third)],
        *(ready if "query_ready" in names else []),
        [("scores", 0, 2 * third)],
        [("weights", 0, 2 * third)],
        [("mixture", 0, COLUMNS)],
        [("attention_output", 0, COLUMNS)],
        [("attention_add", 0, COLUMNS)],
        [("mlp_norm", 0, COLUMNS)],
        up,
        [("hidden", 0, COLUMNS)],
        [("down", 0, COLUMNS)],
        [("mlp_add", 0, COLUMNS)],
    ]


def _node(
    config: ModelConfig,
    part: Part,
    n_tokens: int,
    row: int = 0,
    column: int = 0,
    span: int = COLUMNS,
) -> Node:
    words = words_of(config, part.name)
    learned = _parameters(config, part)
    return Node(
        part.name,
        words.title,
        words.note,
        part.letters,
        "×".join(f"{size:,}" for size in shape_of(config, part, n_tokens)),
        count(learned) if learned else "",
        group_of(part),
        row,
        column,
        span,
    )


def _parameters(config: ModelConfig, part: Part) -> int:
    """Learned numbers that are a part's own: tied ones count where they are looked up."""
    if part.name == "logits" and config.tie_embeddings:
        return 0
    return sum(prod(shape) for shape in weights_of(config, part, 0).values())


def _heads(config: ModelConfig) -> str:
    heads, own = config.n_heads, config.kv_heads
    told = plural("{heads} head of {head_width}", "{heads} heads of {head_width}", heads).format(
        heads=heads, head_width=config.head_width
    )
    return (
        told if own == heads else tr("{told}, {own} for keys and values").format(told=told, own=own)
    )
