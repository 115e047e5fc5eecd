"""A class at one server: people who read, move sliders, let models write and train them, at once.

    python dev.py bench workshop            (30 people, 10 minutes, the server killed half-way)
    python benchmarks/workshop.py [--people 30] [--minutes 10] [--runs 2] [--no-kill] [--seed 0]

The server is the shared one, behind its door, on this computer; each person comes in with code
and name and does what people do: opens pages, types, moves a slider, lets the demo write, looks
at attention, starts a training, reloads, leaves while a page is at work, comes back. `--runs`
people have a training at work or in the line all the time; what others start waits behind them.
Half-way the server is ended at once (SIGKILL) and started again.

Printed: the seconds of a page (rerun), of a slider, to the first token of a text, each beside
its aim; what raised; memory of the server over time; what became of the trainings, and whether
all that was there before the kill is there after it. The exit status is 1 where something was
lost or raised; a time that is missed is told in the table. Sessions speak the app's websocket
protocol, so no browser's own work is measured; but they take a part of the same processor,
which is told too. The last line compares a page in the class with one for a person alone.
"""

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app_clients import Visitor
from participants import VIEWS, Participant, Seen
from shared_server import SharedServer

from slm import files, jobs, machine
from slm.errors import CheckpointError
from slm.model.checkpoint import newest_sound
from slm.training.runs import METRICS
from slm.workshop import people, room
from slm.workspace import KINDS, Workspace

AIMS = (("page", "a page", 2.0), ("slider", "a slider", 0.5), ("token", "first token", 2.0))
MEMORY_AIM_MB = 1500.0
_SECONDS_BETWEEN_LOOKS = 2.0
_ROUNDS_ALONE = 3
_RAISED = "Traceback (most recent call last)"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Course:
    """What was seen of the server while the class went on."""

    memory: list[tuple[float, float]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    back_after: float | None = None
    raised: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    server_seconds: float = 0.0
    seconds: float = 0.0


def main() -> None:
    """Hold a class, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=2, help="people who always train")
    parser.add_argument("--no-kill", action="store_true", help="let the server live")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        failed = hold_class(Path(scratch), asked)
    raise SystemExit(1 if failed else 0)


def hold_class(scratch: Path, asked: argparse.Namespace) -> bool:
    """The class in a folder of its own; gives whether something was lost or raised."""
    workspace = Workspace(scratch / "workspace")
    workspace.root.mkdir()
    server = SharedServer(workspace.root, scratch / "server.log")
    opened, _, _ = room.open_room(workspace, (server.url,), ("127.0.0.1",))
    seen, course = Seen(), Course()
    server.start()
    try:
        alone = asyncio.run(one_alone(server, opened.code))
        print(f"one person alone: a page {statistics.median(alone):.3f} s", flush=True)
        over = threading.Event()
        watched = (server, workspace, asked, course, over)
        watcher = threading.Thread(target=watch, args=watched)
        watcher.start()
        began, used = time.monotonic(), server.processor_seconds()
        own = time.process_time()
        asyncio.run(everybody(server, opened.code, asked, seen))
        over.set()
        watcher.join()
        own = time.process_time() - own
        course.seconds = time.monotonic() - began
        course.server_seconds = server.processor_seconds() - used
        states = [(job, job.status()) for job in jobs.list_jobs(workspace)]
        course.states = Counter(status.state for _, status in states)
        course.lost += [
            f"{job.name}: {status.state}, {status.error}"
            for job, status in states
            if status.state in {"failed", "interrupted"}
        ]
        course.lost += unsound(workspace)
    finally:
        for job in jobs.list_jobs(workspace):
            job.kill()
        server.stop()
        course.raised = tracebacks(server.log)
        for told in list(dict.fromkeys(course.raised))[:3]:
            print(told)
    report(seen, course, asked, own)
    print("quantity: seconds of a page in the class over one for a person alone (medians)")
    print(f"ratio: {statistics.median(seen.seconds_of('page')) / statistics.median(alone):.2f}")
    away = course.back_after is not None and len(seen.here_again) < asked.people
    return bool(seen.errors or course.lost or course.raised or away)


async def one_alone(server: SharedServer, code: str) -> list[float]:
    """Seconds of every page for somebody who has the server to themselves, after a first look."""
    first = Participant(server, code, 0, 0, Seen(), eager=False)
    first.come_in()
    async with Visitor(server.url, first.cookie) as visitor:
        for chapter, _ in VIEWS:
            await visitor.open(chapter)
        times = [[await visitor.open(page) for page, _ in VIEWS] for _ in range(_ROUNDS_ALONE)]
    return [seconds for one_round in times for seconds in one_round]


async def everybody(server: SharedServer, code: str, asked: argparse.Namespace, seen: Seen) -> None:
    """The whole class, each on their own, until the time is over."""
    until = time.monotonic() + 60 * asked.minutes
    class_ = [
        Participant(server, code, number, asked.seed, seen, eager=number <= asked.runs)
        for number in range(1, asked.people + 1)
    ]
    await asyncio.gather(*(person.stay(until) for person in class_))


def watch(
    server: SharedServer,
    workspace: Workspace,
    asked: argparse.Namespace,
    course: Course,
    over: threading.Event,
) -> None:
    """Note the server's memory; half-way end it, start it again, and compare what is there."""
    began = time.monotonic()
    kill_at = None if asked.no_kill else 30 * asked.minutes
    while not over.wait(_SECONDS_BETWEEN_LOOKS):
        minute = (time.monotonic() - began) / 60
        course.memory.append((minute, server.memory()))
        if kill_at is not None and 60 * minute > kill_at:
            kill_at = None
            course.lost += kill_and_start_again(server, workspace, course)


def kill_and_start_again(server: SharedServer, workspace: Workspace, course: Course) -> list[str]:
    """What was there before the server's end and is not after it, in words."""
    before, steps = what_is_there(workspace), steps_of_runs(workspace)
    alive = {job.id for job in jobs.list_jobs(workspace) if job.status().alive}
    server.kill()
    began = time.monotonic()
    time.sleep(1)
    server.start()
    course.back_after = time.monotonic() - began
    lost = [f"lost by the kill: {each}" for each in before - what_is_there(workspace)]
    for run, step in steps_of_runs(workspace).items():
        if step < steps.get(run, 0):
            lost.append(f"run {run} fell from step {steps[run]} to {step}")
    for job in jobs.list_jobs(workspace):
        if job.id in alive and job.status().state in {"failed", "interrupted"}:
            lost.append(f"{job.name} ended with the server")
    print(f"killed; it answered again after {course.back_after:.1f} s", flush=True)
    return lost


def what_is_there(workspace: Workspace) -> set[tuple[str, str, str]]:
    """Kind, id and a hash of the manifest of all that was made; jobs, runs and people by id."""
    made = set()
    for kind in KINDS:
        for artefact in workspace.extra_shelf(kind).list():
            manifest = artefact.folder / files.MANIFEST
            stays = kind not in {"jobs", "runs"} and manifest.exists()
            told = sha256(manifest.read_bytes()).hexdigest() if stays else ""
            made.add((kind, artefact.id, told))
    return made | {("people", person.id, person.name) for person in people.list_people(workspace)}


def steps_of_runs(workspace: Workspace) -> dict[str, int]:
    """The last step that each run has written down."""
    told = {}
    for run in workspace.runs.list():
        if (run.folder / METRICS).exists():
            records = files.read_records(run.folder / METRICS).records
            told[run.id] = max((record.get("step", 0) for record in records), default=0)
    return told


def unsound(workspace: Workspace) -> list[str]:
    """Artefacts that are damaged, and runs whose newest checkpoint is."""
    told = [
        f"{kind} {artefact.name}: {artefact.problem}"
        for kind in KINDS
        if kind != "jobs"
        for artefact in workspace.extra_shelf(kind).list()
        if artefact.problem
    ]
    for run in workspace.runs.list():
        if any((run.folder / "ckpt").glob("*")):
            try:
                newest_sound(run.folder)
            except CheckpointError as error:
                told.append(f"{run.name}: {error}")
    return told


def tracebacks(log: Path) -> list[str]:
    """What raised in the server, each from its first line to its last."""
    told = _COLOURS.sub("", log.read_text(errors="replace"))
    return [_RAISED + part[:20_000] for part in told.split(_RAISED)[1:]]


def report(seen: Seen, course: Course, asked: argparse.Namespace, own: float) -> None:
    """The tables for the log."""
    cores = machine.usable_cores()
    done = sum(answer.kind not in {"look", "door"} for answer in seen.answers)
    print(
        f"\n{asked.people} people for {asked.minutes:g} minutes, {asked.runs} of them always "
        f"training, {cores} cores; each did something every "
        f"{course.seconds * asked.people / max(1, done):.1f} s\n"
    )
    print("| | seen | aim | |\n|-|-|-|-|")
    for kind, name, aim in AIMS:
        seconds = seen.seconds_of(kind)
        told = f"{len(seconds)}: median {at(seconds, 0.5):.2f} s, p95 {at(seconds, 0.95):.2f} s"
        row(f"{name}", told, f"p95 < {aim:g} s", at(seconds, 0.95) < aim)
    raised = len(seen.errors) + len(course.raised)
    row(
        "exceptions",
        f"{len(seen.errors)} on pages, {len(course.raised)} in the log",
        "0",
        not raised,
    )
    most = max((megabytes for _, megabytes in course.memory), default=0.0)
    row("server's memory", f"most {most:.0f} MB", f"< {MEMORY_AIM_MB:.0f} MB", most < MEMORY_AIM_MB)
    row("lost or failed", f"{len(course.lost)}", "0", not course.lost)
    if course.back_after is not None:
        told = f"answered after {course.back_after:.1f} s; {len(seen.here_again)} people came back"
        row("after SIGKILL", told, "all", len(seen.here_again) == asked.people)
    parts = [course.memory[place * (len(course.memory) - 1) // 8] for place in range(9)]
    print("\n| minute | " + " | ".join(f"{minute:.1f}" for minute, _ in parts) + " |")
    print("|-" * 10 + "|\n| MB | " + " | ".join(f"{mb:.0f}" for _, mb in parts) + " |\n")
    print(
        f"processor: server {course.server_seconds / course.seconds:.2f} of {cores} cores, "
        f"these clients {own / course.seconds:.2f}, the rest for trainings and others"
    )
    looks = seen.seconds_of("look")
    print(f"what the presenter shows: asked {len(looks)} times, p95 {at(looks, 0.95):.3f} s")
    print(f"let in by the door: p95 {at(seen.seconds_of('door'), 0.95):.2f} s")
    print(f"sent to browsers: {seen.received_bytes / 1e6:.0f} MB")
    print(f"trainings asked for: {seen.started}; jobs now {dict(course.states)}")
    print(
        f"came back after a reload, a break or the kill: {seen.came_back}; "
        f"left while a page was at work: {seen.left_in_the_middle}"
    )
    late = seen.late.total()
    print(f"texts without a token in time: {seen.silent_texts}; answers over 60 s: {late}")
    slowest(seen)
    for sentence in [*dict.fromkeys(seen.errors), *course.lost][:10]:
        print(f"  {sentence[:300]}")
    for sentence, times in [*seen.late.most_common(4), *seen.problems.most_common(4)]:
        print(f"  {times} times: {sentence[:160]}")


def slowest(seen: Seen, most: int = 6) -> None:
    """The pages that took longest, for whoever wants to mend them."""
    by_page: dict[str, list[float]] = {}
    for answer in seen.answers:
        if answer.kind == "page":
            by_page.setdefault(answer.what, []).append(answer.seconds)
    ordered = sorted(by_page.items(), key=lambda pair: -at(sorted(pair[1]), 0.95))
    told = (f"{what} {at(sorted(s), 0.5):.2f}/{at(sorted(s), 0.95):.2f}" for what, s in ordered)
    print("slowest pages, median/p95 s: " + "; ".join(list(told)[:most]))


def at(ordered: list[float], part: float) -> float:
    """The value below which that part of them lies."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def row(name: str, told: str, aim: str, kept: bool) -> None:
    """One line of the table."""
    print(f"| {name} | {told} | {aim} | {'kept' if kept else '**missed**'} |")


if __name__ == "__main__":
    main()
