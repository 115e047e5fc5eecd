"""Small tasks, ready to show: what the model can do, and since when.

Knows scores as `slm.lab.task_reports` tells them; neither models nor Streamlit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from slm.evaluation.cloze import Answer
from slm.lab.task_reports import Scores
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.code import open_lines

_PROMPT_END = 70
_TAUGHT: Mapping[bool | None, str] = MappingProxyType(
    {True: tr("yes"), False: tr("no"), None: tr("not known")}
)


@dataclass(frozen=True)
class TaskWords:
    """What a task is called, and what is asked, with an example."""

    label: str
    meaning: str


WORDS: Mapping[str, TaskWords] = MappingProxyType(
    {
        "induction": TaskWords(
            tr("Copy a row"),
            tr(
                "A row of random tokens comes twice. In the second, which token follows this one? "
                "Only the first row can tell: this is what induction heads are for."
            ),
        ),
        "number": TaskWords(
            tr("Was or were"),
            tr(
                "“Then Mia and Ben …”: were. “Then the friend of Mia and Ben …”: was, whatever "
                "stands nearest."
            ),
        ),
        "pronoun": TaskWords(tr("He or she"), tr("“Ida the mouse had a small cake. Then …”: she.")),
        "quotes": TaskWords(
            tr("End a quotation"),
            tr("Does the sentence end with a quotation mark? Only if one is still open."),
        ),
        "brackets": TaskWords(
            tr("Close a bracket"),
            tr("“x(a[b”: which of ), ] and } comes next? What was opened last closes first."),
        ),
        "arithmetic": TaskWords(
            tr("Arithmetic"), tr("Sums and differences of numbers up to 9, after three examples.")
        ),
        "tales": TaskWords(
            tr("Recall from a tale"),
            tr("A new tale breaks off where a name or a place must come back. Which of four?"),
        ),
    }
)


@dataclass(frozen=True)
class TaskRow:
    """One task: shares are 0 to 1, low and high the ends of the 95% interval."""

    key: str
    label: str
    right: int
    asked: int
    accuracy: float
    low: float
    high: float
    chance: float
    taught: str
    verdict: str


@dataclass(frozen=True)
class TasksView:
    """What a model can do, in the order of the tasks; `reading` says it in a sentence."""

    rows: tuple[TaskRow, ...]
    reading: str
    note: str


def tasks_view(scores: Scores, taught: Mapping[str, bool | None]) -> TasksView:
    """Scores in words."""
    rows = tuple(
        TaskRow(
            key,
            WORDS[key].label,
            int(score["right"]),
            int(score["asked"]),
            score["accuracy"],
            score["low"],
            score["high"],
            score["chance"],
            _TAUGHT[taught.get(key)],
            verdict(score),
        )
        for key, score in scores.items()
    )
    better = [row.label.lower() for row in rows if row.low > row.chance]
    reading = (
        tr("Better than guessing at {n_better} of {n_rows} tasks: {better}.").format(
            n_better=len(better), n_rows=len(rows), better=", ".join(better)
        )
        if better
        else tr("Not told apart from guessing at any task yet.")
    )
    untaught = [row.label.lower() for row in rows if row.taught == "no"]
    note = (
        tr("Its corpus does not teach: {untaught}. Chance is all that is fair there.").format(
            untaught=", ".join(untaught)
        )
        if untaught
        else ""
    )
    return TasksView(rows, reading, note)


def verdict(score: Mapping[str, float]) -> str:
    """What an interval says about chance, in a few words.

    >>> verdict({"low": 0.6, "high": 0.8, "chance": 0.5})
    'better than guessing'
    >>> verdict({"low": 0.4, "high": 0.6, "chance": 0.5})
    'not told apart from guessing'
    """
    if score["low"] > score["chance"]:
        return tr("nearly always right") if score["low"] > 0.9 else tr("better than guessing")
    return (
        tr("worse than guessing")
        if score["high"] < score["chance"]
        else tr("not told apart from guessing")
    )


@dataclass(frozen=True)
class LearnedRow:
    """One task over the steps. `since`: from there on it beat guessing and its untrained self."""

    label: str
    since: int | None
    accuracy_S: tuple[float | None, ...]
    above_chance_S: tuple[float | None, ...]


@dataclass(frozen=True)
class LearnedView:
    """What was learned when: tasks by steps. `above` is 0 at chance, 1 with all right."""

    steps: tuple[int, ...]
    rows: tuple[LearnedRow, ...]
    reading: str


def learned_view(steps: Sequence[tuple[int, Scores]]) -> LearnedView:
    """Scores of several snapshots, oldest first, as one table."""
    at = tuple(step for step, _ in steps)
    keys = [key for key in WORDS if any(key in scores for _, scores in steps)]
    rows = tuple(_learned_row(key, steps) for key in keys)
    known = sorted((row for row in rows if row.since is not None), key=lambda row: row.since or 0)
    told = ", ".join(
        tr("{label} from step {since:,}").format(label=row.label.lower(), since=row.since)
        for row in known
    )
    reading = (
        tr("Better than guessing and than untrained weights, and so ever after: {told}.").format(
            told=told
        )
        if told
        else tr("At no task is it better than guessing for good.")
    )
    return LearnedView(at, rows, reading)


def _learned_row(key: str, steps: Sequence[tuple[int, Scores]]) -> LearnedRow:
    scores = [found.get(key) for _, found in steps]
    since: int | None = None
    first_step, first = steps[0][0], scores[0]  # untrained weights repeat what they just read
    untrained = first["accuracy"] if first is not None and first_step == 0 else 0.0
    for (step, _), score in zip(reversed(steps), reversed(scores), strict=True):
        if score is None or score["low"] <= max(score["chance"], untrained):
            break
        since = step
    return LearnedRow(
        WORDS[key].label,
        since,
        tuple(None if score is None else score["accuracy"] for score in scores),
        tuple(None if score is None else above_chance(score) for score in scores),
    )


def above_chance(score: Mapping[str, float]) -> float:
    """The share of what guessing leaves that is right: 0 at chance or below, 1 when all is.

    >>> above_chance({"accuracy": 0.75, "chance": 0.5})
    0.5
    """
    return max(0.0, (score["accuracy"] - score["chance"]) / (1 - score["chance"]))


def answer_rows(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Questions with what was chosen; all of it is foreign text."""
    return [_answer_row(answer) for answer in answers]


def _answer_row(answer: Answer) -> dict[str, Any]:
    question = answer.question
    weights = np.exp(-np.array(answer.nats) + min(answer.nats))
    cut = len(question.prompt) > _PROMPT_END
    return {
        tr("right"): answer.right,
        tr("the text breaks off"): ("…" if cut else "") + question.prompt[-_PROMPT_END:],
        tr("answer"): question.answer.strip(),
        tr("the model says"): answer.chosen.strip(),
        tr("how sure"): round(float(weights.max() / weights.sum()), 2),
    }


def tasks_code(run: Artefact, questions: int) -> str:
    """The lines that ask the same without a browser."""
    return f"""{open_lines(run)}
from slm.lab.task_reports import TasksConfig, tasks_report

found = tasks_report(workspace, run, TasksConfig(questions={questions}, all_snapshots=True))
for row in found["steps"]:
    print(row["step"], {{task: score["accuracy"] for task, score in row["scores"].items()}})
"""


def harness_commands(run: Artefact) -> str:
    """How EleutherAI's lm-eval measures the model on the field's own tasks."""
    return f"""python -m slm export --run {run.id} --to exported
pip install "lm_eval[hf]"
lm_eval --model hf --model_args pretrained=exported,dtype=float32 \\
    --tasks blimp,lambada_openai --device cpu --batch_size 8 --output_path lm_eval_results
"""
