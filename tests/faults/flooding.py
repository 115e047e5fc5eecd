"""A job that prints far too much: `python -m tests.faults.flooding WORKSPACE JOB MEGABYTES`."""

import sys
from pathlib import Path

from slm import jobs
from slm.worker import working
from slm.workspace import Workspace


def main() -> None:
    job = jobs.get_job(Workspace(Path(sys.argv[1])), sys.argv[2])
    assert job is not None
    line = "x" * 98
    with working(job):
        for number in range(int(sys.argv[3]) * 10_000):
            sys.stdout.write(f"{line}\n" if number % 1_000 else f"{number:98d}\n")
        sys.stdout.write("the last line\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
