"""What the training doctor found, in a learner's words, and what its button does. No browser."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from slm.training.config import TrainConfig
from slm.training.findings import Finding, Kind, Remedy, Severity
from ui.view_models import run_control
from ui.view_models.recipe import LABELS

Way = Literal["change", "job", "form", "stop"]
Color = Literal["red", "orange", "blue"]

HEADLINES: Mapping[Kind, str] = MappingProxyType(
    {
        "diverged": "The loss ran away",
        "diverging": "The loss is running away",
        "overfitting": "It learns its text by heart",
        "rate_high": "The learning rate is too high",
        "rate_low": "The learning rate is too low",
        "below_baseline": "Counting would guess better",
        "plateau": "The loss stands still",
        "dead_layer": "A layer does not learn",
        "spikes": "The loss leaps up at times",
        "undertrained": "It could have learned on",
        "many_epochs": "It reads its text very often",
        "no_validation": "Nobody can tell how well it does",
        "few_evaluations": "It is measured too rarely",
    }
)
TERMS: Mapping[Kind, str] = MappingProxyType(
    {
        "diverged": "divergence",
        "diverging": "divergence",
        "overfitting": "overfitting",
        "rate_high": "learning rate",
        "rate_low": "update ratio",
        "below_baseline": "baseline",
        "plateau": "plateau",
        "dead_layer": "dead layer",
        "spikes": "gradient norm",
        "undertrained": "validation loss",
        "many_epochs": "epoch",
        "no_validation": "validation split",
        "few_evaluations": "validation loss",
    }
)
"""The glossary's entry behind each kind of finding."""
_COLORS: Mapping[Severity, Color] = MappingProxyType(
    {"serious": "red", "warning": "orange", "info": "blue"}
)
_ICONS: Mapping[Severity, str] = MappingProxyType(
    {"serious": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}
)


@dataclass(frozen=True)
class Deed:
    """What the button of a finding does.

    way       change: ask the run's trainer for `settings`; job: start `argv`; form: fill the
              form of a new training with `settings`; stop: end the run
    """

    label: str
    way: Way
    settings: Mapping[str, Any] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    name: str = ""
    help: str = ""


@dataclass(frozen=True)
class Advice:
    """One finding, ready to show. `term` is its entry in the glossary."""

    kind: Kind
    headline: str
    steps: str
    evidence: str
    advice: str
    term: str
    color: Color
    icon: str
    deed: Deed | None


@dataclass(frozen=True)
class Patient:
    """What of a run its advice depends on. `points` are steps with an exact checkpoint."""

    run_id: str
    name: str
    config: TrainConfig
    points: tuple[int, ...] = ()
    snapshots: tuple[int, ...] = ()
    alive: bool = False
    read_only: bool = False


def advices(found: Sequence[Finding], patient: Patient) -> tuple[Advice, ...]:
    """The findings in words, in their order."""
    return tuple(_advice(finding, patient) for finding in found)


def _advice(finding: Finding, patient: Patient) -> Advice:
    evidence = _EVIDENCE[finding.kind](finding.evidence)
    return Advice(
        kind=finding.kind,
        headline=HEADLINES[finding.kind],
        steps=_steps(finding),
        evidence=evidence,
        advice=_help(finding, patient),
        term=TERMS[finding.kind],
        color=_COLORS[finding.severity],
        icon=_ICONS[finding.severity],
        deed=None if patient.read_only else deed_of(finding.remedy, patient),
    )


def deed_of(remedy: Remedy | None, patient: Patient) -> Deed | None:
    """What a button can do about it, as the run stands; None where there is nothing to do."""
    if remedy is None:
        return None
    told = settings_in_words(remedy.settings, patient.config)
    if remedy.action == "change":
        when = "from its next step on" if patient.alive else "when it goes on"
        return Deed("Change it", "change", remedy.settings, help=f"{told}, {when}.")
    if remedy.action == "stop":
        if not patient.alive:
            return None
        return Deed("Stop it", "stop", help="It saves a checkpoint first.")
    if remedy.action == "extend":
        return _longer(remedy, patient, told)
    at = fork_point(remedy, patient)
    if remedy.action == "fork" and at is not None:
        return _fork(at, remedy.settings, patient, told)
    return Deed(
        "Start anew with these settings",
        "form",
        remedy.settings,
        help=f"Opens the form of a new training like this one. {told}.",
    )


def fork_point(remedy: Remedy, patient: Patient) -> int | None:
    """The last checkpoint or snapshot before the trouble; None where that is the very start."""
    if remedy.at_step is None:
        return None
    kept = {*patient.points, *patient.snapshots}
    return max((step for step in kept if 0 < step <= remedy.at_step), default=None)


def settings_in_words(settings: Mapping[str, Any], config: TrainConfig) -> str:
    """Settings with their old values.

    >>> settings_in_words({"learning_rate": 0.003, "steps": 800}, TrainConfig())
    'Learning rate 0.01 → 0.003, Steps 400 → 800'
    """
    return ", ".join(
        f"{LABELS.get(name, name)} {_number(getattr(config, name))} → {_number(value)}"
        for name, value in settings.items()
    )


def _longer(remedy: Remedy, patient: Patient, told: str) -> Deed:
    """On from before the rates went down, where a checkpoint was kept there; else from the end."""
    steps = int(remedy.settings["steps"])
    before = [step for step in patient.points if 0 < step <= (remedy.at_step or 0)]
    if before and max(before) >= (remedy.at_step or 0) // 2:
        return _fork(max(before), remedy.settings, patient, told)
    argv = tuple(run_control.extend_argv(patient.run_id, steps))
    words = f"{told}. The rates rise again, so the loss does too for a while."
    return Deed(f"Train on to {steps:,} steps", "job", argv=argv, name=patient.name, help=words)


def _fork(at: int, settings: Mapping[str, Any], patient: Patient, told: str) -> Deed:
    name = run_control.fork_name(patient.name, at)
    argv = tuple(run_control.fork_argv(patient.run_id, at, name, dict(settings)))
    words = f"A new run from what was saved at step {at:,}. {told}."
    return Deed(f"Go on from step {at:,}", "job", argv=argv, name=name, help=words)


def _steps(finding: Finding) -> str:
    if finding.first_step == finding.last_step:
        return f"step {finding.last_step:,}"
    return f"steps {finding.first_step:,} to {finding.last_step:,}"


Evidence = Mapping[str, Any]


def _diverged(e: Evidence) -> str:
    told = f"At step {e['step']:,} the loss or a gradient was no finite number any more"
    if e.get("healthy_step"):
        told += f"; up to about step {e['healthy_step']:,} it fell"
    norm = f" The last gradient norm was {_number(e['gradient_norm'])}." if _big(e) else ""
    return f"{told}.{norm}"


def _big(e: Evidence) -> bool:
    return float(e.get("gradient_norm", 0)) > 10


def _diverging(e: Evidence) -> str:
    return (
        f"The training loss was down to {e['best_nats']:.2f} nats and now is {e['nats']:.2f}, "
        "far more than batches differ."
    )


def _overfitting(e: Evidence) -> str:
    return (
        f"The validation loss was lowest at step {e['best_step']:,}, {e['best_nats']:.3f} nats. "
        f"Since then it rose by {e['rise']:.2f} while the training loss fell to "
        f"{e['train_nats']:.2f}: on text that it has not seen the model gets worse."
    )


def _rate_high(e: Evidence) -> str:
    told = []
    if "top_nats" in e:
        told.append(
            f"The loss rose from {e['start_nats']:.1f} to {e['top_nats']:.1f} nats instead of "
            "falling."
        )
    if "share" in e:
        told.append(
            f"One part of the model adds {e['share']:,.0f} times as much to the stream as it "
            "finds there, and drowns the rest."
        )
    if "update_ratio" in e:
        told.append(f"A step changed the blocks' weights by up to {e['update_ratio']:.1%}.")
    return " ".join(told)


def _rate_low(e: Evidence) -> str:
    return (
        f"At the peak rate a step changes the blocks' weights by {e['update_ratio']:.2%}; runs of "
        f"this kind do well with about {e['typical']:.1%}. Over all its steps they could move by "
        f"{e['way']:.0%} of their length, so they stay near the random numbers that they began as."
    )


def _below_baseline(e: Evidence) -> str:
    name = e["baseline"]
    what = "how frequent each token is" if name == "unigram" else "which token follows which"
    return (
        f"The validation loss is {e['nats']:.2f} nats. Counting {what}, without any model, gives "
        f"{e[f'{name}_nats']:.2f} ({name})."
    )


def _plateau(e: Evidence) -> str:
    gain = max(0.0, float(e["gain"]))
    return (
        f"Over these steps, with the rate at its peak, the {e['loss']} loss fell by no more than "
        f"{gain:.2f} nats, to {e['nats']:.2f}."
    )


def _dead_layer(e: Evidence) -> str:
    signs = {
        "gradient": "no gradient reaches it",
        "update": "its weights do not move",
        "share": "it adds next to nothing to the stream",
    }
    told = [signs[sign] for sign in str(e["signs"]).split(", ") if sign in signs]
    return f"Layer {e['layer']}, since step {e['since_step']:,}: {', and '.join(told)}."


def _spikes(e: Evidence) -> str:
    return (
        f"{e['count']} times the training loss leapt up, by as much as {e['largest']:.1f} nats, "
        "together with the gradient."
    )


def _undertrained(e: Evidence) -> str:
    told = (
        f"Between steps {e['from_step']:,} and {e['to_step']:,}, a doubling, the loss still fell "
        f"by {e['gain']:.2f} nats. It ended at {e['nats']:.2f}."
    )
    if "bigram_nats" in e:
        told += f" Counting pairs of tokens gives {e['bigram_nats']:.2f} (bigram)."
    return told


def _many_epochs(e: Evidence) -> str:
    return (
        f"It has read its {e['train_tokens']:,} tokens {e['epochs']:.0f} times, and no validation "
        "text shows whether that still helps."
    )


def _no_validation(e: Evidence) -> str:
    del e
    return "There is no text that was kept from training, so nothing shows what holds for new text."


def _few_evaluations(e: Evidence) -> str:
    often = {0: "only at its beginning and its end", 1: "once on the way", 2: "twice on the way"}
    return (
        f"With an evaluation every {e['evaluate_every']:,} steps it is measured "
        f"{often.get(e['evaluations'], 'three times')}, too rarely to see where the loss turns."
    )


_EVIDENCE: Mapping[Kind, Callable[[Evidence], str]] = MappingProxyType(
    {
        "diverged": _diverged,
        "diverging": _diverging,
        "overfitting": _overfitting,
        "rate_high": _rate_high,
        "rate_low": _rate_low,
        "below_baseline": _below_baseline,
        "plateau": _plateau,
        "dead_layer": _dead_layer,
        "spikes": _spikes,
        "undertrained": _undertrained,
        "many_epochs": _many_epochs,
        "no_validation": _no_validation,
        "few_evaluations": _few_evaluations,
    }
)
_HELP: Mapping[Kind, str] = MappingProxyType(
    {
        "diverged": "Go back to before it, with lower rates.",
        "diverging": "Stop it, and go back to before it with lower rates.",
        "rate_high": "Lower the rates.",
        "rate_low": "Raise the rates.",
        "below_baseline": "Check the text and the learning rate; the rate finder tries rates.",
        "dead_layer": "Lower rates keep layers alive; a layer seldom comes back by itself.",
        "undertrained": "Train longer: it most likely has not come to its end.",
        "no_validation": "Collect the corpus anew with a share of its documents for validation.",
        "few_evaluations": "Evaluate more often.",
    }
)


def _help(finding: Finding, patient: Patient) -> str:
    remedy = finding.remedy
    told = _HELP.get(finding.kind, "")
    if finding.kind == "overfitting":
        best = finding.evidence["best_step"]
        told = (
            f"Stop it: what it learns from here on does not carry over. Step {best:,} was its best."
            if patient.alive
            else f"Train about {best:,} steps, with some weight decay. More text helps most."
        )
    elif finding.kind == "below_baseline" and remedy is not None:
        told = "Train longer: the model has not yet learned what follows what."
    elif finding.kind == "plateau":
        lower = "Let the rates descend now" if "decay_fraction" in _settings(remedy) else "Lower it"
        told = f"{lower}: with smaller steps the loss usually falls again."
    elif finding.kind == "spikes":
        clip = "gradient_clip" in _settings(remedy)
        told = "Clip the gradients." if clip else "Lower the rates a little."
    elif finding.kind == "many_epochs":
        told = "Stop it, or give it more text." if patient.alive else "Give it more text."
    return told


def _settings(remedy: Remedy | None) -> Mapping[str, Any]:
    return {} if remedy is None else remedy.settings


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
