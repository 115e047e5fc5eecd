"""A Transformer as a drawing: its parts in order, with the shape of every tensor between them.

Arithmetic on a ModelConfig; no tensor is made. The sizes of weights come from ``tensor_shapes``,
the list that the model itself is built from.

B batch, T position, S position looked at, D width, H heads, G key-value heads, K head width,
F feed-forward width, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from slm.model.config import ModelConfig, tensor_shapes


@dataclass(frozen=True)
class TensorShape:
    """One tensor on an edge: what it is, its letters, its sizes."""

    name: str
    letters: str
    sizes: tuple[int, ...]

    @property
    def text(self) -> str:
        return "×".join(f"{size:,}" for size in self.sizes)


@dataclass(frozen=True)
class Part:
    """One step: what it is, how it is set, its learned numbers, and what leaves it."""

    name: str
    title: str
    detail: str
    note: str
    parameters: int
    out: tuple[TensorShape, ...]


@dataclass(frozen=True)
class Branch:
    """Steps that read the residual stream and add their result to it."""

    name: str
    title: str
    parts: tuple[Part, ...]

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts)


@dataclass(frozen=True)
class BlockDrawing:
    """The whole model: what comes before the blocks, one block, how often, what comes after."""

    ids: TensorShape
    stream: TensorShape
    before: tuple[Part, ...]
    branches: tuple[Branch, ...]
    n_layers: int
    after: tuple[Part, ...]

    @property
    def block_parameters(self) -> int:
        """Learned numbers of one block."""
        return sum(branch.parameters for branch in self.branches)

    @property
    def parameters(self) -> int:
        """Learned numbers of the model."""
        ends = sum(part.parameters for part in (*self.before, *self.after))
        return ends + self.n_layers * self.block_parameters


def block_drawing(
    config: ModelConfig, *, batch_size: int = 1, n_tokens: int | None = None
) -> BlockDrawing:
    """The drawing for a batch of texts of ``n_tokens`` (default: the whole context)."""
    T = n_tokens or config.context_length
    shapes = tensor_shapes(config)

    def count(prefix: str) -> int:
        return sum(prod(shape) for name, shape in shapes.items() if name.startswith(prefix))

    stream = TensorShape("", "B×T×D", (batch_size, T, config.d_model))
    return BlockDrawing(
        ids=TensorShape("token ids", "B×T", (batch_size, T)),
        stream=stream,
        before=_before(config, stream, count("token_embedding"), count("position_embedding")),
        branches=(
            _attention(config, stream, count),
            _feed_forward(config, stream, count),
        ),
        n_layers=config.n_layers,
        after=(
            Part(
                "final_norm",
                _norm_title(config),
                "",
                "Brings the finished stream to an even size before it is read out.",
                count("final_norm"),
                (stream,),
            ),
            Part(
                "output",
                "Output",
                f"{config.d_model:,} → {config.vocab_size:,}"
                + (", weights shared with the embedding" if config.tie_embeddings else ""),
                "One score (logit) for each token that could come next, at every position.",
                count("unembedding"),
                (TensorShape("logits", "B×T×V", (batch_size, T, config.vocab_size)),),
            ),
        ),
    )


def _before(
    config: ModelConfig, stream: TensorShape, tokens: int, positions: int
) -> tuple[Part, ...]:
    embedding = Part(
        "token_embedding",
        "Token embedding",
        f"{config.vocab_size:,} vectors of {config.d_model:,}",
        "Looks up a learned vector for each token id: the start of the residual stream.",
        tokens,
        (stream,),
    )
    if config.positions == "rotary":
        return (embedding,)
    return (
        embedding,
        Part(
            "position_embedding",
            "+ Position embedding",
            f"{config.context_length:,} vectors of {config.d_model:,}",
            "Adds a learned vector for each position, so that the order of tokens is known.",
            positions,
            (stream,),
        ),
    )


def _attention(config: ModelConfig, stream: TensorShape, count: Callable[[str], int]) -> Branch:
    B, T, _ = stream.sizes
    H, G, K = config.n_heads, config.kv_heads, config.head_width
    block = "blocks.0.attention."
    query = TensorShape("query", "B×H×T×K", (B, H, T, K))
    key = TensorShape("key", "B×G×S×K", (B, G, T, K))
    key_value = TensorShape("key, value", "B×G×S×K", (B, G, T, K))
    heads = f"{H} heads of {K}"
    if G < H:
        heads = f"{H} query heads, {G} key-value heads, each of {K}"
    prepared = [
        text
        for text, is_on in (
            ("query/key norm", config.qk_norm),
            ("rotary positions", config.positions == "rotary"),
        )
        if is_on
    ]
    parts = [
        _block_norm(config, "attention_norm", stream, count("blocks.0.attention_norm")),
        Part(
            "projections",
            "Queries, keys, values",
            heads + (", with bias" if config.bias != "none" else ""),
            "Three linear maps: what each position looks for, what it offers, what it passes on.",
            sum(count(block + part + ".") for part in ("query", "key", "value")),
            (query, key_value),
        ),
    ]
    if prepared:
        parts.append(
            Part(
                "positions",
                " + ".join(prepared).capitalize(),
                "",
                "Keeps queries and keys at an even size, and turns them by an angle that grows "
                "with the position, so that a score depends on the distance."
                if len(prepared) == 2
                else "Turns queries and keys by an angle that grows with the position."
                if config.positions == "rotary"
                else "Keeps queries and keys at an even size, which steadies training.",
                count(block + "query_norm") + count(block + "key_norm"),
                (query, key),
            )
        )
    seen = f"the last {config.window:,} positions" if config.window else "earlier positions"
    parts += [
        Part(
            "scores",
            "Scores → softmax",
            f"query · key ÷ √{K}; {seen} only",
            "How well each query matches each key; every row of weights sums to 1. "
            "These are the maps of the attention page.",
            0,
            (TensorShape("weights", "B×H×T×S", (B, H, T, T)),),
        ),
        Part(
            "mixture",
            "Mix values → output",
            f"{H * K:,} → {config.d_model:,}",
            "Each head adds up values by its weights; a last linear map joins the heads.",
            count(block + "output."),
            (stream,),
        ),
    ]
    return Branch("attention", "Attention", tuple(parts))


def _feed_forward(config: ModelConfig, stream: TensorShape, count: Callable[[str], int]) -> Branch:
    B, T, _ = stream.sizes
    hidden = TensorShape("hidden", "B×T×F", (B, T, config.d_ff))
    gated = config.mlp == "swiglu"
    return Branch(
        "mlp",
        "Feed-forward",
        (
            _block_norm(config, "mlp_norm", stream, count("blocks.0.mlp_norm")),
            Part(
                "mlp_up",
                "SwiGLU: gate and up" if gated else "Up → GELU",
                f"{'2 × ' if gated else ''}{config.d_model:,} → {config.d_ff:,}",
                "Widens each position by itself; a second, gated copy decides what passes."
                if gated
                else "Widens each position by itself and bends the result (GELU).",
                count("blocks.0.mlp.gate") + count("blocks.0.mlp.up"),
                (hidden,),
            ),
            Part(
                "mlp_down",
                "Down",
                f"{config.d_ff:,} → {config.d_model:,}",
                "Back to the width of the stream.",
                count("blocks.0.mlp.down"),
                (stream,),
            ),
        ),
    )


def _block_norm(config: ModelConfig, name: str, stream: TensorShape, parameters: int) -> Part:
    return Part(
        name,
        _norm_title(config),
        "",
        "Reads a copy of the stream, brought to an even size; the stream itself stays as it is.",
        parameters,
        (stream,),
    )


def _norm_title(config: ModelConfig) -> str:
    return "LayerNorm" if config.norm == "layernorm" else "RMSNorm"
