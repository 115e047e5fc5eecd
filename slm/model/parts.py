"""The parts of a Transformer in order, and the shape of what leaves each. No torch.

What leaves them on a text, and the code that computes it, is in `anatomy.py`.

T position, S key position (here as many), D width, H heads, G key-value heads, K head
width, F feed-forward width, V vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from slm.model.config import ModelConfig, tensor_shapes

Heads = Literal["query", "key-value"]


@dataclass(frozen=True)
class Part:
    """One step of the model.

    letters   shape of what leaves it, for one text
    weights   names of its tensors, below "blocks.<layer>." where it is in a block
    heads     which heads its values have one of each; None: they are not by head
    """

    name: str
    letters: str
    weights: tuple[str, ...] = ()
    heads: Heads | None = None
    in_block: bool = True


PARTS: Mapping[str, Part] = MappingProxyType(
    {
        part.name: part
        for part in (
            Part(
                "token_embedding",
                "T×D",
                ("token_embedding.weight",),
                in_block=False,
            ),
            Part(
                "position_embedding",
                "T×D",
                ("position_embedding.weight",),
                in_block=False,
            ),
            Part("stream", "T×D"),
            Part("attention_norm", "T×D", ("attention_norm.weight",)),
            Part("query", "H×T×K", ("attention.query.weight",), "query"),
            Part("key", "G×T×K", ("attention.key.weight",), "key-value"),
            Part("value", "G×T×K", ("attention.value.weight",), "key-value"),
            Part(
                "query_ready",
                "H×T×K",
                ("attention.query_norm.weight",),
                "query",
            ),
            Part(
                "key_ready",
                "G×T×K",
                ("attention.key_norm.weight",),
                "key-value",
            ),
            Part("scores", "H×T×S", (), "query"),
            Part(
                "weights",
                "H×T×S",
                (),
                "query",
            ),
            Part(
                "mixture",
                "H×T×K",
                (),
                "query",
            ),
            Part("attention_output", "T×D", ("attention.output.weight",)),
            Part("attention_add", "T×D"),
            Part("mlp_norm", "T×D", ("mlp_norm.weight",)),
            Part("gate", "T×F", ("mlp.gate.weight",)),
            Part("up", "T×F", ("mlp.up.weight",)),
            Part("hidden", "T×F"),
            Part("down", "T×D", ("mlp.down.weight",)),
            Part("mlp_add", "T×D"),
            Part(
                "final_norm",
                "T×D",
                ("final_norm.weight",),
                in_block=False,
            ),
            Part(
                "logits",
                "T×V",
                ("unembedding.weight",),
                in_block=False,
            ),
        )
    }
)
"""Every part that a model may have, in the order in which a token meets them."""


def parts_of(config: ModelConfig) -> tuple[Part, ...]:
    """The parts that a model of these settings has, in order."""
    absent = set()
    if config.positions != "learned":
        absent.add("position_embedding")
    if config.mlp != "swiglu":
        absent.add("gate")
    if not config.qk_norm and config.positions != "rotary":
        absent |= {"query_ready", "key_ready"}
    return tuple(part for part in PARTS.values() if part.name not in absent)


def shape_of(config: ModelConfig, part: Part, n_tokens: int) -> tuple[int, ...]:
    """The sizes that `part.letters` stand for, on a text of so many tokens."""
    sizes = {
        "T": n_tokens,
        "S": n_tokens,
        "D": config.d_model,
        "H": config.n_heads,
        "G": config.kv_heads,
        "K": config.head_width,
        "F": config.d_ff,
        "V": config.vocab_size,
    }
    return tuple(sizes[letter] for letter in part.letters.split("×"))


def weights_of(config: ModelConfig, part: Part, layer: int) -> dict[str, tuple[int, ...]]:
    """The learned tensors of a part with their shapes, biases too; none where it only computes.

    With tied embeddings the last part reads the token embedding again.
    """
    shapes = tensor_shapes(config)
    names = part.weights
    if part.name == "logits" and config.tie_embeddings:
        names = PARTS["token_embedding"].weights
    before = f"blocks.{layer}." if part.in_block else ""
    wanted = [before + name for name in names]
    wanted += [name.removesuffix("weight") + "bias" for name in wanted]
    return {name: shapes[name] for name in wanted if name in shapes}


def heads_of(config: ModelConfig, part: Part) -> int:
    """How many heads a part's values have; 1 where they are not by head."""
    return {"query": config.n_heads, "key-value": config.kv_heads, None: 1}[part.heads]
