"""The pipeline as Home shows it: a build that runs, one that ended, or a finished run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from slm.jobs import Job, JobStatus
from ui.texts import tr
from ui.view_models.stages import StageCard, StageState

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "source": tr("Source"),
        "clean": tr("Clean"),
        "tokens": tr("Tokens"),
        "model": tr("Model"),
        "training": tr("Training"),
        "evaluation": tr("Evaluation"),
        "attention": tr("Attention"),
        "sampling": tr("Sampling"),
    }
)
CHAPTER_OF: Mapping[str, str] = MappingProxyType(
    {
        "source": "data",
        "clean": "data",
        "tokens": "tokenizer",
        "model": "model",
        "training": "training",
        "evaluation": "evaluation",
        "attention": "attention",
        "sampling": "sampling",
    }
)
_STATES: Mapping[str, StageState] = MappingProxyType(
    {
        "waiting": "waiting",
        "running": "running",
        "done": "done",
        "stopped": "waiting",
        "paused": "waiting",
        "failed": "failed",
    }
)


@dataclass(frozen=True)
class Figure:
    """One number of a finished model, with its unit in words."""

    label: str
    value: str
    term: str


@dataclass(frozen=True)
class RunReport:
    """What a finished run has to say. `samples` are foreign text."""

    samples: tuple[str, ...]
    figures: tuple[Figure, ...]


def cards_of_job(status: JobStatus) -> list[StageCard]:
    """The stages of a build, as far as they are; a job that ended leaves no card running."""
    told = {stage.name: stage for stage in status.stages}
    cards = []
    for name, title in TITLES.items():
        stage = told.get(name)
        if stage is None:
            cards.append(StageCard(name, title, "waiting"))
            continue
        state = _STATES[stage.state]
        if state == "running" and not status.alive:
            state = "waiting"
        cards.append(StageCard(name, title, state, stage.message, stage.fraction))
    return cards


def cards_of_report(report: Mapping[str, Any] | None) -> list[StageCard]:
    """The stages of a finished run; without a report, of one that is still to be made."""
    stages = (report or {}).get("stages", {})
    return [
        StageCard(name, title, "done" if name in stages else "waiting", stages.get(name, ""))
        for name, title in TITLES.items()
    ]


def run_report(report: Mapping[str, Any] | None) -> RunReport | None:
    """The figures that say how good a finished run is, beside what counting alone gives.

    Four fit a row: tales show whether names stay the same, other text its bits per byte.
    """
    if not report or "evaluation" not in report:
        return None
    model, bigram = report["evaluation"]["model"], report["evaluation"]["bigram"]
    figures = [
        Figure(tr("Perplexity"), f"{model['perplexity']:.1f}", "perplexity"),
        Figure(tr("Bigram baseline"), f"{bigram['perplexity']:.1f}", "bigram"),
        Figure(tr("Real words"), f"{report['known_word_share']:.0%}", "corpus"),
    ]
    if "name_consistency" in report:
        figures.append(
            Figure(tr("Names kept"), f"{report['name_consistency']:.0%}", tr("names kept"))
        )
    elif model.get("bits_per_byte"):
        figures.append(
            Figure(tr("Bits per byte"), f"{model['bits_per_byte']:.2f}", tr("bits per byte"))
        )
    return RunReport(tuple(report["samples"]), tuple(figures))


def newest_build(jobs: Sequence[Job]) -> Job | None:
    """The last pipeline job that was started; jobs come newest first."""
    return next((job for job in jobs if job.verb == "build"), None)
