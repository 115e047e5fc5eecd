"""What a model can do, task by task, and what a run had learned at each of its snapshots.

Here run folders and token files meet the tasks of `slm.evaluation.tasks`.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from slm.config import Config
from slm.data.batches import TokenFile
from slm.errors import CheckpointError, DataError
from slm.evaluation.cloze import Share, ask
from slm.evaluation.tasks import TASKS, Room, chosen_tasks
from slm.jobs import Reporter, silent
from slm.lab.reports import checkpoint_at, open_run, run_tokens
from slm.model.checkpoint import CheckpointRef, load_checkpoint, snapshots
from slm.model.transformer import Transformer
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact, Workspace

Scores = dict[str, dict[str, float]]
"""By task: right, asked, chance, accuracy, low and high (95% interval)."""

_SAMPLE_TOKENS = 150_000
_KEY = "step "


class TasksConfig(Config):
    """Which tasks, and how thoroughly."""

    tasks: tuple[str, ...] = Field(
        (), description=f"Which tasks: any of {', '.join(TASKS)}. Default: all."
    )
    questions: int = Field(
        100,
        ge=10,
        le=5_000,
        description="Questions a task. With 100 the interval is about 10 points to either side.",
    )
    questions_seed: int = Field(0, ge=0, description="Another number gives other questions.")
    all_snapshots: bool = Field(
        False, description="Put the questions to every snapshot of the run too."
    )


@dataclass(frozen=True)
class _Part:
    """Passes on how far the whole work is when one of its equal parts is so far."""

    whole: Reporter
    done: int
    of: int
    label: str

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """See `Reporter`."""
        told = ", ".join(filter(None, (self.label, message)))
        self.whole((self.done + (fraction or 0.0)) / self.of, told)

    def plan(self, stages: Mapping[str, float]) -> None:
        """A part has no stages."""

    def should_stop(self) -> bool:
        """See `Reporter`."""
        return self.whole.should_stop()


def tasks_report(
    workspace: Workspace,
    run: Artefact,
    config: TasksConfig,
    *,
    step: int | None = None,
    made: MutableMapping[str, Any] | None = None,
    report: Reporter = silent,
) -> dict[str, Any]:
    """Right answers by task, for one checkpoint or for every snapshot, oldest first.

    `made` gets each step's scores as `step N` once they are known, and what stands there
    already is not measured again. When `report` asks to stop, finished steps are given.

    Raises: CheckpointError, DataError as `open_run` and `Task.questions`.
    """
    made = {} if made is None else made
    tasks = chosen_tasks(config.tasks)
    opened = open_run(run, step)
    taught = taught_by_corpus(workspace, run, opened.tokenizer)
    problems: list[str] = []
    references = _references(run, step, config.all_snapshots)
    for at, reference in enumerate(references):
        if f"{_KEY}{reference.step}" in made:
            continue
        try:
            model = opened.model if reference.step == opened.step else _load(reference)
        except CheckpointError as error:
            problems.append(f"step {reference.step}: {error}")
            continue
        part = _Part(report, at, len(references), f"step {reference.step:,}")
        scores = score_tasks(model, opened.tokenizer, config, report=part)
        if scores is None:
            break
        made[f"{_KEY}{reference.step}"] = scores
    return {
        "run": run.id,
        "questions": config.questions,
        "questions_seed": config.questions_seed,
        "taught_by_corpus": {task.key: taught[task.key] for task in tasks},
        "steps": [{"step": at, "scores": scores} for at, scores in steps_of(made)],
        "problems": problems,
    }


def score_tasks(
    model: Transformer,
    tokenizer: TextTokenizer,
    config: TasksConfig,
    *,
    report: Reporter = silent,
) -> Scores | None:
    """Right answers by task; None when `report` asked to stop before they were through.

    Raises: DataError where the vocabulary or the context is too small for a task.
    """
    tasks = chosen_tasks(config.tasks)
    scores: Scores = {}
    for at, task in enumerate(tasks):
        room = Room(tokenizer, model.config.context_length)
        questions = task.questions(room, config.questions, config.questions_seed)
        part = _Part(report, at, len(tasks), task.key)
        result = ask(model, tokenizer, questions, report=part)
        if len(result.answers) < len(questions):
            return None
        scores[task.key] = told(result.total)
    return scores


def told(share: Share) -> dict[str, float]:
    """A share as plain numbers."""
    low, high = share.interval
    return {
        "right": share.right,
        "asked": share.asked,
        "chance": round(share.chance, 4),
        "accuracy": round(share.accuracy, 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def steps_of(made: Mapping[str, Any]) -> list[tuple[int, Scores]]:
    """The steps that a report or a job has scored, oldest first.

    >>> steps_of({"run": "r", "step 20": {}, "step 3": {}})
    [(3, {}), (20, {})]
    """
    found = [
        (int(key.removeprefix(_KEY)), scores)
        for key, scores in made.items()
        if key.startswith(_KEY) and key.removeprefix(_KEY).isdigit()
    ]
    return sorted(found, key=lambda pair: pair[0])


def taught_by_corpus(
    workspace: Workspace, run: Artefact, tokenizer: TextTokenizer
) -> dict[str, bool | None]:
    """By task, whether the training text holds what it is about; None where that is not here.

    The first 150,000 training tokens are read.
    """
    try:
        path = run_tokens(workspace, run).folder / "train.bin"
        ids = TokenFile(path).ids(0, _SAMPLE_TOKENS)
    except (DataError, FileNotFoundError):
        return dict.fromkeys(TASKS)
    text = tokenizer.decode(token for token in ids.tolist() if token != tokenizer.eos_id)
    return {key: task.taught_by(text) for key, task in TASKS.items()}


def _references(run: Artefact, step: int | None, all_snapshots: bool) -> Sequence[CheckpointRef]:
    newest = checkpoint_at(run, step)
    if not all_snapshots or run.imported:
        return [newest]
    kept = {reference.step: reference for reference in snapshots(run.folder)}
    return [kept.get(at, newest) for at in sorted({*kept, newest.step})]


def _load(reference: CheckpointRef) -> Transformer:
    return load_checkpoint(reference.folder).eval()
