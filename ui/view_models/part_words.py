"""What the parts of a model are called and what they do, as its settings make them.

Knows settings alone; where parts stand in the drawing is in `architecture.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from slm.model.config import ModelConfig
from slm.model.parts import PARTS, Part
from ui.texts import tr


@dataclass(frozen=True)
class Words:
    """What a part is called, and what it does."""

    title: str
    note: str


_WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "token_embedding": Words(
            tr("Token embedding"),
            tr("Looks up a learned vector for each token id: the start of the residual stream."),
        ),
        "position_embedding": Words(
            tr("Position embedding"),
            tr("Adds a learned vector for each position, so that the order of tokens is known."),
        ),
        "stream": Words(
            tr("Residual stream"),
            tr(
                "What the blocks before have written: one vector for each position. Parts read a "
                "copy of it and add to it; none erases."
            ),
        ),
        "attention_norm": Words(
            tr("Norm"),
            tr("Brings a copy of the stream to an even size; the stream stays as it is."),
        ),
        "query": Words(
            tr("Query"),
            tr("What each position looks for: a linear map of the normed stream, by head."),
        ),
        "key": Words(
            tr("Key"),
            tr("What each position offers to be found by: a linear map of the normed stream."),
        ),
        "value": Words(
            tr("Value"),
            tr("What each position passes on to those that look at it: a third linear map."),
        ),
        "query_ready": Words(tr("Query, turned"), ""),
        "key_ready": Words(tr("Key, turned"), ""),
        "scores": Words(
            tr("Scores"),
            tr(
                "How well each query matches each key: their dot product, divided by the root of "
                "the head's width. Later positions are hidden."
            ),
        ),
        "weights": Words(
            tr("Softmax"),
            tr(
                "Scores as shares: every row sums to 1. These are the maps of the Attention "
                "chapter."
            ),
        ),
        "mixture": Words(
            tr("Mixture"), tr("The values, mixed by the weights: what each head has gathered.")
        ),
        "attention_output": Words(
            tr("Output"), tr("The heads side by side, mapped back to the width of the stream.")
        ),
        "attention_add": Words(
            tr("Added to the stream"), tr("The stream, with what attention has gathered.")
        ),
        "mlp_norm": Words(
            tr("Norm"),
            tr("Brings a copy of the stream to an even size; the stream stays as it is."),
        ),
        "gate": Words(
            tr("Gate"),
            tr("A linear map to the inner width; bent by SiLU it decides how much of Up passes."),
        ),
        "up": Words(tr("Up"), tr("A linear map of each position by itself to the inner width.")),
        "hidden": Words("", ""),
        "down": Words(tr("Down"), tr("A linear map back to the width of the stream.")),
        "mlp_add": Words(
            tr("Added to the stream"),
            tr(
                "The stream, with what the feed-forward part has worked out. The next block "
                "reads it."
            ),
        ),
        "final_norm": Words(
            tr("Last norm"), tr("Brings the finished stream to an even size before it is read out.")
        ),
        "logits": Words(
            tr("Output"),
            tr(
                "One score (logit) for each token that could come next, at every position. Softmax "
                "turns scores into probabilities."
            ),
        ),
    }
)


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
        return _ready(config, tr("Query") if name == "query_ready" else tr("Key"))
    if name == "hidden":
        return _hidden(config)
    if name == "scores" and config.window:
        return Words(
            words.title,
            tr("{note} So are those further back than {window:,} positions.").format(
                note=words.note, window=config.window
            ),
        )
    if name == "logits" and config.tie_embeddings:
        return Words(
            words.title,
            tr("{note} The weights are those of the token embedding.").format(note=words.note),
        )
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
    return tr("{part}: {title}").format(
        part=tr("Attention") if group_of(part) == "attention" else tr("Feed-forward"), title=title
    )


def group_of(part: Part) -> str:
    """The branch that a part is of: attention or feed_forward; empty outside both."""
    if not part.in_block or part.name == "stream":
        return ""
    names = list(PARTS)
    return "attention" if names.index(part.name) < names.index("mlp_norm") else "feed_forward"


def _ready(config: ModelConfig, what: str) -> Words:
    """Norm, rotation, or both, on queries or keys."""
    rotary = config.positions == "rotary"
    steps = ([tr("normed")] if config.qk_norm else []) + ([tr("turned")] if rotary else [])
    turned = tr(
        "turned by an angle that grows with the position, so that a score depends on the distance"
    )
    how = (
        tr(" and ")
        .join(
            ([tr("brought to an even size, which steadies training,")] if config.qk_norm else [])
            + ([turned] if rotary else [])
        )
        .rstrip(",")
    )
    return Words(
        ", ".join(steps).capitalize(),
        tr("Each {what} is {how}.").format(what=what.lower(), how=how),
    )


def _hidden(config: ModelConfig) -> Words:
    if config.mlp == "swiglu":
        return Words(
            "SiLU(gate) × up", tr("The gate, bent by SiLU, times Up: what passes to the way back.")
        )
    return Words("GELU", tr("Bends the result: negative numbers become nearly 0."))
