"""What a run tells of itself: a record a step in metrics.jsonl, and reports to who watches."""

import math
import time
from pathlib import Path
from typing import Any

from slm import files
from slm.jobs import Reporter
from slm.model.config import ModelConfig, flops_per_token
from slm.training import ranks
from slm.training.config import TrainConfig, forward_passes, rate_factor
from slm.training.resume import Progress
from slm.training.runs import METRICS

_REPORT_SECONDS = 0.2


class Journal:
    """The records of one stretch of a run; process 0 writes them."""

    def __init__(
        self, run_folder: Path, model: ModelConfig, progress: Progress, report: Reporter
    ) -> None:
        """`model` as the training uses it, see `as_trained`."""
        self._path, self._model, self._report = run_folder / METRICS, model, report
        self._last_report = -math.inf
        self._remember(progress)

    def append(
        self,
        progress: Progress,
        config: TrainConfig,
        record: dict[str, Any],
        val_nats: float | None,
    ) -> None:
        """The record of this step, with the rates since the record before."""
        seconds = progress.train_seconds - self._seconds
        new_tokens = progress.tokens - self._tokens
        new_places = (progress.windows - self._windows) * self._model.context_length
        self._remember(progress)
        factor = rate_factor(config, max(0, progress.step - 1))
        with_muon = config.optimizer == "muon"
        whole = {
            "step": progress.step,
            "tokens": progress.tokens,
            "elapsed_seconds": round(progress.elapsed_seconds, 4),
            "train_seconds": round(progress.train_seconds, 4),
            "train_nats": None,
            "val_nats": val_nats,
            "learning_rate": config.learning_rate * factor,
            "muon_learning_rate": config.muon_learning_rate * factor if with_muon else None,
            "batch_size": config.batch_size if progress.step else None,
            "gradient_norm": None,
            "tokens_per_second": None,
            "flops_per_second": None,
            **record,
        }
        if seconds > 0 and new_places:
            flops = forward_passes(config) * flops_per_token(self._model) * new_places
            whole["tokens_per_second"] = round(new_tokens / seconds, 1)
            whole["flops_per_second"] = round(flops / seconds)
        if progress.energy_joules is not None:
            whole["energy_joules"] = round(progress.energy_joules, 3)
        self._write(whole)

    def flag_divergence(self, step: int) -> None:
        """The record of a step whose numbers are not finite."""
        self._write({"step": step, "train_nats": None, "val_nats": None, "diverged": True})

    def tell(self, progress: Progress, last: int, train_nats: float | None) -> None:
        """Report, at most a few times a second."""
        now, step = time.monotonic(), progress.step
        if now - self._last_report < _REPORT_SECONDS and step < last:
            return
        self._last_report = now
        loss = "" if train_nats is None else f", loss {train_nats:.3f}"
        self._report(
            step / last,
            f"step {step:,} of {last:,}{loss}",
            step=step,
            steps=last,
            train_nats=train_nats,
            val_nats=progress.val_nats,
        )

    def _remember(self, progress: Progress) -> None:
        self._seconds, self._tokens = progress.train_seconds, progress.tokens
        self._windows = progress.windows

    def _write(self, record: dict[str, Any]) -> None:
        if ranks.rank() == 0:
            files.append_record(self._path, record)
