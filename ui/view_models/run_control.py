"""What a person may do with a run in the state it is in, and the command that does it.

Knows states, settings and steps; no processes, no browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from slm.training.config import TrainConfig, rate_factor
from slm.training.events import RESUMED, Event
from ui.texts import counted, plural, tr
from ui.view_models import settings
from ui.view_models.jobs import HELD
from ui.view_models.recipe import FIELDS, LABELS
from ui.view_models.run_curves import Mark, Records
from ui.view_models.training import State

Deed = Literal["change", "extend", "fork", "delete"]

DEEDS: Mapping[Deed, str] = MappingProxyType(
    {
        "change": tr("Change settings"),
        "extend": tr("Train longer"),
        "fork": tr("Fork"),
        "delete": tr("Delete"),
    }
)
CHANGE_FIRST: tuple[str, ...] = ("learning_rate", "muon_learning_rate", "batch_size")
FORK_FIELDS: tuple[str, ...] = (
    *("batch_size", "learning_rate", "muon_learning_rate"),
    *("schedule", "decay_fraction", "weight_decay", "seed"),
)
BadgeColor = Literal["blue", "green", "orange", "red", "gray"]
_BADGES: Mapping[State, tuple[str, BadgeColor]] = MappingProxyType(
    {
        "waiting": (tr("Waiting"), "gray"),
        "running": (tr("Training"), "blue"),
        "done": (tr("Finished"), "green"),
        "paused": (tr("Paused"), "orange"),
        "stopped": (tr("Stopped"), "orange"),
        "failed": (tr("Failed"), "red"),
        "interrupted": (tr("Interrupted"), "orange"),
    }
)
_LONGER = 1.5
_MUCH_HIGHER = 2.0
_NAME_CHARACTERS = 80


@dataclass(frozen=True)
class Controls:
    """The buttons of a run in its state, and one sentence that says where it stands."""

    sentence: str
    can_pause: bool = False
    can_stop: bool = False
    can_force: bool = False
    can_go_on: bool = False
    can_use: bool = False
    deeds: tuple[Deed, ...] = ()


def controls(
    state: State,
    *,
    saved_step: int | None = None,
    ahead: int = 0,
    ending: bool = False,
    may_force: bool = False,
    read_only: bool = False,
    has_job: bool = True,
    held: bool = False,
    later_schema: int | None = None,
) -> Controls:
    """What can be done.

    `saved_step` is the newest checkpoint's, `ahead` the jobs before this one in the queue; `ending`
    says that a pause or a stop was asked for already, `may_force` that there was time enough for
    it, `held` that nothing of its owner begins now; `later_schema` is that of a run which a later
    version wrote.
    """
    if read_only:
        return Controls("", deeds=("fork",))
    if later_schema:
        told = tr(
            "A later version of this program wrote it (schema "
            "{later_schema}). Here it can be looked at; update this program "
            "to train or fork it."
        ).format(later_schema=later_schema)
        if state == "running":
            return Controls(told, can_stop=True)
        return Controls(told, can_use=True, deeds=("delete",))
    if ending and may_force:
        return Controls(
            tr("It has not ended yet. {saved_step}").format(saved_step=_forced(saved_step)),
            can_force=True,
        )
    if ending:
        return Controls(tr("It finishes the step that it is at, saves a checkpoint and ends."))
    if state == "waiting" and has_job:
        told = HELD if held else tr("It starts in a few seconds.")
        if ahead and not held:
            told = plural(
                "{ahead} job is ahead of it.", "{ahead} jobs are ahead of it.", ahead
            ).format(ahead=ahead)
        return Controls(told, can_stop=True)
    if state == "running":
        told = "" if has_job else tr("It was started outside of this app.")
        deeds: tuple[Deed, ...] = ("change", "extend", "fork")
        return Controls(told, can_pause=True, can_stop=True, deeds=deeds)
    if state == "done":
        return Controls("", can_use=True, deeds=("extend", "fork", "delete"))
    return Controls(
        _standing(state, saved_step),
        can_go_on=True,
        deeds=("change", "extend", "fork", "delete"),
    )


def _forced(saved_step: int | None) -> str:
    """What is left of a run whose process is ended at once."""
    if saved_step is None:
        return tr("Ended at once it begins anew when it goes on: no checkpoint was saved yet.")
    return tr("Ended at once it can go on from the checkpoint of step {saved_step:,}.").format(
        saved_step=saved_step
    )


def _standing(state: State, saved_step: int | None) -> str:
    saved = (
        tr("No checkpoint was saved, so it begins anew when it goes on.")
        if saved_step is None
        else tr("It goes on from the checkpoint of step {saved_step:,}.").format(
            saved_step=saved_step
        )
    )
    if state == "interrupted":
        return tr("Its process ended without a word. {saved}").format(saved=saved)
    if state == "paused":
        return tr("{saved} Until then it takes no memory and no computing.").format(saved=saved)
    if state == "waiting" and saved_step is None:
        return tr("It was made, and has not begun to train.")
    return saved


def damaged_told(saved_step: int | None) -> str:
    """What can be done for a run whose settings cannot be read."""
    if saved_step is None:
        return tr("No checkpoint of it holds its settings, so it cannot be mended here.")
    return tr(
        "Its checkpoint of step {saved_step:,} holds the same settings. "
        "They can be put back from there; nothing else of the run "
        "changes."
    ).format(saved_step=saved_step)


@dataclass(frozen=True)
class ForkPoint:
    """A step from which another run can begin. `exact` is False for a snapshot's weights."""

    step: int
    exact: bool
    told: str


def badge(state: State, diverged: bool, ending: bool) -> tuple[str, BadgeColor]:
    """The run's state in a word, and its colour."""
    if ending and state == "running":
        return tr("Saving"), "orange"
    if state == "failed" and diverged:
        return tr("Diverged"), "red"
    return _BADGES[state]


def fork_points(
    checkpoints: Sequence[int], snapshots: Sequence[int], records: Records
) -> tuple[ForkPoint, ...]:
    """Where a run can be forked, from its first step to its last."""
    losses = {int(r["step"]): float(r["val_nats"]) for r in records if r.get("val_nats")}
    found = []
    for step in sorted({*checkpoints, *snapshots}):
        exact = step in checkpoints
        kind = (
            tr("a checkpoint: weights and optimizer as they were")
            if exact
            else tr("a snapshot: weights in half precision, and an optimizer that begins anew")
        )
        near = min(losses, key=lambda at: abs(at - step), default=None)
        loss = ""
        if near is not None:
            where = "" if near == step else tr(" (measured at step {near:,})").format(near=near)
            loss = tr(" Validation loss {losses:.3f} nats{where}.").format(
                losses=losses[near], where=where
            )
        found.append(
            ForkPoint(
                step,
                exact,
                tr("Step {step:,} is {kind}.{loss}").format(step=step, kind=kind, loss=loss),
            )
        )
    return tuple(found)


def newest(points: Sequence[ForkPoint]) -> int | None:
    """The step of the newest checkpoint among them."""
    return max((point.step for point in points if point.exact), default=None)


def suggested_steps(steps: int) -> int:
    """Half as long again, rounded to two digits.

    >>> suggested_steps(400), suggested_steps(1_234)
    (600, 1900)
    """
    wanted = round(steps * _LONGER)
    digits = max(0, len(str(wanted)) - 2)
    return max(steps + 1, round(wanted, -digits))


def fork_steps(steps: int, at: int) -> int:
    """Steps in all of a fork: as many as before, more where none would be left.

    >>> fork_steps(400, 100), fork_steps(400, 400)
    (400, 600)
    """
    return steps if at < steps else suggested_steps(at)


def fork_told(before: TrainConfig, at: int, after: TrainConfig) -> str:
    """A word of warning where a fork begins with a much higher rate than its parent ended with.

    >>> fork_told(TrainConfig(steps=100), 20, TrainConfig(steps=100))
    ''
    """
    was = before.learning_rate * rate_factor(before, max(0, at - 1))
    begins = after.learning_rate * rate_factor(after, at)
    if at == 0 or begins <= _MUCH_HIGHER * was:
        return ""
    return tr(
        "Its first step is taken at a learning rate of {begins:.2g}; the "
        "last one before it was taken at {was:.2g}. The loss rises for a "
        "while first. A lower rate avoids that, or an earlier step, from "
        "before the descent."
    ).format(begins=begins, was=was)


def fork_name(name: str, step: int) -> str:
    """A name that says where the new run comes from.

    >>> fork_name("first", 1200)
    'first from 1200'
    """
    ending = tr(" from {step}").format(step=step)
    return name[: _NAME_CHARACTERS - len(ending)] + ending


def resume_argv(run_id: str) -> list[str]:
    """The command line that goes on with a run."""
    return ["train", f"--resume={run_id}"]


def extend_argv(run_id: str, steps: int) -> list[str]:
    """The command line that trains a run up to `steps` steps in all."""
    return [*resume_argv(run_id), f"--steps={steps}"]


def fork_argv(run_id: str, step: int, name: str, changes: Mapping[str, Any]) -> list[str]:
    """The command line that begins another run where this one was at `step`."""
    return [
        "train",
        f"--fork={run_id}",
        f"--at={step}",
        f"--name={name}",
        *settings.flags(changes),
    ]


def change_argv(run_id: str, changes: Mapping[str, Any]) -> list[str]:
    """The command line that asks for changes in mid-run."""
    return ["change", f"--run={run_id}", *settings.flags(changes)]


def commands(run_id: str, config: TrainConfig) -> tuple[tuple[str, list[str]], ...]:
    """What the buttons do, as one types it: what for, and the command."""
    rate = {"learning_rate": config.learning_rate / 2}
    return (
        (tr("Go on, or train longer:"), extend_argv(run_id, suggested_steps(config.steps))),
        (tr("Change a setting in mid-run:"), change_argv(run_id, rate)),
        (
            tr("Fork:"),
            fork_argv(run_id, config.steps // 2, "another", rate),
        ),
    )


def asked_in_words(changes: Mapping[str, Any]) -> str:
    """Changes that were asked for.

    >>> asked_in_words({"batch_size": 24, "learning_rate": 0.005})
    'Batch (windows) 24, Learning rate 0.005'
    """
    return ", ".join(f"{label_of(name)} {_shown(value)}" for name, value in changes.items())


def change_told(alive: bool) -> str:
    """What a change does, above its form."""
    when = tr("from its next step on") if alive else tr("as soon as it goes on")
    return tr(
        "Changes hold {when} and are marked on the curves. Another batch "
        "size keeps the place in the text by the number of the step."
    ).format(when=when)


def change_fields(
    config: TrainConfig, changeable: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The settings that a change asks for at first, and the further ones; steps have a form of
    their own, and prompts stay as they are."""
    unused = _unused(config)
    apart = {"steps", "sample_prompts", *CHANGE_FIRST, *unused}
    first = tuple(name for name in CHANGE_FIRST if name not in unused)
    return first, tuple(name for name in FIELDS if name in changeable and name not in apart)


def fork_fields(config: TrainConfig) -> tuple[str, ...]:
    """The settings that a fork most likely changes."""
    return tuple(name for name in FORK_FIELDS if name not in _unused(config))


def extend_told(config: TrainConfig, done: int, steps: int) -> str:
    """What more steps do to the learning rate, which was planned for fewer."""
    share = rate_factor(config.replace(steps=steps), done)
    plan = tr(
        "The schedule is laid anew over {steps:,} steps: the next one is taken at {share:.0%}"
    ).format(steps=steps, share=share)
    told = tr("{plan} of the peak rate.").format(plan=plan)
    if done and share > rate_factor(config, max(0, done - 1)) + 0.05:
        told += tr(
            " The rate rises again, so the loss rises for a while first. A fork from before the "
            "descent avoids that."
        )
    return told


def label_of(field: str) -> str:
    """A setting as the forms call it."""
    return LABELS.get(field) or settings.label_of(field)


def event_marks(events: Sequence[Event], forked_from: Mapping[str, Any] | None) -> tuple[Mark, ...]:
    """What happened in mid-run, one mark a step: changes, other surroundings, where the run went
    on after it was away, the fork."""
    told: dict[int, list[str]] = {}
    if forked_from is not None:
        at = int(forked_from["step"])
        told[at] = [tr("forked from another run, whose curve stands before it")]
    for event in events:
        if event.field == RESUMED:
            change = _resumed(event)
        else:
            change = f"{label_of(event.field)}: {_shown(event.old)} → {_shown(event.new)}"
        note = f"{change} ({event.note})" if event.note else change
        if note not in told.setdefault(event.step, []):
            told[event.step].append(note)
    return tuple(
        Mark(step, tr("After step {step:,}: {notes}").format(step=step, notes="; ".join(notes)))
        for step, notes in told.items()
    )


def _resumed(event: Event) -> str:
    """That a run went on, and what it had to do again."""
    if not isinstance(event.old, int) or event.old <= event.step:
        return tr("it went on from its checkpoint")
    lost = event.old - event.step
    steps = counted("{n:,} step was", "{n:,} steps were", lost)
    return tr("it went on from its checkpoint; {steps} made again").format(steps=steps)


def _unused(config: TrainConfig) -> frozenset[str]:
    """Settings that mean nothing under the others."""
    return frozenset({"muon_learning_rate", "muon_momentum"} if config.optimizer == "adamw" else ())


def _shown(value: Any) -> str:
    if value is None:
        return tr("automatic")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
