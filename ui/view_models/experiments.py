"""An experiment as a whole, sweep or race: what it is called, how far it is, where it leads.

Knows plans and traces of lanes; no charts, no browser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from slm.jobs import JobStatus
from slm.lab.experiments import Plan
from slm.lab.lanes import Lane
from slm.lab.races import FIXED
from slm.lab.standings import Trace
from slm.model.config import PRESETS
from slm.training.config import recipe_for
from ui.texts import counted, tr
from ui.view_models import model as model_words
from ui.view_models import settings
from ui.view_models.jobs import count, duration
from ui.view_models.model import Design

_KINDS = MappingProxyType({"sweep": tr("Sweep"), "race": tr("Race")})


@dataclass(frozen=True)
class Head:
    """Where an experiment stands, in a line."""

    headline: str
    fraction: float
    alive: bool
    can_resume: bool
    done: bool


def label(name: str, kind: str, shipped: bool) -> str:
    """An experiment in the picker; `name` is foreign text."""
    what = _KINDS.get(kind, tr("Experiment"))
    return tr("{name} · example").format(name=name) if shipped else f"{name} · {what.lower()}"


def head(plan: Plan, traces: Sequence[Trace], status: JobStatus | None) -> Head:
    """Its state, how far it is, and what can be done with it."""
    fraction = sum(trace.fraction for trace in traces) / len(traces)
    done = all(trace.through for trace in traces)
    alive = status is not None and status.alive
    if alive and status is not None and status.state == "queued":
        ahead = status.queue_position
        state = (
            tr("Waiting")
            if not ahead
            else counted("Waiting behind {n} job", "Waiting behind {n} jobs", ahead)
        )
    elif alive:
        state = tr("Stopping: it saves first") if status and status.stopping else tr("Under way")
    elif done:
        state = tr("Finished")
    else:
        ended = {"failed": tr("Failed"), "interrupted": tr("Interrupted"), "paused": tr("Paused")}
        state = ended.get(status.state if status else "", tr("Stopped"))
    far = "" if done else f", {fraction:.0%}"
    left = status.remaining_seconds if alive and status is not None else None
    time = tr(", about {left} left").format(left=duration(left)) if left else ""
    lanes = tr("{n_traces} {kind}").format(
        n_traces=len(traces), kind=tr("runs") if plan.kind == "sweep" else tr("lanes")
    )
    budget = "" if plan.budget is None else tr(", {plan} each").format(plan=budget_in_words(plan))
    return Head(
        headline=tr("{kinds} of {lanes}{budget}: {state}{far}{time}").format(
            kinds=_KINDS[plan.kind],
            lanes=lanes,
            budget=budget,
            state=state.lower(),
            far=far,
            time=time,
        ),
        fraction=min(1.0, fraction),
        alive=alive,
        can_resume=not alive and not done,
        done=done,
    )


def budget_in_words(plan: Plan) -> str:
    """A race's budget.

    >>> from slm.lab.experiments import Budget
    >>> budget_in_words(Plan("race", "r", "c", "t", "k", (), budget=Budget("tokens", 2e6)))
    '2.00 M tokens'
    """
    budget = plan.budget
    assert budget is not None
    if budget.kind == "seconds":
        return tr("{amount} of training").format(amount=duration(budget.amount))
    if budget.kind == "tokens":
        return tr("{amount} tokens").format(amount=count(budget.amount))
    return tr("{amount:.3g} FLOPs").format(amount=budget.amount)


def problems(traces: Sequence[Trace]) -> tuple[str, ...]:
    """Why lanes failed, where they did; foreign text."""
    return tuple(f"{trace.lane.name}: {trace.problem}" for trace in traces if trace.problem)


def form_texts(lane: Lane) -> tuple[str, str]:
    """A lane for the form of a new training: the design and the recipe, as the address has them.

    What only the comparison wanted (how often it is measured, no snapshots) is left out.
    """
    base = recipe_for(lane.preset)
    own = {name: getattr(base, name) for name in (*FIXED, "snapshots") if hasattr(base, name)}
    recipe = lane.train.replace(**{**own, "steps": lane.train.steps, "seed": lane.train.seed})
    vocabulary = PRESETS[lane.preset].vocab_size
    design = Design(lane.preset, lane.model.replace(vocab_size=vocabulary))
    return model_words.write_design(design), settings.to_text(settings.changes(recipe, base))
