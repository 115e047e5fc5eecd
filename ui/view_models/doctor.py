"""What the training doctor found, in a learner's words, and what its button does. No browser."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from slm.training.config import TrainConfig
from slm.training.findings import Finding, Kind, Remedy, Severity
from ui.texts import tr
from ui.view_models import run_control
from ui.view_models.recipe import LABELS

Way = Literal["change", "job", "form", "stop"]
Color = Literal["red", "orange", "blue"]

HEADLINES: Mapping[Kind, str] = MappingProxyType(
    {
        "diverged": tr("The loss ran away"),
        "diverging": tr("The loss is running away"),
        "overfitting": tr("It learns its text by heart"),
        "rate_high": tr("The learning rate is too high"),
        "rate_low": tr("The learning rate is too low"),
        "below_baseline": tr("Counting would guess better"),
        "plateau": tr("The loss stands still"),
        "dead_layer": tr("A layer does not learn"),
        "spikes": tr("The loss leaps up at times"),
        "undertrained": tr("It could have learned on"),
        "many_epochs": tr("It reads its text very often"),
        "no_validation": tr("Nobody can tell how well it does"),
        "few_evaluations": tr("It is measured too rarely"),
    }
)
TERMS: Mapping[Kind, str] = MappingProxyType(
    {
        "diverged": "divergence",
        "diverging": "divergence",
        "overfitting": "overfitting",
        "rate_high": tr("learning rate"),
        "rate_low": tr("update ratio"),
        "below_baseline": "baseline",
        "plateau": "plateau",
        "dead_layer": tr("dead layer"),
        "spikes": tr("gradient norm"),
        "undertrained": tr("validation loss"),
        "many_epochs": "epoch",
        "no_validation": tr("validation split"),
        "few_evaluations": tr("validation loss"),
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
        when = tr("from its next step on") if patient.alive else tr("when it goes on")
        return Deed(tr("Change it"), "change", remedy.settings, help=f"{told}, {when}.")
    if remedy.action == "stop":
        if not patient.alive:
            return None
        return Deed(tr("Stop it"), "stop", help=tr("It saves a checkpoint first."))
    if remedy.action == "extend":
        return _longer(remedy, patient, told)
    at = fork_point(remedy, patient)
    if remedy.action == "fork" and at is not None:
        return _fork(at, remedy.settings, patient, told)
    return Deed(
        tr("Start anew with these settings"),
        "form",
        remedy.settings,
        help=tr("Opens the form of a new training like this one. {told}.").format(told=told),
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
    words = tr("{told}. The rates rise again, so the loss does too for a while.").format(told=told)
    return Deed(
        tr("Train on to {steps:,} steps").format(steps=steps),
        "job",
        argv=argv,
        name=patient.name,
        help=words,
    )


def _fork(at: int, settings: Mapping[str, Any], patient: Patient, told: str) -> Deed:
    name = run_control.fork_name(patient.name, at)
    argv = tuple(run_control.fork_argv(patient.run_id, at, name, dict(settings)))
    words = tr("A new run from what was saved at step {at:,}. {told}.").format(at=at, told=told)
    return Deed(tr("Go on from step {at:,}").format(at=at), "job", argv=argv, name=name, help=words)


def _steps(finding: Finding) -> str:
    if finding.first_step == finding.last_step:
        return tr("step {last_step:,}").format(last_step=finding.last_step)
    return tr("steps {first_step:,} to {last_step:,}").format(
        first_step=finding.first_step, last_step=finding.last_step
    )


Evidence = Mapping[str, Any]


def _diverged(e: Evidence) -> str:
    told = tr("At step {step:,} the loss or a gradient was no finite number any more").format(
        step=e["step"]
    )
    if e.get("healthy_step"):
        told += tr("; up to about step {healthy_step:,} it fell").format(
            healthy_step=e["healthy_step"]
        )
    norm = (
        tr(" The last gradient norm was {gradient_norm}.").format(
            gradient_norm=_number(e["gradient_norm"])
        )
        if _big(e)
        else ""
    )
    return f"{told}.{norm}"


def _big(e: Evidence) -> bool:
    return float(e.get("gradient_norm", 0)) > 10


def _diverging(e: Evidence) -> str:
    return tr(
        "The training loss was down to {best_nats:.2f} nats and now is "
        "{nats:.2f}, far more than batches differ."
    ).format(best_nats=e["best_nats"], nats=e["nats"])


def _overfitting(e: Evidence) -> str:
    return tr(
        "The validation loss was lowest at step {best_step:,}, "
        "{best_nats:.3f} nats. Since then it rose by {rise:.2f} while "
        "the training loss fell to {train_nats:.2f}: on text that it has "
        "not seen the model gets worse."
    ).format(
        best_step=e["best_step"],
        best_nats=e["best_nats"],
        rise=e["rise"],
        train_nats=e["train_nats"],
    )


def _rate_high(e: Evidence) -> str:
    told = []
    if "top_nats" in e:
        told.append(
            tr(
                "The loss rose from {start_nats:.1f} to {top_nats:.1f} nats instead of falling."
            ).format(start_nats=e["start_nats"], top_nats=e["top_nats"])
        )
    if "share" in e:
        told.append(
            tr(
                "One part of the model adds {share:,.0f} times as much to the "
                "stream as it finds there, and drowns the rest."
            ).format(share=e["share"])
        )
    if "update_ratio" in e:
        told.append(
            tr("A step changed the blocks' weights by up to {update_ratio:.1%}.").format(
                update_ratio=e["update_ratio"]
            )
        )
    return " ".join(told)


def _rate_low(e: Evidence) -> str:
    return tr(
        "At the peak rate a step changes the blocks' weights by "
        "{update_ratio:.2%}; runs of this kind do well with about "
        "{typical:.1%}. Over all its steps they could move by {way:.0%} "
        "of their length, so they stay near the random numbers that they "
        "began as."
    ).format(update_ratio=e["update_ratio"], typical=e["typical"], way=e["way"])


def _below_baseline(e: Evidence) -> str:
    name = e["baseline"]
    what = (
        tr("how frequent each token is") if name == "unigram" else tr("which token follows which")
    )
    return tr(
        "The validation loss is {nats:.2f} nats. Counting {what}, "
        "without any model, gives {e:.2f} ({name})."
    ).format(nats=e["nats"], what=what, e=e[f"{name}_nats"], name=name)


def _plateau(e: Evidence) -> str:
    gain = max(0.0, float(e["gain"]))
    return tr(
        "Over these steps, with the rate at its peak, the {loss} loss "
        "fell by no more than {gain:.2f} nats, to {nats:.2f}."
    ).format(loss=e["loss"], gain=gain, nats=e["nats"])


def _dead_layer(e: Evidence) -> str:
    signs = {
        "gradient": tr("no gradient reaches it"),
        "update": tr("its weights do not move"),
        "share": tr("it adds next to nothing to the stream"),
    }
    told = [signs[sign] for sign in str(e["signs"]).split(", ") if sign in signs]
    return tr("Layer {layer}, since step {since_step:,}: {told}.").format(
        layer=e["layer"], since_step=e["since_step"], told=tr(", and ").join(told)
    )


def _spikes(e: Evidence) -> str:
    return tr(
        "{count} times the training loss leapt up, by as much as "
        "{largest:.1f} nats, together with the gradient."
    ).format(count=e["count"], largest=e["largest"])


def _undertrained(e: Evidence) -> str:
    told = tr(
        "Between steps {from_step:,} and {to_step:,}, a doubling, the "
        "loss still fell by {gain:.2f} nats. It ended at {nats:.2f}."
    ).format(from_step=e["from_step"], to_step=e["to_step"], gain=e["gain"], nats=e["nats"])
    if "bigram_nats" in e:
        told += tr(" Counting pairs of tokens gives {bigram_nats:.2f} (bigram).").format(
            bigram_nats=e["bigram_nats"]
        )
    return told


def _many_epochs(e: Evidence) -> str:
    return tr(
        "It has read its {train_tokens:,} tokens {epochs:.0f} times, and "
        "no validation text shows whether that still helps."
    ).format(train_tokens=e["train_tokens"], epochs=e["epochs"])


def _no_validation(e: Evidence) -> str:
    del e
    return tr(
        "There is no text that was kept from training, so nothing shows what holds for new text."
    )


def _few_evaluations(e: Evidence) -> str:
    often = {
        0: tr("only at its beginning and its end"),
        1: tr("once on the way"),
        2: tr("twice on the way"),
    }
    return tr(
        "With an evaluation every {evaluate_every:,} steps it is "
        "measured {evaluations}, too rarely to see where the loss turns."
    ).format(
        evaluate_every=e["evaluate_every"],
        evaluations=often.get(e["evaluations"], tr("three times")),
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
        "diverged": tr("Go back to before it, with lower rates."),
        "diverging": tr("Stop it, and go back to before it with lower rates."),
        "rate_high": tr("Lower the rates."),
        "rate_low": tr("Raise the rates."),
        "below_baseline": tr("Check the text and the learning rate; the rate finder tries rates."),
        "dead_layer": tr("Lower rates keep layers alive; a layer seldom comes back by itself."),
        "undertrained": tr("Train longer: it most likely has not come to its end."),
        "no_validation": tr(
            "Collect the corpus anew with a share of its documents for validation."
        ),
        "few_evaluations": tr("Evaluate more often."),
    }
)


def _help(finding: Finding, patient: Patient) -> str:
    remedy = finding.remedy
    told = _HELP.get(finding.kind, "")
    if finding.kind == "overfitting":
        best = finding.evidence["best_step"]
        told = (
            tr(
                "Stop it: what it learns from here on does not carry over. Step "
                "{best:,} was its best."
            ).format(best=best)
            if patient.alive
            else tr(
                "Train about {best:,} steps, with some weight decay. More text helps most."
            ).format(best=best)
        )
    elif finding.kind == "below_baseline" and remedy is not None:
        told = tr("Train longer: the model has not yet learned what follows what.")
    elif finding.kind == "plateau":
        lower = (
            tr("Let the rates descend now")
            if "decay_fraction" in _settings(remedy)
            else tr("Lower it")
        )
        told = tr("{lower}: with smaller steps the loss usually falls again.").format(lower=lower)
    elif finding.kind == "spikes":
        clip = "gradient_clip" in _settings(remedy)
        told = tr("Clip the gradients.") if clip else tr("Lower the rates a little.")
    elif finding.kind == "many_epochs":
        told = tr("Stop it, or give it more text.") if patient.alive else tr("Give it more text.")
    return told


def _settings(remedy: Remedy | None) -> Mapping[str, Any]:
    return {} if remedy is None else remedy.settings


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
