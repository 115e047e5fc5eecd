"""The walk's steps through the feed-forward part of a block.

Words and rounding; the numbers are the walk's.
"""

import numpy as np

from ui.texts import tr
from ui.view_models.walk import Bars, Look, Step, Strips, Table, length, number, share, strongest
from ui.view_models.walk_ends import norm_formula

_BLOCK, _FEED_FORWARD = "slm.model.transformer.Block", "slm.model.layers.FeedForward"
_MOST_UNITS = 12


def feed_forward_steps(look: Look) -> tuple[Step, ...]:
    """Feed-forward of the opened block, at the chosen token."""
    return (_mlp_norm(look), _hidden(look), _down(look))


def _mlp_norm(look: Look) -> Step:
    at, block = look.place.token, look.walk.block
    return Step(
        id="mlp_norm",
        group=look.group,
        title=tr("Norm before feed-forward"),
        formula=(norm_formula(look.config, "x", r"\hat{x}"),),
        shape=f"x̂: {len(look.tokens)} × {look.config.d_model}",
        why=tr(
            "As before attention: the feed-forward part reads an evened-out copy. From here on "
            "no position looks at another one until the next block."
        ),
        told=tr("Length {between_td} before, {mlp_normed_td} after.").format(
            between_td=number(length(block.between_TD[at])),
            mlp_normed_td=number(length(block.mlp_normed_TD[at])),
        ),
        source=f"{_BLOCK}.forward",
        line="worked_out_BTD = self.mlp(self.mlp_norm(stream_BTD), layer, probe)",
        pictures=(
            Strips(tr("Before"), (("x", block.between_TD[at]),)),
            Strips(tr("After"), (("x̂", block.mlp_normed_TD[at]),)),
        ),
    )


def _hidden(look: Look) -> Step:
    at, block, config = look.place.token, look.walk.block, look.config
    gated, bias = block.gate_TF is not None, " + b" if config.bias == "all" else ""
    hidden_F, up_F = block.hidden_TF[at], block.up_TF[at]
    units = strongest(np.abs(hidden_F), min(_MOST_UNITS, hidden_F.size))
    rows = [("up", up_F), ("hidden", hidden_F)]
    if block.gate_TF is not None:
        rows = [("gate", block.gate_TF[at]), ("SiLU(gate)", block.opened_F(at)), *rows]
    table = tuple((str(u), *(number(float(values[u])) for _, values in rows)) for u in units)
    return Step(
        id="hidden",
        group=look.group,
        title=tr("Gate and hidden units") if gated else tr("Hidden units"),
        formula=(
            rf"h = \text{{SiLU}}(W_G \hat{{x}}{bias}) \odot (W_U \hat{{x}}{bias})"
            if gated
            else rf"h = \text{{GELU}}(W_U \hat{{x}}{bias})",
            r"\text{SiLU}(g) = \frac{g}{1 + e^{-g}}"
            if gated
            else r"\text{GELU}(u) ≈ \frac{u}{2} (1 + \text{tanh}(0.798 u + 0.0357 u^3))",
            tr("{gated} \\in \\mathbb{{R}}^{{{d_ff} × {d_model}}}").format(
                gated="W_G, W_U" if gated else "W_U", d_ff=config.d_ff, d_model=config.d_model
            ),
        ),
        shape=tr("h: {n_tokens} × {d_ff} (positions × hidden units)").format(
            n_tokens=len(look.tokens), d_ff=config.d_ff
        ),
        why=(
            tr(
                "The stream is spread over many hidden units. Each has a gate, and the gate "
                "decides how much of the unit passes: SiLU is near zero for gates below zero."
            )
            if gated
            else tr(
                "The stream is spread over many hidden units. GELU lets positive ones through "
                "and presses negative ones towards zero, so that few units speak at a time."
            )
        ),
        told=tr(
            "Most active at {here}: unit {units} with {hidden_f}, where the mean size is {mean}."
        ).format(
            here=look.here,
            units=units[0],
            hidden_f=number(float(hidden_F[units[0]])),
            mean=number(float(np.abs(hidden_F).mean())),
        ),
        source=f"{_FEED_FORWARD}.forward",
        line="hidden_BTF = F.silu(self.gate(normed_BTD)) * self.up(normed_BTD)"
        if gated
        else 'hidden_BTF = F.gelu(self.up(normed_BTD), approximate="tanh")',
        pictures=(
            Strips(
                tr("The {d_ff:,} hidden units at {here}").format(d_ff=config.d_ff, here=look.here),
                tuple(rows),
            ),
            Table(tr("The most active units"), ("unit", *(name for name, _ in rows)), table),
        ),
    )


def _down(look: Look) -> Step:
    at, block, config = look.place.token, look.walk.block, look.config
    lengths_F = look.reading.unit_lengths_F
    units = strongest(lengths_F, min(_MOST_UNITS, lengths_F.size))
    added_D = look.walk.feed_forward_LTD[block.layer, at]
    after_D, guess = look.walk.stream_LTD[block.layer + 1, at], look.reading.guesses
    said = guess[block.layer + 1][0]
    bias = " + b" if config.bias == "all" else ""
    return Step(
        id="down",
        group=look.group,
        title=tr("Down, into the stream"),
        formula=(
            rf"m = W_D \, h{bias}, \quad x ← x + m",
            tr("W_D \\in \\mathbb{{R}}^{{{d_model} × {d_ff}}}").format(
                d_model=config.d_model, d_ff=config.d_ff
            ),
        ),
        shape=f"m: {len(look.tokens)} × {config.d_model}",
        why=tr(
            "Each hidden unit has one vector that it writes, as strongly as it is active. Their "
            "sum joins the stream, and the next block reads it."
        ),
        told=tr(
            "Feed-forward adds a vector of length {added_d}. Read out now, "
            "the stream at {here} says “{token}” ({probability})."
        ).format(
            added_d=number(length(added_D)),
            here=look.here,
            token=look.name(said.token),
            probability=share(said.probability),
        ),
        source=f"{_FEED_FORWARD}.forward",
        line="output_BTD: Tensor = self.down(hidden_BTF)",
        pictures=(
            Bars(
                tr("Length of what the strongest {n_units} units add").format(n_units=len(units)),
                tuple(tr("unit {unit}").format(unit=unit) for unit in units),
                np.asarray(lengths_F[units], dtype=np.float32),
                tuple(number(float(lengths_F[unit])) for unit in units),
            ),
            Strips(
                tr("The stream"),
                (("before", block.between_TD[at]), ("added", added_D), ("after", after_D)),
            ),
        ),
    )
