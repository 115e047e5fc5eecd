"""What a run has cost, all runs that it goes on from included: for a fair race.

Tokens are counted as places in windows, steps × batch × window, padding too: that follows from
the run's settings and what was changed in mid-run, however rarely it wrote its log. Seconds
are those that the trainers counted for training alone. What a fork or a fine-tuned run had
behind it when it began counts as its own.
"""

from dataclasses import dataclass
from typing import Any

from slm import files
from slm.errors import DataError, WorkspaceError
from slm.training.config import as_trained
from slm.training.events import read_events, windows_read
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Artefact, Workspace

_MOST_ANCESTORS = 50


@dataclass(frozen=True)
class Cost:
    """What it took to make a model. `runs` are the ids of all that share in it, itself first;
    `corpora` the digests of the texts that they read."""

    tokens: int
    seconds: float
    runs: tuple[str, ...]
    corpora: frozenset[str]

    def plus(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(
            self.tokens + other.tokens,
            self.seconds + other.seconds,
            self.runs + other.runs,
            self.corpora | other.corpora,
        )


def cost_of(workspace: Workspace, run: Artefact, step: int | None = None) -> Cost:
    """What the run has cost up to a step, by default all of it.

    Raises: DataError when that cannot be known: a model that was trained elsewhere, a run from
    which this one goes on that was deleted, a log that is damaged.
    """
    return _cost(workspace, run, step, 0)


def steps_within(budget_tokens: float, batch_size: int, window: int) -> int:
    """How many steps a budget of tokens allows.

    >>> steps_within(500_000, batch_size=12, window=128)
    325
    """
    return int(budget_tokens // (batch_size * window))


def _cost(workspace: Workspace, run: Artefact, step: int | None, depth: int) -> Cost:
    if run.imported:
        raise DataError(
            f"{run.name!r} was trained elsewhere, so nobody knows what it has cost. Take part with "
            "a model that was trained here from the beginning."
        )
    if depth >= _MOST_ANCESTORS:
        raise DataError(f"{run.name!r} goes on from more than {_MOST_ANCESTORS} other runs.")
    settings = RunSettings.read(run.folder)
    log = files.read_records(run.folder / METRICS)
    records = [record for record in log.records if "tokens" in record]
    if log.damaged:
        raise DataError(
            f"{log.damaged} lines of the log of {run.name!r} are damaged, so its cost is not known."
        )
    begins, before = _before(workspace, run, settings, depth)
    saved, saved_seconds = _newest_saved(run)
    until = max(_last_step(records, begins), saved) if step is None else step
    events = read_events(run.folder)
    windows = windows_read(settings.train, events, until)
    windows -= windows_read(settings.train, events, begins)
    width = as_trained(settings.model, settings.train).context_length
    seconds = _seconds_at(records, until, late=True)
    if until >= saved:
        seconds = max(seconds, saved_seconds)
    seconds -= _seconds_at(records, begins, late=False)
    corpus = run.manifest.parents.get("corpus")
    own = Cost(
        max(0, windows) * width,
        max(0.0, seconds),
        (run.id,),
        frozenset({corpus.sha256}) if corpus is not None else frozenset(),
    )
    return own if before is None else own.plus(before)


def _before(
    workspace: Workspace, run: Artefact, settings: RunSettings, depth: int
) -> tuple[int, Cost | None]:
    """The step at which the run began, and what had been spent until then."""
    fork, tuned = settings.forked_from, settings.finetuned_from
    if fork is not None:
        parent = _ancestor(workspace, run, "runs", str(fork.get("run", "")))
        begins = int(fork["step"])
        return begins, _cost(workspace, parent, begins, depth + 1)
    if tuned is not None:
        parent = _ancestor(workspace, run, str(tuned.get("kind")), str(tuned.get("id", "")))
        return 0, _cost(workspace, parent, int(tuned["step"]), depth + 1)
    return 0, None


def _ancestor(workspace: Workspace, run: Artefact, kind: str, ancestor: str) -> Artefact:
    shelf = workspace.models if kind == "models" else workspace.runs
    try:
        return shelf.get(ancestor)
    except WorkspaceError:
        raise DataError(
            f"{run.name!r} goes on from a model that was deleted, so nobody knows what it has "
            "cost. Take part with one that was trained here from the beginning."
        ) from None


def _last_step(records: list[dict[str, Any]], begins: int) -> int:
    return max((int(record["step"]) for record in records), default=begins)


def _newest_saved(run: Artefact) -> tuple[int, float]:
    """The newest checkpoint's step and its seconds of training: a run that was stopped may be
    further than its log."""
    steps = [int(path.name) for path in (run.folder / "ckpt").glob("*") if path.name.isdecimal()]
    if not steps:
        return 0, 0.0
    state = files.read_json(run.folder / "ckpt" / str(max(steps)) / "state.json")
    progress = state.get("progress")
    if not isinstance(progress, dict):
        raise DataError(f"The newest checkpoint of {run.name!r} does not say what it has cost.")
    elapsed = float(progress.get("elapsed_seconds", 0.0))
    return max(steps), elapsed - float(progress.get("looking_seconds", 0.0))


def _seconds_at(records: list[dict[str, Any]], step: int, *, late: bool) -> float:
    """Seconds of training at a step. Between two records the later one counts if `late`."""
    times = [(int(record["step"]), float(record.get("train_seconds") or 0.0)) for record in records]
    if late:
        next_step = min((at for at, _ in times if at >= step), default=step)
        at_next = [seconds for at, seconds in times if at <= next_step]
        return max(at_next, default=0.0)
    return max((seconds for at, seconds in times if at <= step), default=0.0)
