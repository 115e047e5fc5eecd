"""A race in words: who leads, by how much, and whether it was fair."""

from collections.abc import Sequence
from dataclasses import dataclass

from slm.lab import standings
from slm.lab.experiments import Plan
from slm.lab.standings import Axis, Trace
from ui.texts import plural, tr
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
        return tr("Nothing was measured yet.")
    done = all(trace.through for trace in traces)
    winner = ranked[0]
    if len(ranked) == 1:
        return tr("{name} alone has a validation loss: {final} nats.").format(
            name=winner.lane.name, final=nats_shown(winner.final)
        )
    second = ranked[1]
    gap = final_nats(second.final) - final_nats(winner.final)
    verb = tr("is first") if done else tr("is ahead")
    if gap < TIE_NATS:
        return tr(
            "{name} and {rival} are level at {final} nats: {gap:.4f} apart, "
            "less than another seed would change."
        ).format(
            name=winner.lane.name, rival=second.lane.name, final=nats_shown(winner.final), gap=gap
        )
    told = tr("{name} {verb} with {final} nats, {gap:.3f} below the next.").format(
        name=winner.lane.name, verb=verb, final=nats_shown(winner.final), gap=gap
    )
    share = standings.lead(winner, second, axis)
    if done and share is not None and share < 1:
        told += tr(
            " The loss at which {name} ended, it had reached with {share:.0%} of the {axes}."
        ).format(name=second.lane.name, share=share, axes=AXES[axis])
    if done and axis != (plan.budget.kind if plan.budget else axis):
        told += tr(" Along {axes} the lanes end at different places: see the curves.").format(
            axes=AXES[axis]
        )
    return told


def fairness(plan: Plan, traces: Sequence[Trace]) -> tuple[Fact, ...]:
    """What was the same in every lane, and what a reader of the result must know was not."""
    lanes = plan.lanes
    seeds = {lane.train.seed for lane in lanes}
    facts = [
        Fact(True, tr("Every lane reads the same text, cut into the same tokens.")),
        Fact(
            len(seeds) == 1,
            tr(
                "One seed ({seed}) draws the first weights and the order of the "
                "text. Another seed moves a loss a little too: repeat a close "
                "race with one."
            ).format(seed=lanes[0].train.seed),
        ),
        Fact(
            True, tr("All are measured on the same validation tokens; that time counts for nobody.")
        ),
        Fact(
            True,
            tr(
                "They take turns on the machine, and go on bit for bit where they were; what a "
                "turn costs to begin is in nobody's time."
            ),
        ),
    ]
    if len({(lane.train.optimizer, lane.train.batch_size, str(lane.model)) for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                tr(
                    "Learning rates that suit one lane may not suit another. Sweep the rates of "
                    "each before you believe a large lead."
                ),
            )
        )
    if len({(lane.train.batch_size, lane.model.context_length) for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                tr(
                    "Batches or contexts differ, so the same text comes in another order, and in "
                    "steps of another size."
                ),
            )
        )
    if len({lane.model.context_length for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                tr(
                    "A longer context sees more before it guesses, on the validation text as well: "
                    "part of its lead may be that."
                ),
            )
        )
    facts += _spent(plan, traces)
    return tuple(facts)


def fairness_title(facts: Sequence[Fact]) -> str:
    """The facts in a line."""
    unequal = sum(not fact.fair for fact in facts)
    if not unequal:
        return tr("Is it fair? Nothing but the settings differs")
    return plural(
        "Is it fair? {unequal} thing to know", "Is it fair? {unequal} things to know", unequal
    ).format(unequal=unequal)


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
                    tr(
                        "{name} used {share:.0%} of its {axes}: compare along the "
                        "curves, not at their ends."
                    ).format(name=trace.lane.name, share=share, axes=AXES[plan.budget.kind]),
                )
            )
    if not facts and all(trace.state == "done" for trace in traces):
        used = [t.last.at(plan.budget.kind) / plan.budget.amount for t in traces if t.last]
        facts.append(
            Fact(
                True,
                tr(
                    "Their steps follow from the budget: they used {used:.1%} to {most:.1%} of it."
                ).format(used=min(used), most=max(used)),
            )
        )
    return facts
