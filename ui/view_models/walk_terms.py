"""Which terms of the glossary each step of a walk speaks of."""

from collections.abc import Mapping
from types import MappingProxyType

from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.walk import Step

_NONLINEARITIES = ("SiLU", "GELU")
_TERMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "text": ("token", tr("token id"), "tokenizer", "vocabulary"),
        "embedding": ("embedding", "width", tr("residual stream")),
        "position": (tr("learned positions"), "position"),
        "norm": ("norm", tr("residual stream")),
        "project": ("query", "key", "value", "head"),
        "turn": (tr("rotary positions"), "position"),
        "scores": (tr("attention score"), "query", "key", "head"),
        "mask": ("position",),
        "softmax": ("softmax", tr("attention weight")),
        "mix": ("value", tr("attention weight")),
        "output": ("head", tr("residual stream")),
        "mlp_norm": ("norm", "feed-forward"),
        "hidden": ("feed-forward", tr("hidden unit"), "SiLU", "GELU"),
        "down": ("feed-forward", tr("residual stream")),
        "growth": (tr("residual stream"), "block"),
        "final_norm": ("norm", "logits"),
        "logits": ("logits", "softmax", "probability", tr("tied embeddings")),
        "parts": ("logits", tr("residual stream")),
        "depth": (tr("logit lens"), tr("residual stream")),
    }
)


def terms_of(step: Step) -> tuple[tuple[str, str], ...]:
    """The step's terms with their meanings; of the nonlinearities, the one in its formula."""
    formulas = " ".join(step.formula)
    absent = {term for term in _NONLINEARITIES if term not in formulas}
    return tuple((term, glossary.meaning(term)) for term in _TERMS[step.id] if term not in absent)
