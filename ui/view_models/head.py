"""One head: what may be shown of it, and what that is called.

Knows values and words; no Streamlit.

T query position, S key position (as many as T).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from slm.attention.flows import Target
from slm.attention.maps import Floats
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.attention import Window
from ui.view_models.code import open_lines

Measure = Literal["weights", "value_norm", "logit", "layer_mean", "all_mean", "rollout"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
NAMES: Mapping[Measure, str] = MappingProxyType(
    {
        "weights": tr("Weights"),
        "value_norm": tr("Weights × value norm"),
        "logit": tr("Logit contribution"),
        "layer_mean": tr("Mean of this layer"),
        "all_mean": tr("Mean of all heads"),
        "rollout": tr("Rollout to this layer"),
    }
)
"""What may be shown, as the choice says it."""
TARGETS: Mapping[Target, str] = MappingProxyType(
    {"next": tr("the token that came"), "top": tr("the likeliest token")}
)
_UNITS: Mapping[Measure, str] = MappingProxyType({"logit": tr("logits")})
_SOURCES: Mapping[Measure, str] = MappingProxyType(
    {
        "weights": tr("Vaswani et al. 2017, eq. 1."),
        "value_norm": tr("Kobayashi et al. 2020, “Attention is Not Only a Weight”."),
        "logit": tr("Elhage et al. 2021, “A Mathematical Framework for Transformer Circuits”."),
        "rollout": tr("Abnar & Zuidema 2020, “Quantifying Attention Flow in Transformers”."),
    }
)


@dataclass(frozen=True)
class Shown:
    """What the values are: title, unit, and the value where the colours end.

    `diverging`: colours run from −scale_end over 0. `most_of_row` begins the line that names the
    keys with the largest values.
    """

    title: str
    unit: str
    scale_end: float
    diverging: bool
    most_of_row: str


def of_one_head(measure: Measure) -> bool:
    """Whether the measure asks for a head; the others are of a layer, or of all."""
    return measure in {"weights", "value_norm", "logit"}


def shown_of(measure: Measure, values_TS: Floats, layer: int, head: int, kind: str = "") -> Shown:
    """What is on the screen. `kind` names the head where that is known."""
    title = {
        "layer_mean": tr("Layer {layer}: mean of its heads").format(layer=layer),
        "all_mean": tr("Mean of all heads of all layers"),
        "rollout": tr("Rollout: what layers 0 to {layer} mixed together").format(layer=layer),
    }.get(
        measure,
        tr("Layer {layer}, head {head}").format(layer=layer, head=head)
        + (f": {kind}" if kind else ""),
    )
    return Shown(
        title=title,
        unit=_UNITS.get(measure, ""),
        scale_end=_end(measure, values_TS),
        diverging=measure == "logit",
        most_of_row=tr("Moves the logit most") if measure == "logit" else tr("Most comes from"),
    )


def meaning(measure: Measure, layer: int) -> str:
    """One or two sentences on what is seen, with the source."""
    words = {
        "weights": tr("How large a share of each key's value the query takes; a row sums to 1."),
        "value_norm": glossary.meaning("value-weighted norm"),
        "logit": glossary.meaning("logit contribution"),
        "layer_mean": tr(
            "The weights averaged over the heads of layer {layer}; a row sums to 1."
        ).format(layer=layer),
        "all_mean": tr("The weights averaged over every head of every layer; a row sums to 1."),
        "rollout": glossary.meaning("attention rollout"),
    }[measure]
    source = _SOURCES.get(measure)
    return tr("{words} Source: {source}").format(words=words, source=source) if source else words


def head_code(
    run: Artefact,
    step: int | None,
    text: str,
    window: Window,
    measure: Measure,
    layer: int,
    head: int,
    target: Target,
) -> str:
    """The lines that compute what is shown."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    part = "" if window.note is None else f"[{window.start}:{window.stop}]"
    name, line = {
        "weights": ("maps", f"attention_maps(opened.model, ids, [{layer}], [{head}])[0, 0]"),
        "value_norm": ("flows", f"value_norms(opened.model, ids, [{layer}], [{head}])[0, 0]"),
        "logit": (
            "flows",
            f"logit_contributions(opened.model, ids, targets, [{layer}], [{head}])[0, 0]",
        ),
        "layer_mean": ("flows", f"layer_means(opened.model, ids)[{layer}]"),
        "all_mean": ("flows", "layer_means(opened.model, ids).mean(axis=0)"),
        "rollout": ("flows", f"rollout(layer_means(opened.model, ids))[{layer}]"),
    }[measure]
    names = {
        "weights": "attention_maps",
        "value_norm": "value_norms",
        "logit": "logit_contributions, targets_of",
        "rollout": "layer_means, rollout",
    }.get(measure, "layer_means")
    asked = f'targets = targets_of(opened.model, ids, "{target}")\n' if measure == "logit" else ""
    return f"""{opened}
from slm.attention.{name} import {names}

ids = opened.tokenizer.encode({text!r}){part}
{asked}values_TT = {line}
"""


def _end(measure: Measure, values_TS: Floats) -> float:
    """Where the colours end: 1 for shares, else the largest value there is."""
    if measure not in {"value_norm", "logit"}:
        return 1.0
    sound = np.abs(values_TS[np.isfinite(values_TS)])
    return float(sound.max(initial=0.0)) or 1.0
