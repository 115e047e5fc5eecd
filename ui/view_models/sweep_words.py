"""A sweep in words and rows: which value was best, and how sure that is."""

from collections.abc import Sequence
from typing import Any, Literal

from slm.lab import standings
from slm.lab.experiments import Plan
from slm.lab.standings import Trace, ValueResult
from slm.lab.sweeps import RATES
from ui.texts import tr
from ui.view_models import model as model_words
from ui.view_models import recipe as recipe_words
from ui.view_models.jobs import duration
from ui.view_models.lane_rows import TIE_NATS, final_nats, shown
from ui.view_models.settings import label_of

_LOG_FROM = 8.0  # values that span this factor are drawn on a logarithmic axis


def sweep_points(traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """Points (value, nats, lane) of the lanes that are done."""
    return [
        {"value": trace.lane.value, "nats": final_nats(trace.final), "run": trace.lane.name}
        for trace in traces
        if trace.state == "done" and trace.final is not None
    ]


def sweep_scale(values: Sequence[Any]) -> Literal["log", "linear", "names"]:
    """How the values of a sweep are laid out.

    >>> sweep_scale([0.001, 0.01]), sweep_scale([1, 2, 3]), sweep_scale(["muon", "adamw"])
    ('log', 'linear', 'names')
    """
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return "names"
    low, high = min(values), max(values)
    return "log" if low > 0 and high / low >= _LOG_FROM else "linear"


def sweep_rows(traces: Sequence[Trace]) -> list[dict[str, str]]:
    """The table of a sweep: a row a value."""
    best = standings.best_value(traces)
    return [
        {
            tr("value"): shown(each.value),
            tr("last validation loss"): _mean_and_spread(each),
            tr("lowest"): "–" if each.best is None else f"{each.best:.3f}",
            tr("training time"): "–" if each.seconds is None else duration(each.seconds),
            tr("seeds"): _seeds(each),
            "": tr("best") if best is not None and each.value == best.value else "",
        }
        for each in standings.by_value(traces)
    ]


def sweep_verdict(plan: Plan, traces: Sequence[Trace]) -> str:
    """What the sweep found, and how sure that is."""
    results = standings.by_value(traces)
    best = standings.best_value(traces)
    field = field_label(plan.field or "")
    lost = [shown(each.value) for each in results if each.diverged]
    diverged = tr(" Diverged: {lost}.").format(lost=", ".join(lost)) if lost else ""
    if best is None or best.final is None:
        return tr("No run is done yet.{diverged}").format(diverged=diverged)
    told = tr("Best so far") if _open(results) else tr("Best")
    told += tr(": {field} {shown}, {final:.3f} nats at the end").format(
        field=_lower(field), shown=shown(best.value), final=best.final
    )
    told += (
        tr(" (mean of {n_finals} seeds).").format(n_finals=len(best.finals))
        if len(best.finals) > 1
        else "."
    )
    others = [each for each in results if each.final is not None and each.value != best.value]
    nearest = min(others, key=lambda each: each.final or 0.0, default=None)
    if nearest is not None and nearest.final is not None:
        gap = nearest.final - best.final
        spread = max((max(e.finals) - min(e.finals) for e in (best, nearest)), default=0.0)
        if gap <= max(spread, TIE_NATS):
            told += tr(" {shown} is as good within what seeds change ({gap:.3f} apart).").format(
                shown=shown(nearest.value), gap=gap
            )
    if not _open(results) and sweep_scale([each.value for each in results]) != "names":
        told += _edge(results, best)
    return told + diverged


def lane_of_value(traces: Sequence[Trace], result: ValueResult) -> int:
    """The best lane among those of a value."""
    places = [place for place, trace in enumerate(traces) if trace.lane.value == result.value]
    done = [place for place in places if traces[place].final is not None]
    return min(done or places, key=lambda place: final_nats(traces[place].final) if done else 0.0)


def field_label(field: str) -> str:
    """A setting as the forms call it.

    >>> field_label("learning_rate"), field_label("rates"), field_label("n_layers")
    ('Learning rate', 'Both learning rates, ×', 'Blocks')
    """
    if field == RATES:
        return tr("Both learning rates, ×")
    names = {**model_words.LABELS, **recipe_words.LABELS}
    return names.get(field, label_of(field))


def _open(results: Sequence[ValueResult]) -> bool:
    return any(each.waiting for each in results)


def _edge(results: Sequence[ValueResult], best: ValueResult) -> str:
    values = sorted(each.value for each in results)
    if len(values) < 3 or best.value not in (values[0], values[-1]):
        return ""
    side = tr("smaller") if best.value == values[0] else tr("larger")
    return tr(" It is at the edge: the best may be {side} still.").format(side=side)


def _mean_and_spread(result: ValueResult) -> str:
    if result.final is None:
        return tr("diverged") if result.diverged else tr("failed") if result.failed else "–"
    if len(result.finals) < 2:
        return f"{result.final:.3f}"
    return tr("{final:.3f} ({finals:.3f} to {worst:.3f})").format(
        final=result.final, finals=min(result.finals), worst=max(result.finals)
    )


def _seeds(result: ValueResult) -> str:
    parts = [tr("{n_finals} done").format(n_finals=len(result.finals))]
    if result.diverged:
        parts.append(tr("{diverged} diverged").format(diverged=result.diverged))
    if result.failed:
        parts.append(tr("{failed} failed").format(failed=result.failed))
    if result.waiting:
        parts.append(tr("{waiting} to come").format(waiting=result.waiting))
    return ", ".join(parts)


def _lower(label: str) -> str:
    return label[0].lower() + label[1:]
