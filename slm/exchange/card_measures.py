"""How well a model predicts, as a section of its card: what was measured, else its last loss."""

from collections.abc import Iterator, Mapping
from typing import Any

from slm import files
from slm.errors import WorkspaceError
from slm.exchange.card_markdown import plain, table
from slm.exchange.outgoing import Outgoing
from slm.training.runs import METRICS, REPORT


def measured(outgoing: Outgoing) -> Iterator[str]:
    """Perplexity and so on where they were measured, else the last loss on held-out text."""
    found = outgoing.evaluation or _reported(outgoing)
    model = found.get("model")
    if isinstance(model, Mapping):
        text = found.get("text")
        on = text.get("title") if isinstance(text, Mapping) else found.get("split")
        own = {"val": "held-out text of its own corpus", "train": "its own training text"}
        split = str(found.get("split"))
        rows = [
            (name.replace("_", " "), _figure(model.get(name)), _interval(model, name))
            for name in ("perplexity", "bits_per_byte", "nats_per_token")
        ]
        rows += [
            (f"perplexity of counting ({name})", _figure(other.get("perplexity")), "")
            for name in ("bigram", "unigram", "uniform")
            if isinstance(other := found.get(name), Mapping)
        ]
        tokens = model.get("tokens")
        measured = f" ({tokens:,} tokens)" if isinstance(tokens, int) else ""
        note = (
            " Intervals hold 95 % of resamples of the text; another training is not in them."
            if any(interval for _, _, interval in rows)
            else ""
        )
        yield (
            f"## How well it predicts\n\nMeasured on {own.get(split) or plain(on)}{measured}."
            f"{note}\n\n" + table(("measure", "value", "interval"), rows)
        )
    elif (loss := _last_loss(outgoing)) is not None:
        yield (
            "## How well it predicts\n\nLoss on held-out text at step "
            f"{loss[0]:,}: {loss[1]:.4f} nats per token."
        )


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "unknown"


def _interval(model: Mapping[str, Any], name: str) -> str:
    intervals = model.get("intervals")
    found = intervals.get(name) if isinstance(intervals, Mapping) else None
    if not isinstance(found, Mapping):
        return ""
    low, high = found.get("low"), found.get("high")
    return f"{_figure(low)} to {_figure(high)}"


def _reported(outgoing: Outgoing) -> Mapping[str, Any]:
    """What the run measured when it was finished, if that was this step."""
    source = outgoing.source
    if source is None or source.imported or not (source.folder / REPORT).is_file():
        return {}
    try:
        found = files.read_json(source.folder / REPORT).get("evaluation")
    except WorkspaceError:
        return {}
    return found if isinstance(found, dict) and found.get("step") == outgoing.step else {}


def _last_loss(outgoing: Outgoing) -> tuple[int, float] | None:
    if outgoing.source is None or outgoing.source.imported:
        return None
    held = [
        (record["step"], record["val_nats"])
        for record in files.read_records(outgoing.source.folder / METRICS).records
        if isinstance(record.get("val_nats"), float)
        and isinstance(record.get("step"), int)
        and record["step"] <= outgoing.step
    ]
    return held[-1] if held else None
