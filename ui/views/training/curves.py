"""The curves of a run: its losses, and below them rates, speed, and the inside of the layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from slm.training.config import TrainConfig
from ui.figures import training as figures
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import run_curves as words
from ui.view_models.run_curves import Mark, Records, Rows, Unit

_AXES = {"loss": tr("log loss"), "steps": tr("log steps")}
_SETS = {"speed": tr("Rates and speed"), "layers": tr("Inside the layers")}
_NUMBERS = ("step", "end", "value")


@dataclass(frozen=True)
class Shown:
    """A run as its charts need it. `config` are the settings in force now."""

    records: Records
    config: TrainConfig
    n_layers: int
    marks: Sequence[Mark]
    counted: Mapping[str, float]


def ask_unit(records: Records) -> Unit:
    """The unit of all losses on the page."""
    units = words.units_of(records)
    chosen: Unit | None = st.segmented_control(
        tr("Unit of the loss"),
        units,
        format_func=lambda unit: words.UNITS[unit],
        default="nats",
        key="unit",
        bind="query-params",
        label_visibility="collapsed",
        help=glossary.meaning("nats"),
    )
    return chosen if chosen in units else "nats"


def ask_axes() -> frozenset[str]:
    """Which axes are logarithmic."""
    chosen = st.pills(
        tr("Axes"),
        list(_AXES),
        format_func=lambda axis: _AXES[axis],
        selection_mode="multi",
        key="axes",
        bind="query-params",
        label_visibility="collapsed",
    )
    return frozenset(chosen or ())


def losses(shown: Shown, unit: Unit, axes: frozenset[str]) -> None:
    """Training and validation loss, with what counting gives."""
    rows = words.loss_rows(
        shown.records,
        shown.marks,
        unit=unit,
        log_steps="steps" in axes,
        counted=shown.counted,
    )
    spec = figures.loss(
        shown.config.steps,
        words.UNITS[unit],
        log_x="steps" in axes,
        log_y="loss" in axes,
        levels=tuple(words.BASELINES),
    )
    _draw(rows, spec, f"training-loss-{unit}")


def below(shown: Shown, axes: frozenset[str]) -> None:
    """One set of smaller curves at a time, so that a poll draws no more than is looked at."""
    chosen = st.segmented_control(
        tr("Further curves"),
        list(_SETS),
        format_func=lambda name: _SETS[name],
        default="speed",
        key="curves",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    log_steps = "steps" in axes
    if chosen == "layers":
        _inside(shown, log_steps)
    else:
        _rates_and_speed(shown, log_steps)


def _rates_and_speed(shown: Shown, log_x: bool) -> None:
    steps, config = shown.config.steps, shown.config
    left, middle, right = st.columns(3)
    with left:
        names = ("AdamW",) if config.optimizer == "adamw" else ("AdamW", tr("Muon"))
        spec = figures.curve(
            tr("learning rate"), steps, series=names, log_x=log_x, axis_format=",~r"
        )
        rows = words.rate_rows(shown.records, config, shown.marks, log_steps=log_x)
        _draw(rows, spec, "training-learning_rate")
    with middle:
        rows = words.field_rows(
            shown.records, "gradient_norm", shown.marks, log_steps=log_x, positive=True
        )
        if config.gradient_clip:
            rows.level(
                "clip",
                config.gradient_clip,
                tr("clipped to {gradient_clip:g}").format(gradient_clip=config.gradient_clip),
            )
        spec = figures.curve(
            tr("gradient norm"), steps, levels=("clip",), log_x=log_x, log_y=True, axis_format=",~r"
        )
        _draw(rows, spec, "training-gradient_norm")
    with right:
        rows = words.field_rows(shown.records, "tokens_per_second", shown.marks, log_steps=log_x)
        spec = figures.curve(tr("tokens per second"), steps, log_x=log_x, zero=True)
        _draw(rows, spec, "training-tokens_per_second")


def _inside(shown: Shown, log_x: bool) -> None:
    if not words.has(shown.records, "update_ratios"):
        st.caption(words.nothing_inside(shown.records, shown.config))
        return
    parts = words.parts_of(shown.n_layers)
    layers = parts[1:-1]
    left, right = st.columns(2)
    with left:
        _parts(
            shown, "update_ratios", tr("update over weights"), parts, log_x, band=words.USUAL_RATIO
        )
        _parts(shown, "attention_share", tr("what attention adds, over the stream"), layers, log_x)
    with right:
        _parts(shown, "gradient_norms", tr("gradient norm by part"), parts, log_x)
        _parts(
            shown,
            "feed_forward_share",
            tr("what feed-forward adds, over the stream"),
            layers,
            log_x,
        )
    st.caption(words.INSIDE, help=glossary.meaning("update ratio"))


def _parts(
    shown: Shown,
    field: str,
    title: str,
    parts: Sequence[str],
    log_x: bool,
    band: tuple[float, float] | None = None,
) -> None:
    if not words.has(shown.records, field):
        return
    rows = words.part_rows(shown.records, field, parts, shown.marks, log_steps=log_x)
    spec = figures.curve(
        title,
        shown.config.steps,
        series=[words.part_label(part) for part in parts],
        colors=figures.depth_colors(len(parts)),
        band=band,
        log_x=log_x,
        log_y=True,
        axis_format=",~r",
        height=250,
    )
    _draw(rows, spec, f"training-{field}")


def _draw(rows: Rows, spec: dict[str, Any], key: str) -> None:
    frame = pd.DataFrame(rows.columns()).astype(dict.fromkeys(_NUMBERS, float))
    st.vega_lite_chart(frame, spec, key=key)
