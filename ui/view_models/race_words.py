"""A race in words: who leads, by how much, and whether it was fair."""

from collections.abc import Sequence
from dataclasses import dataclass

from slm.lab import standings
from slm.lab.experiments import Plan
from slm.lab.standings import Axis, Trace
from ui.view_models.lane_rows import AXES, TIE_NATS, final_nats, nats_shown

_NEAR_BUDGET = 0.05


@dataclass(frozen=True)
class Fact:
    """One sentence of what was the same in all lanes, or was not."""

    fair: bool
    text: str


def race_verdict(plan: Plan, traces: Sequence[Trace], axis: Axis) -> str:
    """Who is ahead, and by how much, in a sentence or two; lane names are foreign text."""
    ranked = [trace for trace in standings.ranking(traces) if trace.final is not None]
    if not ranked or ranked[0].final is None:
        return "Nothing was measured yet."
    done = all(trace.through for trace in traces)
    winner = ranked[0]
    if len(ranked) == 1:
        return f"{winner.lane.name} alone has a validation loss: {nats_shown(winner.final)} nats."
    second = ranked[1]
    gap = final_nats(second.final) - final_nats(winner.final)
    verb = "is first" if done else "is ahead"
    if gap < TIE_NATS:
        return (
            f"{winner.lane.name} and {second.lane.name} are level at "
            f"{nats_shown(winner.final)} nats: {gap:.4f} apart, less than another "
            "seed would change."
        )
    told = (
        f"{winner.lane.name} {verb} with {nats_shown(winner.final)} nats, {gap:.3f} below the next."
    )
    share = standings.lead(winner, second, axis)
    if done and share is not None and share < 1:
        told += (
            f" The loss at which {second.lane.name} ended, it had reached with {share:.0%} of "
            f"the {AXES[axis]}."
        )
    if done and axis != (plan.budget.kind if plan.budget else axis):
        told += f" Along {AXES[axis]} the lanes end at different places: see the curves."
    return told


def fairness(plan: Plan, traces: Sequence[Trace]) -> tuple[Fact, ...]:
    """What was the same in every lane, and what a reader of the result must know was not."""
    lanes = plan.lanes
    seeds = {lane.train.seed for lane in lanes}
    facts = [
        Fact(True, "Every lane reads the same text, cut into the same tokens."),
        Fact(
            len(seeds) == 1,
            f"One seed ({lanes[0].train.seed}) draws the first weights and the order of the text. "
            "Another seed moves a loss a little too: repeat a close race with one.",
        ),
        Fact(True, "All are measured on the same validation tokens; that time counts for nobody."),
        Fact(
            True,
            "They take turns on the machine, and go on bit for bit where they were; what a turn "
            "costs to begin is in nobody's time.",
        ),
    ]
    if len({(lane.train.optimizer, lane.train.batch_size, str(lane.model)) for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                "Learning rates that suit one lane may not suit another. Sweep the rates of each "
                "before you believe a large lead.",
            )
        )
    if len({(lane.train.batch_size, lane.model.context_length) for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                "Batches or contexts differ, so the same text comes in another order, and in "
                "steps of another size.",
            )
        )
    if len({lane.model.context_length for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                "A longer context sees more before it guesses, on the validation text as well: "
                "part of its lead may be that.",
            )
        )
    facts += _spent(plan, traces)
    return tuple(facts)


def fairness_title(facts: Sequence[Fact]) -> str:
    """The facts in a line."""
    unequal = sum(not fact.fair for fact in facts)
    if not unequal:
        return "Is it fair? Nothing but the settings differs"
    return f"Is it fair? {unequal} {'thing' if unequal == 1 else 'things'} to know"


def _spent(plan: Plan, traces: Sequence[Trace]) -> list[Fact]:
    """Whether lanes that are through used up what they were given."""
    if plan.budget is None:
        return []
    facts = []
    for trace in traces:
        if trace.state != "done" or trace.last is None:
            continue
        share = trace.last.at(plan.budget.kind) / plan.budget.amount
        if abs(share - 1) > _NEAR_BUDGET:
            facts.append(
                Fact(
                    False,
                    f"{trace.lane.name} used {share:.0%} of its {AXES[plan.budget.kind]}: "
                    "compare along the curves, not at their ends.",
                )
            )
    if not facts and all(trace.state == "done" for trace in traces):
        used = [t.last.at(plan.budget.kind) / plan.budget.amount for t in traces if t.last]
        facts.append(
            Fact(
                True,
                f"Their steps follow from the budget: they used {min(used):.1%} to "
                f"{max(used):.1%} of it.",
            )
        )
    return facts
