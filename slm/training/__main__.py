"""`python -m slm.training RUN_FOLDER`: train one run here, also as a process of `torchrun`.

The one file of this chapter that reads the environment and may import everything:
it joins the processes, hears signals, and brings the observers of the lab.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import torch
import torch.distributed as dist
import tyro

from slm.children import end_with_parent
from slm.errors import SlmError
from slm.lab.snapshots import observers_for
from slm.training import launch
from slm.training.launch import end_asked, forget_asked, train_in_processes
from slm.training.runs import RunSettings
from slm.training.trainer import train

_logger = logging.getLogger("slm.training")


class _RunReporter:
    """Says on standard error how far the run is; hears `control/` and signals."""

    def __init__(self, run_folder: Path) -> None:
        self._run_folder = run_folder
        forget_asked(run_folder)
        self._signalled = False
        self._tenth = -1
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        tenth = int((fraction or 0.0) * 10)
        if tenth != self._tenth:
            self._tenth = tenth
            _logger.info("%s", message)

    def plan(self, stages: Mapping[str, float]) -> None:
        del stages  # training is one stage

    def should_stop(self) -> bool:
        return self._signalled or end_asked(self._run_folder)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._signalled = True


def main(
    run_folder: Annotated[Path, tyro.conf.Positional],
    nproc: int = 1,
    tokens: Path | None = None,
) -> None:
    """Train a run to its last step, from its newest sound checkpoint if it has one.

    Args:
        run_folder: The run, as `slm.training.runs.create_run` made it.
        nproc: Processes on this machine that share each batch.
        tokens: Folder of its token files, where it is not the one beside the runs.
    """
    if nproc > 1:
        train_in_processes(run_folder, nproc, report=_RunReporter(run_folder), tokens=tokens)
        return
    with _joined(RunSettings.read(run_folder).train.device):
        first = int(os.environ.get("RANK", "0")) == 0
        observers = observers_for(run_folder, tokens) if first else ()
        outcome = train(
            run_folder, observers=observers, report=_RunReporter(run_folder), tokens=tokens
        )
        _logger.info("%s at step %s", outcome.state, outcome.step)


@contextmanager
def _joined(device: str) -> Iterator[None]:
    """Join the other processes, if `torchrun` started this one beside others.

    One that fails does not take leave: over NCCL that waits for all others, who wait for it.
    It ends, and `torchrun` ends them.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if device != "cpu" and torch.cuda.is_available():
        gpu = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(gpu)
        dist.init_process_group("cpu:gloo,cuda:nccl", device_id=gpu)
    else:
        dist.init_process_group("gloo")
    yield
    dist.destroy_process_group()


def _leave(code: int) -> None:
    """End at once, past Python's own clearing up.

    Threads of the exchange may still drop tensors then, and abort the process when they
    find Python half gone: everything was trained and saved, and the run counted as failed.
    Of a process that fails they may wait for the others for ever.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _fail(*problem: Any) -> None:
    """What Python calls with an error that nobody caught."""
    sys.__excepthook__(*problem)
    _leave(1)


if __name__ == "__main__":
    if launch.END_WITH_PARENT in os.environ:
        end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    together = "RANK" in os.environ
    if together:
        sys.excepthook = _fail
    try:
        tyro.cli(main)
    except SlmError as error:
        _logger.error("slm.errors.%s", error)
        if together:
            _leave(1)
        sys.exit(1)
    if together:
        _leave(0)
