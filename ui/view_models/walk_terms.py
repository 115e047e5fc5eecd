"""Which terms of the glossary each step of a walk speaks of."""

from collections.abc import Mapping
from types import MappingProxyType

from ui.view_models import glossary
from ui.view_models.walk import Step

_NONLINEARITIES = ("SiLU", "GELU")
_TERMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "text": ("token", "token id", "tokenizer", "vocabulary"),
        "embedding": ("embedding", "width", "residual stream"),
        "position": ("learned positions", "position"),
        "norm": ("norm", "residual stream"),
        "project": ("query", "key", "value", "head"),
        "turn": ("rotary positions", "position"),
        "scores": ("attention score", "query", "key", "head"),
        "mask": ("position",),
        "softmax": ("softmax", "attention weight"),
        "mix": ("value", "attention weight"),
        "output": ("head", "residual stream"),
        "mlp_norm": ("norm", "feed-forward"),
        "hidden": ("feed-forward", "hidden unit", "SiLU", "GELU"),
        "down": ("feed-forward", "residual stream"),
        "growth": ("residual stream", "block"),
        "final_norm": ("norm", "logits"),
        "logits": ("logits", "softmax", "probability", "tied embeddings"),
        "parts": ("logits", "residual stream"),
        "depth": ("logit lens", "residual stream"),
    }
)


def terms_of(step: Step) -> tuple[tuple[str, str], ...]:
    """The step's terms with their meanings; of the nonlinearities, the one in its formula."""
    formulas = " ".join(step.formula)
    absent = {term for term in _NONLINEARITIES if term not in formulas}
    return tuple((term, glossary.meaning(term)) for term in _TERMS[step.id] if term not in absent)
