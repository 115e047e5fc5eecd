"""The shape of a model, and what that shape costs: parameters, FLOPs, memory.

Arithmetic only; no tensor is made here, and torch is not needed.

B batch, T query position, S key position, D width, H heads, K head width,
F feed-forward width, V vocabulary, L layers.
"""

from bisect import bisect_left
from collections.abc import Callable
from math import prod
from typing import Literal, Self

from pydantic import Field, model_validator

from slm.config import Config

BYTES_FLOAT32 = 4
LOGITS_AT_ONCE = 2**26
"""Where a batch has more, training makes logits, loss and gradient some positions at a time."""
_BYTES_IN_TURN = 16  # of each logit then: itself, its softmax, one-hot and gradient in float32


class RopeScaling(Config):
    """How rotary frequencies are stretched so that a model reads longer texts than it was made for.

    `linear` divides every frequency by `factor` (Chen et al. 2023, section 3.2).
    `llama3` divides the slow ones, keeps the fast ones, and blends in between
    (Llama 3.1's published code).
    """

    kind: Literal["linear", "llama3"] = Field("linear", description="Which rule stretches.")
    factor: float = Field(2.0, ge=1.0, le=1024.0, description="How many times longer.")
    low_freq_factor: float = Field(
        1.0,
        gt=0.0,
        le=1024.0,
        description="llama3: fewer turns than this within the original length counts as slow.",
    )
    high_freq_factor: float = Field(
        4.0,
        gt=0.0,
        le=1024.0,
        description="llama3: more turns than this within the original length counts as fast.",
    )
    original_context_length: int = Field(
        8192, ge=1, le=262_144, description="llama3: tokens of context before stretching."
    )

    @model_validator(mode="after")
    def _slow_is_below_fast(self) -> Self:
        if self.low_freq_factor >= self.high_freq_factor:
            raise ValueError(
                f"low_freq_factor ({self.low_freq_factor}) must be below "
                f"high_freq_factor ({self.high_freq_factor})"
            )
        return self


class ModelConfig(Config):
    """Every setting of a Transformer. The defaults are a small Qwen3.

    Some settings follow others when they are None; the properties `kv_heads` and
    `head_width` give the number that holds.

    >>> ModelConfig(d_model=96, n_heads=3).head_width
    32
    """

    vocab_size: int = Field(
        4096,
        ge=2,
        le=1_000_000,
        description="Tokens that the model knows. Follows the tokenizer.",
        json_schema_extra={"ui": {"scale": "log", "min": 256, "max": 65_536}},
    )
    context_length: int = Field(
        256,
        ge=1,
        le=262_144,
        description="Tokens that the model sees at once.",
        json_schema_extra={"ui": {"options": [64, 128, 256, 512, 1024, 2048, 4096]}},
    )
    n_layers: int = Field(
        3,
        ge=1,
        le=256,
        description="Blocks, one after the other.",
        json_schema_extra={"ui": {"step": 1, "max": 32}},
    )
    n_heads: int = Field(
        4,
        ge=1,
        le=256,
        description="Query heads of each block: how many things a position can look for at once.",
        json_schema_extra={"ui": {"step": 1, "max": 32}},
    )
    n_kv_heads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Key and value heads; query heads share them in equal groups, "
        "which makes the cache smaller. None: as many as query heads.",
        json_schema_extra={"ui": {"step": 1, "max": 32, "optional": True}},
    )
    d_model: int = Field(
        128,
        ge=1,
        le=32_768,
        description="Width of the residual stream: numbers that describe one token.",
        json_schema_extra={"ui": {"step": 16, "scale": "log", "min": 16, "max": 4096}},
    )
    d_head: int | None = Field(
        None,
        ge=1,
        le=512,
        description="Width of one head. None: the model's width divided by the query heads.",
        json_schema_extra={"ui": {"step": 8, "max": 256, "optional": True}},
    )
    d_ff: int = Field(
        256,
        ge=1,
        le=262_144,
        description="Width of the feed-forward part. Usual: 4 × d_model for gelu, "
        "about 8/3 × d_model for swiglu, which has three matrices instead of two.",
        json_schema_extra={"ui": {"step": 16, "scale": "log", "min": 16, "max": 16_384}},
    )
    norm: Literal["layernorm", "rmsnorm"] = Field(
        "rmsnorm", description="How each block's input is brought to an even size."
    )
    norm_eps: float = Field(
        1e-6,
        gt=0.0,
        le=1e-2,
        description="Added to the variance before the root, so that zeros stay zeros.",
        json_schema_extra={"ui": {"options": [1e-6, 1e-5], "advanced": True}},
    )
    positions: Literal["learned", "rotary"] = Field(
        "rotary",
        description="How the model knows the order: a learned vector for each position, "
        "or queries and keys turned by an angle that grows with the position.",
    )
    mlp: Literal["gelu", "swiglu"] = Field(
        "swiglu", description="Feed-forward part: two matrices with GELU, or three with a gate."
    )
    qk_norm: bool = Field(
        True, description="Normalise queries and keys in each head, which steadies training."
    )
    bias: Literal["none", "qkv", "all"] = Field(
        "none",
        description="Which parts add a learned constant: none, queries, keys and values alone, "
        "or all of them (with layernorm, the norms too).",
    )
    tie_embeddings: bool = Field(
        True, description="Use the token embedding once more to turn the result into logits."
    )
    dropout: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="Share of values set to zero in training, against learning by heart.",
        json_schema_extra={"ui": {"step": 0.05, "max": 0.5}},
    )
    rope_theta: float = Field(
        10_000.0,
        gt=1.0,
        le=1e9,
        description="Rotary positions: the slowest angle takes about this many positions.",
        json_schema_extra={"ui": {"scale": "log", "min": 100, "max": 1_000_000, "advanced": True}},
    )
    rope_scaling: RopeScaling | None = Field(
        None,
        description="Rotary positions stretched for a longer context; None: as they are.",
        json_schema_extra={"ui": {"hidden": True}},
    )
    window: int | None = Field(
        None,
        ge=1,
        le=262_144,
        description="A position sees only this many positions, itself included. None: all.",
        json_schema_extra={"ui": {"step": 16, "max": 4096, "optional": True}},
    )

    copy_start: float = Field(
        0.25,
        ge=0.0,
        le=4.0,
        description="The last block begins by passing on the tokens that it looks at: its output "
        "matrix times its value matrix starts near this share of the identity. 0: random.",
        json_schema_extra={"ui": {"step": 0.25, "max": 2.0, "advanced": True}},
    )
    look_back_start: float = Field(
        3.0,
        ge=0.0,
        le=16.0,
        description="Heads of the first blocks begin by looking at the token before, the one "
        "before that, and so on up to the fourth: how far this outweighs their random start. "
        "Only with rotary positions. 0: random.",
        json_schema_extra={"ui": {"step": 1.0, "max": 8.0, "advanced": True}},
    )

    @property
    def kv_heads(self) -> int:
        """Key and value heads (H_kv)."""
        return self.n_kv_heads or self.n_heads

    @property
    def head_width(self) -> int:
        """Width of one head (K)."""
        return self.d_head or self.d_model // self.n_heads

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        problems = _conflicts(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _conflicts(config: ModelConfig) -> list[str]:
    problems = []
    if config.d_head is None and config.d_model % config.n_heads:
        problems.append(
            f"d_model ({config.d_model}) must be a multiple of n_heads ({config.n_heads}), "
            f"or d_head must be given; the nearest widths are {_around(config)}."
        )
    elif config.positions == "rotary" and config.head_width % 2:
        problems.append(
            f"rotary positions turn pairs of numbers, so the head width ({config.head_width}) "
            "must be even; change d_head, or d_model and n_heads, or choose learned positions."
        )
    if config.n_heads % config.kv_heads:
        divisors = [n for n in range(1, config.n_heads + 1) if config.n_heads % n == 0]
        problems.append(
            f"n_kv_heads ({config.kv_heads}) must divide n_heads ({config.n_heads}); "
            f"choose one of {', '.join(map(str, divisors))}."
        )
    if config.rope_scaling is not None and config.positions != "rotary":
        problems.append(
            "rope_scaling belongs to rotary positions; leave it out with learned positions."
        )
    return problems


def _around(config: ModelConfig) -> str:
    below = config.d_model // config.n_heads * config.n_heads
    return " and ".join(str(width) for width in (below, below + config.n_heads) if width)


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Every weight of the model by name, in order. Matrices are (outputs, inputs).

    The Transformer is built, checkpoints are checked and parameters are counted
    against this one list.
    """
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (config.vocab_size, config.d_model)
    }
    if config.positions == "learned":
        shapes["position_embedding.weight"] = (config.context_length, config.d_model)
    for layer in range(config.n_layers):
        for name, shape in _block_shapes(config).items():
            shapes[f"blocks.{layer}.{name}"] = shape
    shapes |= _norm_shapes(config, "final_norm", config.d_model)
    if not config.tie_embeddings:
        shapes["unembedding.weight"] = (config.vocab_size, config.d_model)
    return shapes


def _block_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    width, ff = config.d_model, config.d_ff
    queries, keys = config.n_heads * config.head_width, config.kv_heads * config.head_width
    with_qkv_bias, with_bias = config.bias != "none", config.bias == "all"
    shapes = _norm_shapes(config, "attention_norm", width)
    for name, outputs in (("query", queries), ("key", keys), ("value", keys)):
        shapes |= _linear_shapes(f"attention.{name}", outputs, width, with_qkv_bias)
    if config.qk_norm:
        shapes |= _norm_shapes(config, "attention.query_norm", config.head_width)
        shapes |= _norm_shapes(config, "attention.key_norm", config.head_width)
    shapes |= _linear_shapes("attention.output", width, queries, with_bias)
    shapes |= _norm_shapes(config, "mlp_norm", width)
    if config.mlp == "swiglu":
        shapes |= _linear_shapes("mlp.gate", ff, width, with_bias)
    shapes |= _linear_shapes("mlp.up", ff, width, with_bias)
    shapes |= _linear_shapes("mlp.down", width, ff, with_bias)
    return shapes


def _linear_shapes(
    name: str, outputs: int, inputs: int, with_bias: bool
) -> dict[str, tuple[int, ...]]:
    weight: dict[str, tuple[int, ...]] = {f"{name}.weight": (outputs, inputs)}
    return {**weight, f"{name}.bias": (outputs,)} if with_bias else weight


def _norm_shapes(config: ModelConfig, name: str, width: int) -> dict[str, tuple[int, ...]]:
    with_bias = config.norm == "layernorm" and config.bias == "all"
    return {
        f"{name}.{part}": (width,) for part in (("weight", "bias") if with_bias else ("weight",))
    }


def parameter_counts(config: ModelConfig) -> dict[str, int]:
    """Learned numbers by part, over all layers; their sum is the model's size.

    Tied embeddings count once, under `token_embedding`.

    >>> sum(parameter_counts(PRESETS["gpt2-124m"]).values())
    124439808
    """
    counts = dict.fromkeys(
        (
            "token_embedding",
            "position_embedding",
            "attention",
            "feed_forward",
            "norms",
            "unembedding",
        ),
        0,
    )
    for name, shape in tensor_shapes(config).items():
        counts[_part_of(name)] += prod(shape)
    return counts


def _part_of(name: str) -> str:
    if "norm" in name:
        return "norms"
    if ".attention." in name:
        return "attention"
    return "feed_forward" if ".mlp." in name else name.split(".")[0]


def flops_by_part(config: ModelConfig, context_length: int | None = None) -> dict[str, int]:
    """Floating-point operations of one forward pass, per token, by part of the model.

    Two for each weight of a matrix (a product and a sum), and for attention
    4·L·H·K·S: scores and mixture over S visible positions, the whole context (or
    the window), as if nothing were masked. The way back costs twice as much, so a
    token of training costs three times the sum.

    >>> flops_by_part(ModelConfig(vocab_size=1024, context_length=128))["output"]
    262144

    Source: Chowdhery et al. 2022 (PaLM), appendix B; Kaplan et al. 2020, section 2.1.
    """
    counts = parameter_counts(config)
    visible = min(context_length or config.context_length, config.window or 262_144)
    return {
        "attention_maps": 2 * counts["attention"],
        "mixing": 4 * config.n_layers * config.n_heads * config.head_width * visible,
        "feed_forward": 2 * counts["feed_forward"],
        "output": 2 * config.vocab_size * config.d_model,
    }


def flops_per_token(config: ModelConfig, context_length: int | None = None) -> int:
    """Floating-point operations of one forward pass, per token: the sum of `flops_by_part`.

    Training costs three times as much.
    """
    return sum(flops_by_part(config, context_length).values())


def memory_bytes(
    config: ModelConfig,
    batch_size: int,
    mode: Literal["train", "generate"],
    context_length: int | None = None,
    bytes_per_value: int = BYTES_FLOAT32,
    optimizer: Literal["adamw", "muon"] = "adamw",
) -> dict[str, int]:
    """Bytes by part while training, or while generating at full context; their sum is the need.

    Training holds in float32 a gradient for each parameter and what the optimizer
    remembers of it: two running averages (AdamW), or one for the matrices inside the
    blocks (Muon). "activations" are what the backward pass needs again, counted from the
    operations of a block, fused attention assumed; "logits" their log-softmax and two
    gradients of that size, which stand side by side when the way back begins, or one part of
    them where `slm.model.head_loss` takes them in turn: never more than about 1 GB. With
    `bytes_per_value` 2 (bfloat16 products, as on GPUs) matrices have a copy in it, and the
    norms stay float32. Generating holds the weights and the key-value cache, both in
    `bytes_per_value`. What PyTorch itself takes (0.2 to 1 GB) comes on top. How near this
    is to what a process takes stands in benchmarks/README.md.

    Source: Korthikanti et al. 2022, section 4.1, counted anew for these blocks.
    """
    tokens = batch_size * (context_length or config.context_length)
    counts = parameter_counts(config)
    n_parameters = sum(counts.values())
    if mode == "generate":
        cached = 2 * config.n_layers * config.kv_heads * config.head_width
        return {
            "weights": n_parameters * bytes_per_value,
            "cache": tokens * cached * bytes_per_value,
        }
    whole = n_parameters * BYTES_FLOAT32
    copies = 0 if bytes_per_value == BYTES_FLOAT32 else n_parameters * bytes_per_value
    spared = counts["attention"] + counts["feed_forward"] if optimizer == "muon" else 0
    logits = 3 * BYTES_FLOAT32 + (bytes_per_value if copies else 0)
    return {
        "weights": whole + copies,
        "gradients": whole,
        "optimizer": 2 * whole - spared * BYTES_FLOAT32,
        "activations": tokens * _activation_bytes_per_token(config, bytes_per_value),
        "logits": _logit_bytes(tokens * config.vocab_size, logits),
    }


def _logit_bytes(n_logits: int, bytes_each: int) -> int:
    """What head and loss take: all logits at once, or the largest part of them."""
    if n_logits <= LOGITS_AT_ONCE:
        return n_logits * bytes_each
    return LOGITS_AT_ONCE * _BYTES_IN_TURN


def largest_count(most: int, fits: Callable[[int], bool]) -> int:
    """The largest of 0 … `most` that fits, where all below it fit too; by halving.

    >>> largest_count(100, lambda windows: 3 * windows <= 20)
    6
    """
    return bisect_left(range(1, most + 1), True, key=lambda n: not fits(n))


def _activation_bytes_per_token(config: ModelConfig, bytes_per_value: int) -> int:
    """Bytes kept for the backward pass: each operation's inputs that its gradient needs."""
    queries, keys = config.n_heads * config.head_width, config.kv_heads * config.head_width
    norm = BYTES_FLOAT32 + bytes_per_value  # a norm's input, and its output
    norms = 2 * norm * config.d_model
    if config.qk_norm:  # their output is not kept, but rotated
        norms += BYTES_FLOAT32 * (queries + keys)
    attention = queries + 2 * keys + 2 * queries  # and the mixture, by head and by position
    if config.positions == "rotary":  # the values keep what they were projected with
        attention += queries + keys
    feed_forward = (4 if config.mlp == "swiglu" else 2) * config.d_ff
    block = norms + bytes_per_value * (attention + feed_forward)
    return config.n_layers * block + norm * config.d_model


PRESETS: dict[str, ModelConfig] = {
    "nano": ModelConfig(n_kv_heads=2),
    "micro": ModelConfig(n_layers=4, n_heads=6, n_kv_heads=2, d_model=192, d_ff=512),
    "mini": ModelConfig(
        vocab_size=8192,
        context_length=512,
        n_layers=6,
        n_heads=6,
        n_kv_heads=2,
        d_model=384,
        d_ff=1024,
    ),
    "small": ModelConfig(
        vocab_size=16_384,
        context_length=512,
        n_layers=8,
        n_heads=8,
        n_kv_heads=4,
        d_model=512,
        d_ff=1408,
    ),
    "medium": ModelConfig(
        vocab_size=32_768,
        context_length=1024,
        n_layers=12,
        n_heads=12,
        n_kv_heads=4,
        d_model=768,
        d_ff=2048,
    ),
    "gpt2-124m": ModelConfig(
        vocab_size=50_257,
        context_length=1024,
        n_layers=12,
        n_heads=12,
        n_kv_heads=None,
        d_model=768,
        d_ff=3072,
        norm="layernorm",
        norm_eps=1e-5,
        positions="learned",
        mlp="gelu",
        qk_norm=False,
        bias="all",
    ),
    "smollm2-135m": ModelConfig(
        vocab_size=49_152,
        context_length=8192,
        n_layers=30,
        n_heads=9,
        n_kv_heads=3,
        d_model=576,
        d_ff=1536,
        norm_eps=1e-5,
        qk_norm=False,
        rope_theta=100_000.0,
    ),
    "qwen3-0.6b": ModelConfig(
        vocab_size=151_936,
        context_length=40_960,
        n_layers=28,
        n_heads=16,
        n_kv_heads=8,
        d_model=1024,
        d_head=128,
        d_ff=3072,
        rope_theta=1_000_000.0,
    ),
    "tinyllama-1.1b": ModelConfig(
        vocab_size=32_000,
        context_length=2048,
        n_layers=22,
        n_heads=32,
        n_kv_heads=4,
        d_model=2048,
        d_ff=5632,
        norm_eps=1e-5,
        qk_norm=False,
        tie_embeddings=False,
    ),
    "phi-3-mini": ModelConfig(
        vocab_size=32_064,
        context_length=4096,
        n_layers=32,
        n_heads=32,
        n_kv_heads=None,
        d_model=3072,
        d_ff=8192,
        norm_eps=1e-5,
        qk_norm=False,
        tie_embeddings=False,
        window=2047,
    ),
}
"""Shapes to start from: five of our own by size, and published ones with their exact settings.

Source: the `config.json` that each published model ships.
"""
