"""What training loses while people look at the app: five visitors, one of them at the run.

    python benchmarks/visitors.py [--steps 300] [--rounds 2] [--visitors 5] [--pause 4]
        [--threads 1]

Both sides are the same training job (demo corpus, `nano`, all cores). One runs with nobody
there; beside the other the app is open: one visitor stays at the training page, which polls
it, the others open another page every few seconds. Seconds are those that the run itself
counts for training. The visitors speak the app's websocket protocol, so that no browser's own
work is measured; the server shares the machine's cores with the training.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app_clients import Visitor

from slm import files, jobs
from slm.jobs import Job
from slm.training.runs import METRICS
from slm.workspace import Workspace
from tests.browser.app_server import app_server

DEMO = Path(__file__).resolve().parents[1] / "demo"
PAGES = ("", "data", "tokenizer", "model", "training", "attention", "sampling", "library")


def main() -> None:
    """Print the seconds of both sides, and how quick the pages were."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--visitors", type=int, default=5)
    parser.add_argument("--pause", type=float, default=4.0)
    parser.add_argument("--threads", type=int, help="of the training; all cores when left out")
    choice = parser.parse_args()
    alone: list[float] = []
    watched: list[float] = []
    answers: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace(Path(scratch) / "workspace", read_only=[DEMO])
        workspace.root.mkdir()
        text = [f"--corpus={workspace.corpora.list()[0].id}"]
        text += [f"--tokenizer={workspace.tokenizers.list()[0].id}"]
        text += [f"--threads={choice.threads}"] if choice.threads else []
        for number in range(choice.rounds):
            quiet = start(workspace, text, choice.steps, f"alone {number}")
            wait(quiet)
            alone.append(train_seconds(workspace, quiet))
            with app_server(workspace.root, Path(scratch) / "server.log") as server:
                asyncio.run(warm(server.url))
                busy = start(workspace, text, choice.steps, f"watched {number}")
                answers += asyncio.run(visit(server.url, busy, choice.visitors, choice.pause))
            watched.append(train_seconds(workspace, busy))
            print(f"round {number + 1}: alone {alone[-1]:.1f} s, watched {watched[-1]:.1f} s")
    answers.sort()
    print(
        f"{len(answers)} pages opened: median {statistics.median(answers):.2f} s, "
        f"95% within {answers[int(0.95 * len(answers))]:.2f} s"
    )
    print(f"quantity: seconds of training, watched by {choice.visitors} over alone (medians)")
    print(f"ratio: {statistics.median(watched) / statistics.median(alone):.3f}")


def start(workspace: Workspace, text: list[str], steps: int, name: str) -> Job:
    """Start the training as the page does."""
    argv = ["train", *text, f"--steps={steps}", f"--name={name}"]
    return jobs.start(workspace, argv, name=name)


def wait(job: Job) -> None:
    """Wait until it ended."""
    while job.status().alive:
        time.sleep(0.5)
    if job.status().state != "done":
        raise SystemExit(f"{job.name}: {job.status().error}")


def train_seconds(workspace: Workspace, job: Job) -> float:
    """Seconds that the run counts for training itself."""
    run = workspace.runs.get(job.status().result["run"])
    return float(files.read_records(run.folder / METRICS).records[-1]["train_seconds"])


async def warm(url: str) -> None:
    """Open every page once, so that what a server does at its start is not measured."""
    async with Visitor(url) as visitor:
        for page in PAGES:
            await visitor.open(page)


async def visit(url: str, job: Job, n_visitors: int, pause: float) -> list[float]:
    """Let people look until the job ends; seconds of every page that was opened."""
    visitors = [Visitor(url) for _ in range(n_visitors)]
    rng = random.Random(1)
    ended = asyncio.Event()

    async def stay(visitor: Visitor) -> None:
        async with visitor:
            await visitor.open("training")
            await ended.wait()

    async def wander(visitor: Visitor) -> None:
        async with visitor:
            while not ended.is_set():
                await visitor.open(rng.choice(PAGES))
                await asyncio.sleep(rng.uniform(0.5, 1.5) * pause)

    async def watch() -> None:
        while job.status().alive:
            await asyncio.sleep(0.5)
        ended.set()

    await asyncio.gather(watch(), stay(visitors[0]), *(wander(v) for v in visitors[1:]))
    wait(job)
    problems = [problem for visitor in visitors for problem in visitor.errors]
    if problems:
        raise SystemExit(f"{len(problems)} pages broke: {problems[0]}")
    return [seconds for visitor in visitors for seconds in visitor.seconds]


if __name__ == "__main__":
    main()
