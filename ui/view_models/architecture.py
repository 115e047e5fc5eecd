"""A Transformer as a drawing: its parts on a grid, in words, with the shape of what leaves each.

Arithmetic on a ModelConfig; no tensor is made. Which parts there are, and their shapes, comes
from `slm.model.parts`, by which the numbers are read too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType

from slm.model.config import ModelConfig
from slm.model.parts import PARTS, Part, parts_of, shape_of, weights_of
from ui.view_models.jobs import count

COLUMNS = 6
FIRST = "query"
"""The part that is open before anything was chosen."""


@dataclass(frozen=True)
class Words:
    """What a part is called, and what it does."""

    title: str
    note: str


_WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "token_embedding": Words(
            "Token embedding",
            "Looks up a learned vector for each token id: the start of the residual stream.",
        ),
        "position_embedding": Words(
            "Position embedding",
            "Adds a learned vector for each position, so that the order of tokens is known.",
        ),
        "stream": Words(
            "Residual stream",
            "What the blocks before have written: one vector for each position. Parts read a copy "
            "of it and add to it; none erases.",
        ),
        "attention_norm": Words(
            "Norm", "Brings a copy of the stream to an even size; the stream stays as it is."
        ),
        "query": Words(
            "Query", "What each position looks for: a linear map of the normed stream, by head."
        ),
        "key": Words(
            "Key", "What each position offers to be found by: a linear map of the normed stream."
        ),
        "value": Words(
            "Value", "What each position passes on to those that look at it: a third linear map."
        ),
        "query_ready": Words("Query, turned", ""),
        "key_ready": Words("Key, turned", ""),
        "scores": Words(
            "Scores",
            "How well each query matches each key: their dot product, divided by the root of the "
            "head's width. Later positions are hidden.",
        ),
        "weights": Words(
            "Softmax",
            "Scores as shares: every row sums to 1. These are the maps of the Attention chapter.",
        ),
        "mixture": Words(
            "Mixture", "The values, mixed by the weights: what each head has gathered."
        ),
        "attention_output": Words(
            "Output", "The heads side by side, mapped back to the width of the stream."
        ),
        "attention_add": Words(
            "Added to the stream", "The stream, with what attention has gathered."
        ),
        "mlp_norm": Words(
            "Norm", "Brings a copy of the stream to an even size; the stream stays as it is."
        ),
        "gate": Words(
            "Gate",
            "A linear map to the inner width; bent by SiLU it decides how much of Up passes.",
        ),
        "up": Words("Up", "A linear map of each position by itself to the inner width."),
        "hidden": Words("", ""),
        "down": Words("Down", "A linear map back to the width of the stream."),
        "mlp_add": Words(
            "Added to the stream",
            "The stream, with what the feed-forward part has worked out. The next block reads it.",
        ),
        "final_norm": Words(
            "Last norm", "Brings the finished stream to an even size before it is read out."
        ),
        "logits": Words(
            "Output",
            "One score (logit) for each token that could come next, at every position. Softmax "
            "turns scores into probabilities.",
        ),
    }
)


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


def words_of(config: ModelConfig, name: str) -> Words:
    """Title and note of a part, as these settings make it.

    >>> words_of(ModelConfig(norm="layernorm"), "final_norm").title
    'Last LayerNorm'
    """
    words = _WORDS[name]
    norm = "LayerNorm" if config.norm == "layernorm" else "RMSNorm"
    if name.endswith("norm"):
        return Words(words.title.replace("Norm", norm).replace("norm", norm), words.note)
    if name in {"query_ready", "key_ready"}:
        return _ready(config, "Query" if name == "query_ready" else "Key")
    if name == "hidden":
        return _hidden(config)
    if name == "scores" and config.window:
        return Words(
            words.title,
            f"{words.note} So are those further back than {config.window:,} positions.",
        )
    if name == "logits" and config.tie_embeddings:
        return Words(words.title, f"{words.note} The weights are those of the token embedding.")
    return words


def title_of(config: ModelConfig, name: str) -> str:
    """A part's title where it stands alone: norms say of what.

    >>> title_of(ModelConfig(), "mlp_norm"), title_of(ModelConfig(), "attention_add")
    ('Feed-forward: RMSNorm', 'Attention: Added to the stream')
    """
    title = words_of(config, name).title
    part = PARTS[name]
    if not part.in_block or name == "stream":
        return title
    if name in {"query_ready", "key_ready"}:
        title = f"{name.partition('_')[0].capitalize()} {title.lower()}"
    return f"{'Attention' if _group(part) == 'attention' else 'Feed-forward'}: {title}"


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
        tokens=f"{n_tokens:,} token ids",
        before=tuple(_node(config, p, n_tokens) for p in outside if "embedding" in p.name),
        block=block,
        groups=(
            Group(
                "attention",
                "Attention",
                _heads(config),
                at["attention_norm"],
                at["attention_output"],
            ),
            Group(
                "feed_forward",
                "Feed-forward",
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
        _group(part),
        row,
        column,
        span,
    )


def _parameters(config: ModelConfig, part: Part) -> int:
    """Learned numbers that are a part's own: tied ones count where they are looked up."""
    if part.name == "logits" and config.tie_embeddings:
        return 0
    return sum(prod(shape) for shape in weights_of(config, part, 0).values())


def _group(part: Part) -> str:
    if not part.in_block or part.name == "stream":
        return ""
    names = list(PARTS)
    return "attention" if names.index(part.name) < names.index("mlp_norm") else "feed_forward"


def _heads(config: ModelConfig) -> str:
    heads, own = config.n_heads, config.kv_heads
    told = f"{heads} head{'s' if heads > 1 else ''} of {config.head_width}"
    return told if own == heads else f"{told}, {own} for keys and values"


def _ready(config: ModelConfig, what: str) -> Words:
    """Norm, rotation, or both, on queries or keys."""
    rotary = config.positions == "rotary"
    steps = (["normed"] if config.qk_norm else []) + (["turned"] if rotary else [])
    turned = (
        "turned by an angle that grows with the position, so that a score depends on the distance"
    )
    how = " and ".join(
        (["brought to an even size, which steadies training,"] if config.qk_norm else [])
        + ([turned] if rotary else [])
    ).rstrip(",")
    return Words(", ".join(steps).capitalize(), f"Each {what.lower()} is {how}.")


def _hidden(config: ModelConfig) -> Words:
    if config.mlp == "swiglu":
        return Words(
            "SiLU(gate) × up", "The gate, bent by SiLU, times Up: what passes to the way back."
        )
    return Words("GELU", "Bends the result: negative numbers become nearly 0.")
