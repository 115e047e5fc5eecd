"""What updates, gradients and activations say: rates too high or too low, layers that are dead.

The update ratio is ‖change of the weights‖ / ‖weights‖ of one step. A rule of thumb for AdamW is
about 1e-3 (Karpathy 2022, "Building makemore", part 3). Here, on models of 0.1 to 1 M parameters
and runs of 300 to 3,600 steps, the best AdamW rates gave 6e-3 to 1e-2 in the blocks and the best
Muon rates 2e-2, since short runs want higher rates and Muon's updates have full rank; the
thresholds below lie far outside of that. How often gradients are clipped says nothing: both
optimizers take out the gradient's size, and healthy runs are clipped in 99% of their steps.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from slm.training.doctor_loss import scaled_rates
from slm.training.findings import Finding, Remedy
from slm.training.history import History, Look

HIGH_RATIO: Mapping[str, float] = MappingProxyType({"muon": 5e-2, "adamw": 2.5e-2})
"""An update ratio this high, with a part that is too loud, comes of a rate too high."""
LOUD = 40.0
"""A part that writes so many times what it reads drowns everything else in the stream."""
DEAFENING = 300.0
"""So loud that no update ratio is asked; best runs stayed below 25, at ten times the rate it was
90 to 600, at thirty times 330 to 2,000."""
OVERTHROWN = 1.0
"""An update ratio at which a step is as long as the weights are: little of them is left."""
HUMP_NATS = 0.5
"""A training loss this far above where it began was thrown off by its first steps."""
LOW_RATIO: Mapping[str, float] = MappingProxyType({"muon": 3e-3, "adamw": 2e-3})
TYPICAL_RATIO: Mapping[str, float] = MappingProxyType({"muon": 2e-2, "adamw": 7e-3})
SHORT_WAY = 0.6
"""Update ratio × steps of the whole plan: weights that can move by less than this share of their
own length stay what they were drawn as. Best runs came to 2 or more, runs at a tenth of the rate
to 0.5 or less."""
LOW_SHARE = 0.2
"""Share of the run after which a rate can be called too low."""
DEAD_GRADIENT = 1e-4
"""A block's gradient norm, against the median of the other blocks."""
DEAD_UPDATE = 1e-3
DEAD_SHARE = 1e-3
"""What attention and feed-forward of a block add to the stream, against the stream."""
DEAD_LOOKS = 3
"""Evaluations in a row that must agree."""
_LEAST_PEAK = 0.5  # share of the peak rate below which an update ratio says little
_STRONGEST = 30.0
_LOWER, _MUCH_LOWER, _LEAST = 0.3, 0.1, 0.03
_WILD_NATS = 3.0  # a hump so high asks for the strongest cut


def rate_high(history: History) -> Finding | None:
    """Updates so large that they throw the model about, or blow a part of it up."""
    config = history.config
    looks = _at_peak(history)
    loud = [look for look in looks if look.largest_share >= LOUD]
    ratios = [ratio for look in looks if (ratio := look.block_ratio) is not None]
    high = max(ratios, default=0.0) >= HIGH_RATIO[config.optimizer]
    deafening = sum(look.largest_share >= DEAFENING for look in looks) >= 2
    hump = _hump(history)
    if not (hump or deafening or (high and len(loud) >= 2)):
        return None
    told: dict[str, float] = {}
    if ratios:
        told["update_ratio"] = max(ratios)
    if loud:
        told["share"] = max(look.largest_share for look in loud)
    first, last = (loud[0].step, loud[-1].step) if loud else (history.warm, history.step)
    if hump:
        first, last = min(first, hump[0]), max(last, hump[1])
        told |= {"start_nats": hump[2], "top_nats": hump[3]}
    overthrown = max(ratios, default=0.0) >= OVERTHROWN
    ruined = deafening or overthrown or hump is not None  # large weights stay so at a lower rate
    cut = _MUCH_LOWER if ruined else _LOWER
    if hump and hump[3] - hump[2] > _WILD_NATS:
        cut = _LEAST
    settings = scaled_rates(config, cut)
    remedy = Remedy("new" if history.finished or ruined else "change", settings)
    return Finding("rate_high", "warning", first, last, told, remedy)


def rate_low(history: History) -> Finding | None:
    """Updates so small that the plan is over before the weights have gone anywhere."""
    config = history.config
    looks = _at_peak(history)
    ratios = [ratio for look in looks if (ratio := look.block_ratio) is not None]
    enough = max(LOW_SHARE * config.steps, config.warmup_steps)
    if len(ratios) < 2 or history.step < enough or not _falls(history):
        return None
    ratio = float(np.median(ratios[-DEAD_LOOKS:]))
    way = ratio * history.mean_rate_share * config.steps
    if ratio >= LOW_RATIO[config.optimizer] or way >= SHORT_WAY:
        return None
    factor = min(_STRONGEST, TYPICAL_RATIO[config.optimizer] / max(ratio, 1e-12))
    return Finding(
        "rate_low",
        "warning",
        looks[0].step,
        history.step,
        {"update_ratio": ratio, "way": way, "typical": TYPICAL_RATIO[config.optimizer]},
        Remedy("new" if history.finished else "change", scaled_rates(config, factor)),
    )


def dead_layers(history: History) -> list[Finding]:
    """Blocks that add nothing or learn nothing, where others do."""
    looks = [look for look in history.looks if look.step > 0]
    if len(looks) < DEAD_LOOKS:
        return []
    signs: tuple[tuple[str, Callable[[Look], list[int]]], ...] = (
        ("gradient", lambda look: _far_below(look.of_blocks(look.gradient_norms), DEAD_GRADIENT)),
        ("update", lambda look: _far_below(look.of_blocks(look.update_ratios), DEAD_UPDATE)),
        ("share", _silent),
    )
    found: dict[int, dict[str, int]] = {}
    for name, sign in signs:
        by_look = [set(sign(look)) for look in looks]
        for layer in sorted(set.intersection(*by_look[-DEAD_LOOKS:])):
            since = len(looks)
            while since and layer in by_look[since - 1]:
                since -= 1
            found.setdefault(layer, {})[name] = looks[since].step
    return [_dead(history, layer, since) for layer, since in found.items()]


def _dead(history: History, layer: int, since: Mapping[str, int]) -> Finding:
    first = min(since.values())
    born = first <= next(look.step for look in history.looks if look.step > 0)
    settings = scaled_rates(history.config, _LOWER)
    remedy = Remedy("new", settings) if born else Remedy("fork", settings, first - 1)
    evidence = {"layer": layer, "signs": ", ".join(since), "since_step": first}
    return Finding("dead_layer", "warning", first, history.step, evidence, remedy)


def _at_peak(history: History) -> list[Look]:
    """Evaluations since the rates were last changed, where the rate is near its peak."""
    return [
        look
        for look in history.looks
        if look.step > history.since and look.rate_share >= _LEAST_PEAK
    ]


def _hump(history: History) -> tuple[int, int, float, float] | None:
    """Where the loss stood above its first values: first and last step, start, top."""
    train = history.train
    medians = train.medians
    if len(medians) < 4 or train.steps[0] > history.config.log_every or history.since > 0:
        return None
    start = float(train.values[0])
    high = np.flatnonzero(medians.values > start + max(HUMP_NATS, 3 * train.noise))
    if not len(high):
        return None
    steps = medians.steps[high]
    return int(steps[0]), int(steps[-1]), start, float(medians.values.max())


def _falls(history: History) -> bool:
    """Whether the training loss went down beyond its noise since the rates were at their peak."""
    medians = history.train.between(history.warm, history.step).medians
    if len(medians) < 3:
        return False
    return bool(medians.values[0] - medians.values[-1] > 2 * medians.noise)


def _far_below(values: Mapping[int, float], share: float) -> list[int]:
    """Layers whose value is less than a share of the median of the other layers."""
    return [
        layer
        for layer, value in values.items()
        if len(values) > 1
        and value < share * float(np.median([x for other, x in values.items() if other != layer]))
    ]


def _silent(look: Look) -> list[int]:
    pairs: Sequence[tuple[float, float]] = list(
        zip(look.attention_share, look.feed_forward_share, strict=False)
    )
    return [layer for layer, pair in enumerate(pairs) if max(pair) < DEAD_SHARE]
