"""A run's record as event files, which TensorBoard draws: losses, rates, speed, texts.

    <workspace>/tensorboard/<run's name and id>/events.out.tfevents.….slm

Written by tensorboardX, which needs neither TensorFlow nor TensorBoard. Steps that a run made
again take the place of those before: a mark in the file (SessionLog START) says from which step
on earlier points do not count any more.
"""

import json
import re
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from slm import files
from slm.errors import DataError
from slm.exchange.trackers import Row, follow
from slm.jobs import Reporter, silent
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Artefact, Workspace

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

FOLDER = "tensorboard"
_SUFFIX = ".slm"
_TAGS: Mapping[str, str] = MappingProxyType(
    {
        "train_nats": "loss/train_nats_per_token",
        "val_nats": "loss/validation_nats_per_token",
        "unigram_nats": "loss/unigram_nats_per_token",
        "bigram_nats": "loss/bigram_nats_per_token",
        "learning_rate": "learning_rate/adamw",
        "muon_learning_rate": "learning_rate/muon",
        "gradient_norm": "gradient_norm/all",
        "tokens_per_second": "speed/tokens_per_second",
        "flops_per_second": "speed/flops_per_second",
        "tokens": "progress/tokens",
        "batch_size": "progress/batch_size",
        "elapsed_seconds": "progress/elapsed_seconds",
        "train_seconds": "progress/train_seconds",
        "energy_joules": "progress/energy_joules",
        "induction": "heads/induction_score",
    }
)
_GROUPS: Mapping[str, str] = MappingProxyType(
    {"gradient_norms": "gradient_norm", "update_ratios": "update_ratio"}
)


def folder_of(workspace: Workspace, run: Artefact) -> Path:
    """Where the event files of that run are; its name stands in TensorBoard's list."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", run.name).strip("-")[:40]
    return workspace.root / FOLDER / "-".join(filter(None, (plain, run.id[-6:])))


def write_events(
    workspace: Workspace,
    run: Artefact,
    *,
    live: bool = False,
    folder: Path | None = None,
    report: Reporter = silent,
) -> Path:
    """Write the run's record as event files; gives their folder. What was written of it before
    is replaced. `live`: go on while the run is trained.

    Raises: DataError for a model that was trained elsewhere, or a run without a record;
    WorkspaceError when the disk is full, or settings are damaged.
    """
    if run.imported:
        raise DataError(
            f"{run.name!r} was trained elsewhere: there is no record to draw. Choose a run that "
            "was trained here."
        )
    if not live and not (run.folder / METRICS).exists():
        raise DataError(f"{run.name!r} has no record yet. Train it first.")
    settings = RunSettings.read(run.folder)
    target = folder or folder_of(workspace, run)
    files.make_folder(target)
    before = sorted(target.glob(f"events.out.tfevents.*{_SUFFIX}"))
    with files.disk_errors(target):
        writer = _Writer(target, run)
        try:
            writer.settings(settings)
            steps = settings.train.steps
            for row in follow(run.folder, live=live, should_stop=report.should_stop):
                writer.write(row)
                report(min(1.0, row.step / steps), f"step {row.step:,}", step=row.step)
        finally:
            writer.close()
        for path in before:
            path.unlink(missing_ok=True)
    return target


def tag_of(name: str) -> str:
    """What a number of the record is called in TensorBoard, where tags are grouped by "/".

    >>> tag_of("val_nats"), tag_of("update_ratios/blocks.0"), tag_of("attention_share/1")
    ('loss/validation_nats_per_token', 'update_ratio/blocks.0', 'attention_share/layer_1')
    """
    group, _, part = name.partition("/")
    if not part:
        return _TAGS.get(name, f"other/{name}")
    return f"{_GROUPS.get(group, group)}/{f'layer_{part}' if part.isdigit() else part}"


class _Writer:
    """Rows as summaries. Times are those of the training, so that curves of runs compare."""

    def __init__(self, folder: Path, run: Artefact) -> None:
        self._folder, self._began = folder, _seconds(run.manifest.created)
        self._elapsed = 0.0
        self._prompts: dict[str, int] = {}
        self._writer = self._open(0)

    def _open(self, purge_step: int) -> "SummaryWriter":
        """A file whose first mark says that earlier points of that step and later do not count."""
        from tensorboardX import SummaryWriter

        later = f".{time.time_ns()}{_SUFFIX}"  # files are read in the order of their names
        return SummaryWriter(
            str(self._folder), purge_step=purge_step, filename_suffix=later, flush_secs=5
        )

    def settings(self, settings: RunSettings) -> None:
        """What the run was asked to do, as text at step 0."""
        told = {"model": settings.model.to_json(), "train": settings.train.to_json()}
        self._text("settings", json.dumps(told, ensure_ascii=False, indent=1), 0)

    def write(self, row: Row) -> None:
        if row.again:
            self._writer.close()
            self._writer = self._open(row.step)
        if row.seconds is not None:
            self._elapsed = row.seconds
        for name, value in row.numbers.items():
            self._writer.add_scalar(tag_of(name), value, row.step, walltime=self._now)
        for prompt, text in row.texts.items():
            number = self._prompts.setdefault(prompt, len(self._prompts) + 1)
            tag = "_".join(filter(None, (f"samples/prompt_{number}", _named(prompt))))
            self._text(tag, prompt + text, row.step)
        for name, (old, new) in row.changes.items():
            self._text(f"changes/{name}", f"{old} → {new}", row.step)

    def close(self) -> None:
        self._writer.close()

    @property
    def _now(self) -> float:
        return self._began + self._elapsed

    def _text(self, tag: str, text: str, step: int) -> None:
        r"""TensorBoard reads Markdown: four blanks before each line show foreign text as typed."""
        plain = text.encode("utf-8", "replace").decode()
        block = "\n".join(f"    {line}" for line in plain.splitlines())
        self._writer.add_text(tag, block or "    (nothing)", step, walltime=self._now)


def _named(prompt: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "_", prompt).strip("_")[:40]


def _seconds(created: str) -> float:
    """When the run was made, in seconds since 1970; 0 where its manifest does not say."""
    try:
        return datetime.fromisoformat(created).timestamp()
    except ValueError:
        return 0.0
