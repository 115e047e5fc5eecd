"""The verbs that judge a model: is it only copying, and does it know what it knows?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slm.verbs.common import Context, Result, parse
from slm.verbs.models import RunChoice


def copying(arguments: Sequence[str], context: Context) -> Result:
    """What of a text, the model's own or a given one, stands in the training text."""
    from slm.lab.copying import CopyingConfig, copying_report
    from slm.sampling.filters import SamplingConfig

    @dataclass(frozen=True)
    class Copying:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        settings: Annotated[CopyingConfig, tyro.conf.arg(name="")] = CopyingConfig()
        sampling: Annotated[SamplingConfig, tyro.conf.arg(name="")] = SamplingConfig()

    asked = parse(Copying, copying, arguments)
    return copying_report(
        context.workspace,
        context.workspace.get_model(asked.choice.run),
        asked.settings,
        asked.sampling,
        step=asked.choice.step,
        report=context.report,
    )


def calibration(arguments: Sequence[str], context: Context) -> Result:
    """How often the model is right where it is so and so sure, and what would calibrate it."""
    from slm.lab.calibration import CalibrationConfig, calibration_report

    @dataclass(frozen=True)
    class Calibrate:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        settings: Annotated[CalibrationConfig, tyro.conf.arg(name="")] = CalibrationConfig()

    asked = parse(Calibrate, calibration, arguments)
    return calibration_report(
        context.workspace,
        context.workspace.get_model(asked.choice.run),
        asked.settings,
        step=asked.choice.step,
        report=context.report,
    )


def tasks(arguments: Sequence[str], context: Context) -> Result:
    """Small tasks with one right answer: what can the model do, and since which snapshot?"""
    from slm.lab.task_reports import TasksConfig, tasks_report

    @dataclass(frozen=True)
    class Tasks:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        settings: Annotated[TasksConfig, tyro.conf.arg(name="")] = TasksConfig()

    asked = parse(Tasks, tasks, arguments)
    return tasks_report(
        context.workspace,
        context.workspace.get_model(asked.choice.run),
        asked.settings,
        step=asked.choice.step,
        made=context.result,
        report=context.report,
    )


def shannon(arguments: Sequence[str], context: Context) -> Result:
    """The Shannon game: how a model and trigram counts guess a text, letter by letter."""
    from slm.lab.reports import open_run
    from slm.lab.shannon_game import GameConfig, game_report

    @dataclass(frozen=True)
    class Shannon:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        settings: Annotated[GameConfig, tyro.conf.arg(name="")] = GameConfig()

    asked = parse(Shannon, shannon, arguments)
    run = context.workspace.get_model(asked.choice.run)
    opened = open_run(run, asked.choice.step)
    return game_report(context.workspace, run, opened, asked.settings)


@dataclass(frozen=True)
class ReportPlace:
    """Where the report goes."""

    out: Path | None = None
    """The page (HTML). Default: none in a terminal, the job's folder in a job."""


def report(arguments: Sequence[str], context: Context) -> Result:
    """Everything known of how good a model is: one HTML page that stands alone, and JSON."""
    from slm.lab.evaluation_report import evaluation_report
    from slm.lab.report_sections import ReportConfig

    @dataclass(frozen=True)
    class Report:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        place: Annotated[ReportPlace, tyro.conf.arg(name="")] = ReportPlace()
        settings: Annotated[ReportConfig, tyro.conf.arg(name="")] = ReportConfig()

    asked = parse(Report, report, arguments)
    out, job = asked.place.out, context.common.job
    if out is None and job is not None:
        out = context.workspace.jobs.folder / job / "report.html"
    return evaluation_report(
        context.workspace,
        context.workspace.get_model(asked.choice.run),
        asked.settings,
        step=asked.choice.step,
        out=out,
        report=context.report,
    )
