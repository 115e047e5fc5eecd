"""A training doctor: what is wrong with a run, as its record shows, and what would help.

Knows settings and records; no words for people, no model, no files. The rules stand in
`doctor_loss.py` and `doctor_rates.py`, how they read a noisy record in `history.py`. A false
alarm costs a learner more than silence, so a rule speaks only where the numbers leave no doubt,
and a symptom is left out where its cause was found.
"""

from collections.abc import Mapping, Sequence

from slm.training import doctor_loss, doctor_rates
from slm.training.budget import FRESH_EPOCHS, WORN_EPOCHS
from slm.training.events import Event, config_at
from slm.training.findings import SEVERITIES, Finding, Kind, Remedy, Severity
from slm.training.history import History, Records, read_history
from slm.training.runs import RunSettings

__all__ = ["Finding", "Remedy", "examine"]

FEW_EVALUATIONS = 4
"""Fewer measurements than that in a whole run, besides the first, show no turn of the loss."""
WORTH_MEASURING = 50
"""Shorter runs, in steps, are trials, of which nobody asks where the loss turned."""
_RATES = frozenset({"learning_rate", "muon_learning_rate", "batch_size", "schedule"})
_EXPLAINS: Mapping[Kind, frozenset[Kind]] = {
    "diverged": frozenset(
        {"diverging", "rate_high", "below_baseline", "spikes", "undertrained", "plateau"}
    ),
    "diverging": frozenset({"below_baseline", "spikes", "undertrained", "plateau", "rate_high"}),
    "rate_high": frozenset({"below_baseline", "spikes", "undertrained", "plateau"}),
    "rate_low": frozenset({"below_baseline", "undertrained", "plateau"}),
    "overfitting": frozenset({"undertrained", "plateau", "many_epochs", "below_baseline"}),
    "undertrained": frozenset({"below_baseline"}),
    "no_validation": frozenset({"few_evaluations"}),
}


def examine(
    settings: RunSettings,
    records: Records,
    events: Sequence[Event] = (),
    *,
    train_tokens: int | None = None,
) -> tuple[Finding, ...]:
    """What the record of a run shows, the gravest first; nothing for a healthy run.

    `records` are those of `metrics.jsonl`; `train_tokens`, where known, is the size of its
    training text in tokens, and lets epochs be counted.

    Raises: ConfigError for events that were changed by hand into what is not allowed.
    """
    forked = settings.forked_from
    was_trained = bool(forked or settings.finetuned_from)
    since = int(forked["step"]) if forked else 0
    changed = [event for event in events if event.new != event.old]  # others were refused
    since = max([since, *(event.step for event in changed if event.field in _RATES)])
    last = max((event.step for event in events), default=0)
    history = read_history(config_at(settings.train, events, last), records, since)
    has_validation = "val.bin" in settings.token_files
    found = [
        doctor_loss.diverged(history),
        doctor_loss.diverging(history),
        doctor_rates.rate_high(history),
        None if was_trained else doctor_rates.rate_low(history),  # such weights may move little
        doctor_loss.overfitting(history),
        doctor_loss.below_baseline(history),
        doctor_loss.plateau(history),
        doctor_loss.undertrained(history),
        doctor_loss.spikes(history),
        *doctor_rates.dead_layers(history),
        _many_epochs(history, train_tokens, has_validation),
        _no_validation(history, has_validation),
    ]
    return _without_symptoms([finding for finding in found if finding is not None])


def _without_symptoms(found: Sequence[Finding]) -> tuple[Finding, ...]:
    explained = {kind for each in found for kind in _EXPLAINS.get(each.kind, ())}
    left = [each for each in found if each.kind not in explained]
    return tuple(sorted(left, key=lambda each: SEVERITIES.index(each.severity)))


def _many_epochs(
    history: History, train_tokens: int | None, has_validation: bool
) -> Finding | None:
    """Text read so often that repeats teach little, where nothing measures what they do.

    Where a validation loss is measured, that says whether repeats still help.

    Source of the limits: Muennighoff et al. 2023, as in `budget.py`.
    """
    if not train_tokens or has_validation:
        return None
    epochs = history.tokens / train_tokens
    if epochs <= FRESH_EPOCHS:
        return None
    fresh = round(history.step * FRESH_EPOCHS / epochs)
    severity: Severity = "warning" if epochs > WORN_EPOCHS else "info"
    evidence = {"epochs": epochs, "tokens": history.tokens, "train_tokens": train_tokens}
    remedy = Remedy("stop", {}, fresh) if not history.finished else Remedy("new", {"steps": fresh})
    return Finding("many_epochs", severity, fresh, history.step, evidence, remedy)


def _no_validation(history: History, has_validation: bool) -> Finding | None:
    """Nothing, or too little, measures the run on text that it does not learn from."""
    config = history.config
    if not has_validation:
        return Finding("no_validation", "warning", 0, history.step, {"evaluations": 0})
    planned = config.steps // config.evaluate_every
    if planned >= FEW_EVALUATIONS or config.steps < WORTH_MEASURING:
        return None
    every = max(1, config.steps // 10)
    evidence = {"evaluations": planned, "evaluate_every": config.evaluate_every}
    remedy = Remedy("new" if history.finished else "change", {"evaluate_every": every})
    return Finding("few_evaluations", "info", 0, history.step, evidence, remedy)
