"""Several processes for one run: starts `torchrun` on this machine and watches it.

Talks to the processes through the run folder alone: reads the metrics that they
write, and asks them to end with the files `control/stop` and `control/pause`. No torch
is needed here.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import ConfigError, JobError
from slm.jobs import Reporter, silent
from slm.training.events import latest_config
from slm.training.runs import METRICS

END_WITH_PARENT = "SLM_END_WITH_PARENT"
"""Set for processes that shall not outlive the one that started them."""
_POLL_SECONDS = 0.25
_LOG_BYTES = 1_000_000
_SIGNAL = re.compile(r"Signal \d+ \((SIG[A-Z0-9]+)\) received by PID")  # torchrun's report
_PYTHON_ERROR = re.compile(r"(?:\[rank\d+\]: *)?(\w[\w.]*(?:Error|Exception): .+)")


def stop_file(run_folder: Path) -> Path:
    """The file whose existence asks the run's processes to save and end."""
    return run_folder / "control" / "stop"


def pause_file(run_folder: Path) -> Path:
    """The same, of a run that is to be told as paused: it waits for somebody to go on with it."""
    return run_folder / "control" / "pause"


def end_asked(run_folder: Path) -> bool:
    """Whether a file in the run's folder asks its processes to save and end."""
    return stop_file(run_folder).exists() or pause_file(run_folder).exists()


def forget_asked(run_folder: Path) -> None:
    """Take away what an earlier stretch was asked for. Call it as the run's trainer."""
    for asked in (stop_file(run_folder), pause_file(run_folder)):
        asked.unlink(missing_ok=True)


def torchrun_command(
    run_folder: Path, nproc: int, nodes: int = 1, tokens: Path | None = None
) -> list[str]:
    """The command that trains a run with `nproc` processes on each of `nodes` machines.

    On several machines the same command runs on each, with the first one's address in
    place of HOST, and 0 on the first, 1 on the second, … in place of NUMBER; all of them
    see the run folder under the same path. (Meeting points that torchrun finds by itself
    need machines whose names lead to their addresses, which few networks at home have.)
    """
    meeting = ["--standalone"]
    if nodes > 1:
        meeting = [
            f"--nnodes={nodes}",
            "--node-rank=NUMBER",
            "--master-addr=HOST",
            "--master-port=29400",
        ]
    command = [sys.executable, "-m", "torch.distributed.run", *meeting, f"--nproc-per-node={nproc}"]
    command += ["-m", "slm.training", str(run_folder)]
    return command + (["--tokens", str(tokens)] if tokens else [])


def train_in_processes(
    run_folder: Path, nproc: int, *, report: Reporter = silent, tokens: Path | None = None
) -> None:
    """Train the run with `nproc` processes that share each batch, and wait for them.

    Raises: ConfigError when a batch has fewer rows than there are processes;
    JobError with the processes' last words when they fail.
    """
    config = latest_config(run_folder)
    if nproc < 1 or config.batch_size < nproc * config.grad_accum_steps:
        raise ConfigError(
            f"nproc is {nproc}; choose 1 to {config.batch_size // config.grad_accum_steps}, so "
            "that every process has rows of each batch to work on."
        )
    forget_asked(run_folder)
    log = run_folder / "processes.log"
    log.unlink(missing_ok=True)
    with log.open("ab") as output:
        command = torchrun_command(run_folder.absolute(), nproc, tokens=tokens)
        processes = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # closes when this process ends, however it ends
            stdout=output,
            stderr=output,
            cwd=Path(__file__).parents[2],
            env={**os.environ, END_WITH_PARENT: "1"},
        )
        try:
            _watch(processes, run_folder, report)
        finally:
            if processes.poll() is None:
                processes.terminate()
                processes.wait()
    if processes.returncode:
        raise JobError(f"The {nproc} processes ended with an error. {_last_words(log)}")


def _watch(processes: "subprocess.Popen[bytes]", run_folder: Path, report: Reporter) -> None:
    end = 0
    metrics = run_folder / METRICS
    while processes.poll() is None:
        if report.should_stop() and not stop_file(run_folder).exists():
            stop_file(run_folder).parent.mkdir(exist_ok=True)
            stop_file(run_folder).touch()
        if metrics.exists() and metrics.stat().st_size < end:
            end = 0  # the run goes on from an earlier checkpoint: its log was cut
        files.keep_newest(run_folder / "processes.log", _LOG_BYTES)
        fresh = files.read_records(metrics, end)
        end = fresh.end
        _pass_on(fresh.records, run_folder, report)
        time.sleep(_POLL_SECONDS)
    _pass_on(files.read_records(metrics, end).records, run_folder, report)


def _pass_on(records: Sequence[dict[str, Any]], run_folder: Path, report: Reporter) -> None:
    facts: dict[str, Any] = {
        name: value for r in records for name, value in r.items() if value is not None
    }
    step, loss = facts.get("step"), facts.get("train_nats")
    if isinstance(step, int):
        steps = latest_config(run_folder).steps
        words = f", loss {loss:.3f}" if isinstance(loss, float) else ""
        known = {name: facts[name] for name in ("train_nats", "val_nats") if name in facts}
        report(step / steps, f"step {step:,} of {steps:,}{words}", step=step, steps=steps, **known)


def _last_words(log: Path) -> str:
    """The error that a trainer printed: ours, else the first of Python's, else the signal that
    ended one, else the log's end."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    ours = [line.split("slm.errors.")[-1] for line in lines if "slm.errors." in line]
    pythons = [found[1] for line in lines if (found := _PYTHON_ERROR.fullmatch(line))]
    ended = [_ended_by(found[1]) for line in lines if (found := _SIGNAL.search(line))]
    words = [line for line in lines if any(letter.isalnum() for letter in line)]
    return next(iter([*ours[-1:], *pythons, *ended, *words[-1:]]), "It left no word.")


def _ended_by(signal_name: str) -> str:
    told = f"One of them was ended from outside ({signal_name})."
    if signal_name == "SIGKILL":
        told += " A system whose memory runs out does that; other programs may need it too."
    return told
