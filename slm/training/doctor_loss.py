"""What the losses of a run say: it diverges, overfits, stands still, could learn on.

Every rule waits until it can know: it compares medians of windows, asks for several values
beyond the noise, and is silent otherwise. The thresholds are ours unless a source is named.
"""

import numpy as np

from slm.training.config import TrainConfig
from slm.training.findings import Finding, Remedy
from slm.training.history import MEDIAN_SPREAD, Curve, History

RISE_NATS = 0.5
"""A training loss this far above its best, beyond its noise, is on its way out."""
NOISE_MARGIN = 6.0
"""Standard deviations that a difference must exceed before it counts."""
OVERFIT_NATS = 0.03
"""A validation loss this far above its best, beyond its jitter, has turned."""
OVERFIT_SERIOUS_NATS = 0.5
OVERFIT_LOOKS = 3
"""Evaluations after the best one, the median of which must be worse."""
BASELINE_SHARE = 0.5
"""Share of the run after which a model must beat the unigram, and of at least..."""
BASELINE_STEPS = 100
FLAT_SHARE = 0.3
"""Share of the run at the peak rate over which the loss must stand still, of at least..."""
FLAT_STEPS = 200
FLAT_NATS = 0.02
"""A smaller gain over such a stretch is none."""
STEEP_NATS = 0.35
"""Gain by the last doubling of the steps at the peak rate that promises more. The shipped demo
run, 3,600 steps long, gained 0.22 there; the short default runs of 400 steps gain 0.6 to 0.9."""
WIDE_GAP_NATS = 0.75
"""A model that knows its own text so much better than other text gains little by reading on."""
SPIKES = 3
SPIKE_NATS = 1.0
_SMOOTH = 9  # values whose median a spike stands out from
_LOWER, _MUCH_LOWER = 0.3, 0.1
_FALL_SHARE = 0.5
_TALLER = 3.0  # times the usual gradient norm


def diverged(history: History) -> Finding | None:
    """Loss or gradient were no finite numbers any more, and the trainer stopped."""
    if history.diverged_at is None:
        return None
    healthy = _last_healthy_step(history)
    evidence: dict[str, float | None] = {"step": history.diverged_at, "healthy_step": healthy}
    if len(history.gradient_norm):
        evidence["gradient_norm"] = float(history.gradient_norm.values[-1])
    begin = max(0, healthy or 0)
    return Finding(
        "diverged", "serious", begin, history.diverged_at, evidence, _calm(history, healthy)
    )


def diverging(history: History) -> Finding | None:
    """The training loss now stands far above its best, though it is still finite."""
    medians = history.train.medians
    if len(medians) < 4 or history.diverged_at is not None:
        return None
    best = int(np.argmin(medians.values[:-2]))
    rise = float(min(medians.values[-2:]) - medians.values[best])
    if rise < max(RISE_NATS, NOISE_MARGIN * medians.noise):
        return None
    healthy = int(medians.steps[best])
    return Finding(
        "diverging",
        "serious",
        healthy,
        history.step,
        {
            "best_nats": float(medians.values[best]),
            "nats": float(medians.values[-1]),
            "healthy_step": healthy,
        },
        _calm(history, healthy),
    )


def overfitting(history: History) -> Finding | None:
    """The validation loss rises while the training loss still falls."""
    val, train = history.val, history.train
    if len(val) < OVERFIT_LOOKS + 2:
        return None
    best = int(np.argmin(val.values))
    after = val.values[best + 1 :]
    if len(after) < OVERFIT_LOOKS:
        return None
    now = float(np.median(after[-OVERFIT_LOOKS:]))
    rise = now - float(val.values[best])
    # Jitter of what came after the best: before it, the loss falls steeply, and bends.
    jitter = Curve(val.steps[best:], val.values[best:]).noise
    if rise < max(OVERFIT_NATS, NOISE_MARGIN / 2 * jitter):
        return None
    step = int(val.steps[best])
    medians = train.medians
    if len(medians) < 2 or medians.values[-1] >= medians.at(step):
        return None
    if history.finished:
        wanted = max(1, _rounded_steps(step))
        pull = max(0.1, history.config.weight_decay)
        remedy = Remedy("new", {"steps": wanted, "weight_decay": pull}, step)
    else:
        remedy = Remedy("stop", {}, step)
    return Finding(
        "overfitting",
        "serious" if rise >= OVERFIT_SERIOUS_NATS else "warning",
        step,
        history.step,
        {
            "best_step": step,
            "best_nats": float(val.values[best]),
            "nats": now,
            "rise": rise,
            "train_nats": float(medians.values[-1]),
            "gap": now - float(medians.values[-1]),
        },
        remedy,
    )


def below_baseline(history: History) -> Finding | None:
    """After enough steps the model still guesses worse than counting tokens would."""
    config, val = history.config, history.val
    enough = max(BASELINE_STEPS, BASELINE_SHARE * config.steps)
    if history.step < enough or len(val) < 2:
        return None
    nats = float(val.values[-1])
    told = {"nats": nats, **{f"{name}_nats": x for name, x in history.baselines.items()}}
    first = int(val.steps[1])
    unigram, bigram = (history.baselines.get(name) for name in ("unigram", "bigram"))
    if unigram is not None and nats > unigram:
        evidence = {**told, "baseline": "unigram"}
        return Finding("below_baseline", "warning", first, history.step, evidence)
    if history.finished and bigram is not None and nats > bigram:
        evidence = {**told, "baseline": "bigram"}
        more = Remedy("extend", {"steps": 2 * config.steps}, history.descent)
        return Finding("below_baseline", "info", first, history.step, evidence, more)
    return None


def plateau(history: History) -> Finding | None:
    """The loss stood still for a long share of the run, with the rates at their peak."""
    config = history.config
    if history.step > history.descent or history.finished:
        return None  # the descent brings down what a plateau holds back
    stretch = max(FLAT_STEPS, round(FLAT_SHARE * config.steps))
    begin = history.step - stretch
    if begin < history.warm:
        return None
    gain, doubt, source = _gain(history, begin)
    if gain is None or gain + 2 * doubt > FLAT_NATS:
        return None
    share = round(1 - history.step / config.steps, 3)
    if config.schedule == "warmup-stable-decay":
        remedy = Remedy("change", {"decay_fraction": share})
    else:
        remedy = Remedy("change", scaled_rates(config, _LOWER))
    level = history.val if source == "validation" else history.train.medians
    evidence = {"gain": gain, "nats": float(level.values[-1]), "loss": source}
    return Finding("plateau", "info", begin, history.step, evidence, remedy)


def undertrained(history: History) -> Finding | None:
    """The run is done, and its loss was still falling steeply before the rates went down."""
    config = history.config
    begin = history.descent if config.schedule == "warmup-stable-decay" else config.steps // 2
    begin = max(begin, config.steps // 4)
    half = begin // 2
    if not history.finished or half < max(1, history.warm):
        return None
    before = history.val if len(history.val.between(1, half)) else history.train.medians
    if len(before) < 3 or before.steps[0] > half:
        return None
    gain = before.at(half) - before.at(begin)
    if gain < max(STEEP_NATS, NOISE_MARGIN / 2 * before.between(half, begin).noise):
        return None
    last = float(history.val.values[-1] if len(history.val) else before.values[-1])
    if len(history.val) and last - float(history.train.medians.values[-1]) > WIDE_GAP_NATS:
        return None
    evidence = {"gain": gain, "from_step": half, "to_step": begin, "nats": last}
    if "bigram" in history.baselines and last > history.baselines["bigram"]:
        evidence["bigram_nats"] = history.baselines["bigram"]
    remedy = Remedy("extend", {"steps": 2 * config.steps}, begin)
    return Finding("undertrained", "info", half, history.step, evidence, remedy)


def spikes(history: History) -> Finding | None:
    """Several times the loss leapt up together with the gradient, and nothing leapt down."""
    train, norms = history.train, history.gradient_norm
    later = train.between(max(history.warm, history.step // 10), history.step)
    if len(later) < 5 * _SMOOTH or len(norms) != len(train):
        return None
    sides = np.lib.stride_tricks.sliding_window_view(later.values, _SMOOTH)
    leaps = later.values[_SMOOTH // 2 : -(_SMOOTH // 2)] - np.median(sides, axis=1)
    steps = later.steps[_SMOOTH // 2 : -(_SMOOTH // 2)]
    limit = max(SPIKE_NATS, NOISE_MARGIN * later.noise)
    at = norms.between(steps[0], steps[-1]).values
    up = (leaps > limit) & (at > _TALLER * np.median(at))
    if up.sum() < SPIKES or np.any(leaps < -limit):
        return None
    found = steps[up]
    evidence = {"count": int(up.sum()), "largest": float(leaps[up].max())}
    settings = scaled_rates(history.config, 0.5)
    if not history.config.gradient_clip:
        settings = {"gradient_clip": 1.0}
    remedy = Remedy("new" if history.finished else "change", settings)
    return Finding("spikes", "info", int(found[0]), int(found[-1]), evidence, remedy)


def scaled_rates(config: TrainConfig, factor: float) -> dict[str, float]:
    """The rates of the recipe times a factor, to two digits, within their bounds."""
    names = ("learning_rate", "muon_learning_rate")
    used = names if config.optimizer == "muon" else names[:1]
    return {name: min(1.0, float(f"{getattr(config, name) * factor:.2g}")) for name in used}


def _calm(history: History, healthy: int | None) -> Remedy:
    """Begin again before the trouble with lower rates, or from the start with much lower ones."""
    clip = {} if history.config.gradient_clip else {"gradient_clip": 1.0}
    early = healthy is None or healthy <= 2 * history.config.warmup_steps
    if early:
        return Remedy("new", {**scaled_rates(history.config, _MUCH_LOWER), **clip})
    return Remedy("fork", {**scaled_rates(history.config, _LOWER), **clip}, healthy)


def _last_healthy_step(history: History) -> int | None:
    """The last window whose loss was near the best; None when it never fell."""
    medians = history.train.medians
    if len(medians) < 2:
        return None
    fallen = medians.values[0] - medians.values.min()
    if fallen <= 0:
        return None
    near = medians.values <= medians.values.min() + (1 - _FALL_SHARE) * fallen
    return int(medians.steps[np.flatnonzero(near)[-1]])


def _gain(history: History, begin: int) -> tuple[float | None, float, str]:
    """How far the loss fell from the first half of a stretch to the second, and the doubt."""
    for source, curve, least in (("validation", history.val, 6), ("training", history.train, 20)):
        part = curve.between(begin, history.step)
        if len(part) < least:
            continue
        half = len(part) // 2
        first, second = np.median(part.values[:half]), np.median(part.values[-half:])
        doubt = MEDIAN_SPREAD * part.noise * (2 / half) ** 0.5
        return float(first - second), float(doubt), source
    return None, 0.0, ""


def _rounded_steps(steps: int) -> int:
    """A round number of steps near this one."""
    return int(float(f"{steps:.2g}"))
