"""The switchboard in sentences: what is changed, what each part is worth, what measuring costs.

Knows edits and numbers; no models and no Streamlit. L layers, P places of a layer: its heads,
then the feed-forward part.
"""

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from slm.attention.edit_notation import write_edits
from slm.attention.importance import Left
from slm.attention.interventions import ACTS, Act, Change, Edit
from slm.attention.maps import Floats
from slm.model.config import ModelConfig
from slm.workspace import Artefact
from ui.texts import counted, tr
from ui.view_models.attention import Window
from ui.view_models.code import open_lines
from ui.view_models.lens import signed

BY: dict[Left, str] = {"off": tr("Ablation"), "mean": tr("Mean ablation")}
"""How the worth of a part is measured, as the choice says it."""
MORE: dict[Left, str] = {
    "off": tr("Nats per token more without the part"),
    "mean": tr("Nats per token more with the part's mean in its place"),
}
"""What the colours say."""
WITHOUT: dict[Left, str] = {"off": tr("without it"), "mean": tr("with its mean in its place")}
_SOON_FLOPS = 5e9  # half a second on one core
_NAMED_PARTS, _PHRASES = 3, 8


def edits_sentence(changes: Sequence[Change], config: ModelConfig) -> str:
    """What is changed, in words; empty where nothing is.

    >>> config = ModelConfig(n_layers=2, n_heads=4)
    >>> edits_sentence([Edit(0, 1), Edit(0, 3), Edit(1, None, "scale", 0.5)], config)
    'Off: heads 1 and 3 of layer 0. × 0.5: the feed-forward part of layer 1.'
    """
    edits = [each for each in changes if isinstance(each, Edit)]
    edits.sort(key=lambda e: (ACTS.index(e.act), e.factor, e.head is None, e.layer, e.head or 0))
    sentences = []
    for (act, factor), same in groupby(edits, lambda edit: (edit.act, edit.factor)):
        phrases = _phrases(list(same), config)
        left = len(phrases) - _PHRASES
        shown = phrases[:_PHRASES] + (
            [tr("{left} more such groups").format(left=left)] if left > 0 else []
        )
        sentences.append(f"{_act_words(act, factor)}: {_listed(shown)}.")
    n_rows = len(changes) - len(edits)
    if n_rows:
        rows = counted("{n:,} painted row stays", "{n:,} painted rows stay", n_rows)
        sentences.append(tr("{rows} painted.").format(rows=rows))
    return " ".join(sentences)


def worth_sentence(worth_LP: Floats, labels: Sequence[str] | None, by: Left = "off") -> str:
    """Which parts the text is hardest without; empty while nothing is known."""
    flat = worth_LP.ravel()
    if np.isnan(flat).all():
        return ""
    n_places = worth_LP.shape[1]
    order = np.argsort(-np.nan_to_num(flat, nan=-np.inf), kind="stable")
    first = [int(n) for n in order[: _NAMED_PARTS + 1] if flat[n] > 0][:_NAMED_PARTS]
    if not first:
        return tr("No part of this model makes this text easier.")
    named = []
    for number in first:
        layer, place = divmod(number, n_places)
        label = labels[layer * (n_places - 1) + place] if labels and place < n_places - 1 else ""
        what = (
            tr("head {place}").format(place=place) if place < n_places - 1 else tr("feed-forward")
        )
        told = f"{label}, " if label else ""
        named.append(
            tr("layer {layer}, {what} ({told}{flat})").format(
                layer=layer, what=what, told=told, flat=signed(float(flat[number]))
            )
        )
    n_easier = int((flat < 0).sum())
    some = counted("{n:,} part", "any one of {n:,} parts", n_easier)
    less = (
        tr("Without {some}").format(some=some)
        if by == "off"
        else tr("With the mean in place of {some}").format(some=some)
    )
    rest = tr(" {less} the text is easier.").format(less=less) if n_easier else ""
    hardest = tr("Hardest to do without") if by == "off" else tr("Hardest to replace by the mean")
    return tr("{hardest}, in nats per token: {named}.{rest}").format(
        hardest=hardest, named="; ".join(named), rest=rest
    )


def full_passes(config: ModelConfig) -> int:
    """How many readings of the text measuring every part costs, in whole ones.

    What stands before a part is read once for all of its layer, so early layers cost more.

    >>> full_passes(ModelConfig(n_layers=2, n_heads=4))
    8
    """
    return math.ceil((config.n_heads + 1) * (config.n_layers + 1) / 2)


def is_soon(config: ModelConfig, n_parameters: int, n_tokens: int) -> bool:
    """Whether every part can be measured without keeping anybody waiting."""
    return 2.0 * n_parameters * n_tokens * full_passes(config) <= _SOON_FLOPS


def measure_words(config: ModelConfig, fraction: float) -> str:
    """What the button that starts measuring says, and that goes on with it.

    >>> measure_words(ModelConfig(n_layers=2, n_heads=4), 0.0)
    'Measure what each of the 10 parts is worth (about 8 readings of this text)'
    """
    if fraction > 0:
        return tr("Go on measuring ({fraction:.0%} done)").format(fraction=fraction)
    n_parts, n_passes = config.n_layers * (config.n_heads + 1), full_passes(config)
    return tr(
        "Measure what each of the {n_parts:,} parts is worth (about "
        "{n_passes:,} readings of this text)"
    ).format(n_parts=n_parts, n_passes=n_passes)


def layer_names(config: ModelConfig) -> tuple[str, ...]:
    """The rows of the board."""
    return tuple(tr("layer {layer}").format(layer=layer) for layer in range(config.n_layers))


def place_names(config: ModelConfig) -> tuple[str, ...]:
    """The columns of the board."""
    return (
        *(tr("head {head}").format(head=head) for head in range(config.n_heads)),
        "feed-forward",
    )


def switchboard_code(
    run: Artefact,
    step: int | None,
    text: str,
    window: Window,
    changes: Sequence[Change],
    act: Left,
) -> str:
    """The lines that compute what is shown."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    part = "" if window.note is None else f"[{window.start}:{window.stop}]"
    return f"""{opened}
from slm.attention.edit_notation import read_edits
from slm.attention.importance import importance
from slm.attention.readings import reading

text = {text!r}
ids = opened.tokenizer.encode(text){part}
edits = read_edits({write_edits(changes)!r}, opened.model.config)
before, after = reading(opened.model, ids), reading(opened.model, ids, edits)
print(before.mean_nats, after.mean_nats)
print((after.nats_T - before.nats_T).round(2))
print(after.logs_PV.argmax(axis=-1))
print(importance(opened.model, ids, {act!r}).change_LP.round(3))
"""


def _act_words(act: Act, factor: float) -> str:
    if act == "scale":
        return f"× {factor:g}".replace("-", "−")
    return {"off": tr("Off"), "uniform": tr("Uniform attention"), "mean": tr("At their mean")}[act]


def _phrases(edits: Sequence[Edit], config: ModelConfig) -> list[str]:
    """Parts that are treated alike, layer by layer, feed-forward parts last."""
    heads = [edit for edit in edits if edit.head is not None]
    rest = [edit.layer for edit in edits if edit.head is None]
    if len(heads) == config.n_layers * config.n_heads:
        phrases = [tr("all heads of all layers")] if len(heads) > 1 else [tr("the head")]
    else:
        phrases = [
            _heads_words(layer, [edit.head for edit in same if edit.head is not None], config)
            for layer, same in groupby(heads, lambda edit: edit.layer)
        ]
    if len(rest) == config.n_layers > 1:
        return [*phrases, tr("the feed-forward parts of all layers")]
    if len(rest) > 1:
        return [
            *phrases,
            tr("the feed-forward parts of layers {n}").format(n=_listed([str(n) for n in rest])),
        ]
    return [
        *phrases,
        *(tr("the feed-forward part of layer {layer}").format(layer=layer) for layer in rest),
    ]


def _heads_words(layer: int, heads: Sequence[int], config: ModelConfig) -> str:
    if len(heads) == config.n_heads > 1:
        return tr("all heads of layer {layer}").format(layer=layer)
    plural = tr("heads") if len(heads) > 1 else tr("head")
    return tr("{plural} {head} of layer {layer}").format(
        plural=plural, head=_listed([str(head) for head in heads]), layer=layer
    )


def _listed(words: Sequence[str]) -> str:
    """Words with commas and an "and".

    >>> _listed(["a"]), _listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *before, last = words
    return tr("{before} and {last}").format(before=", ".join(before), last=last) if before else last
