"""How fast this machine trains, as it was measured: by runs that it trained, and by probes.

A rate counts places in windows, padding included, since they take as long as tokens do. No
torch here; `speed.py` measures, and every training notes its machine beside its metrics.

    runs/<id>/machine.json   where the run was trained last
    rates/<key>.json         what a probe of that model, recipe and machine found
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from statistics import median
from typing import Any, Literal

from slm import files
from slm.errors import ConfigError, WorkspaceError
from slm.machine import this_machine
from slm.model.config import ModelConfig, flops_per_token
from slm.training.config import TrainConfig
from slm.training.events import now
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Artefact, Workspace

SCHEMA = 1
MACHINE = "machine.json"
FOLDER = "rates"
_RUNS_ASKED = 40
_TAIL_BYTES = 64_000
_RECORDS = 50
_LEAST_RECORDS = 3
_WARM_STEPS = 3  # the first steps allocate
# Settings of a model that cost no time.
_SAME_SPEED = ("copy_start", "look_back_start", "rope_theta", "norm_eps")
_DECIDING = ("batch_size", "grad_accum_steps", "optimizer", "device", "dtype", "threads")


@dataclass(frozen=True)
class Rate:
    """Training speed on this machine.

    source     "run": a training did it; "probe": measured for a few seconds
    name       of the run; foreign text
    rows       windows that a probe took at a time
    measured   when, ISO 8601
    """

    tokens_per_second: float
    source: Literal["run", "probe"]
    model: ModelConfig
    train: TrainConfig
    name: str = ""
    rows: int | None = None
    measured: str = ""

    def fits(self, model: ModelConfig, train: TrainConfig) -> bool:
        """Whether it was measured on just this model, with this batch, in this way."""
        return key_of(self.model, self.train) == key_of(model, train)


def measured_rate(rates: Sequence[Rate], model: ModelConfig, train: TrainConfig) -> Rate | None:
    """The newest measurement of just this model and recipe; None where there is none."""
    fitting = [rate for rate in rates if rate.fits(model, train)]
    return max(fitting, key=lambda rate: rate.measured, default=None)


def estimated_rate(rates: Sequence[Rate], model: ModelConfig) -> float | None:
    """Tokens per second if FLOPs took as long as in the measurement nearest in size.

    An estimate, easily off by a factor of two: small models use a processor less well, large
    ones may not fit it at all. None where nothing was measured.
    """
    if not rates:
        return None
    wanted = flops_per_token(model)
    nearest = min(rates, key=lambda rate: abs(log(flops_per_token(rate.model) / wanted)))
    return nearest.tokens_per_second * flops_per_token(nearest.model) / wanted


def known_rates(workspace: Workspace) -> list[Rate]:
    """Everything that was measured on this machine: its newest runs, then its probes."""
    runs = [run for run in workspace.runs.list() if not run.read_only and not run.problem]
    found = [_rate_of_run(run) for run in runs[:_RUNS_ASKED]]
    folder = workspace.root / FOLDER
    found += [_read_probe(path) for path in sorted(folder.glob("*.json"))]
    return [rate for rate in found if rate is not None]


def note_machine(
    run_folder: Path,
    place: Mapping[str, Any],
    peak_flops: float,
    peak_source: Literal["datasheet", "measured"],
) -> None:
    """Write down where a run is being trained, and what FLOP/s are its peak there.

    place        device, processes, dtype (of the products), threads (a process)
    peak_flops   of all processes together, in that number format
    """
    told = {
        "schema": SCHEMA,
        "machine": this_machine(),
        **place,
        "peak_flops": peak_flops,
        "peak_source": peak_source,
        "measured": now(),
    }
    files.write_json(run_folder / MACHINE, told, durable=False)


def knows_peak(run_folder: Path, place: Mapping[str, Any]) -> bool:
    """Whether the run was trained on just this machine and place before, and its peak is known."""
    try:
        told = files.read_json(run_folder / MACHINE)
    except WorkspaceError:
        return False
    wanted = {"machine": this_machine(), **place}
    return "peak_flops" in told and all(told.get(name) == wanted[name] for name in wanted)


def keep_probe(
    workspace: Workspace,
    model: ModelConfig,
    train: TrainConfig,
    tokens_per_second: float,
    rows: int,
) -> Rate:
    """Keep what a probe measured just now.

    Raises: WorkspaceError when the disk is full.
    """
    rate = Rate(tokens_per_second, "probe", model, train, rows=rows, measured=now())
    place = workspace.root / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    told = {
        **asdict(rate),
        "schema": SCHEMA,
        "machine": this_machine(),
        "model": model.to_json(),
        "train": train.to_json(),
    }
    files.write_json(place / f"{key_of(model, train)}.json", told, checked=True)
    return rate


def key_of(model: ModelConfig, train: TrainConfig) -> str:
    """One word for what decides the speed: shape, batch, number format, this machine."""
    deciding = {
        "model": {k: v for k, v in model.to_json().items() if k not in _SAME_SPEED},
        "train": {name: getattr(train, name) for name in _DECIDING},
        "machine": this_machine(),
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def _rate_of_run(run: Artefact) -> Rate | None:
    """What a run did here lately; None when it was trained elsewhere, by several processes, on
    padded windows, or too shortly to tell."""
    try:
        told = files.read_json(run.folder / MACHINE)
        settings = RunSettings.read(run.folder)
    except (WorkspaceError, ConfigError):
        return None
    here = told.get("machine") == this_machine() and told.get("processes") == 1
    if not here or settings.train.windows == "one_document":
        return None
    rates = _latest_rates(run.folder / METRICS)
    if len(rates) < _LEAST_RECORDS:
        return None
    return Rate(
        median(rates),
        "run",
        settings.model,
        settings.train,
        name=run.name,
        measured=str(told.get("measured", "")),
    )


def _latest_rates(metrics: Path) -> list[float]:
    """Tokens per second of the last records, from the file's end."""
    if not metrics.exists():
        return []
    records = files.read_records(metrics, max(0, metrics.stat().st_size - _TAIL_BYTES)).records
    return [
        float(record["tokens_per_second"])
        for record in records[-_RECORDS:]
        if record.get("tokens_per_second") and record["step"] > _WARM_STEPS
    ]


def _read_probe(path: Path) -> Rate | None:
    """A kept measurement; None when it is another machine's, or damaged."""
    try:
        told: dict[str, Any] = files.read_json(path)
        if told["machine"] != this_machine() or told["schema"] > SCHEMA:
            return None
        return Rate(
            float(told["tokens_per_second"]),
            "probe",
            ModelConfig.from_json(told["model"]),
            TrainConfig.from_json(told["train"]),
            rows=int(told["rows"]),
            measured=str(told["measured"]),
        )
    except (WorkspaceError, ConfigError, KeyError, TypeError, ValueError):
        return None
