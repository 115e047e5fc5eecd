"""Jobs give way to pages: by their niceness, and where Linux shares by sessions, by theirs."""

import subprocess
import sys
from pathlib import Path

import pytest

GIVE_WAY = (
    "import os; from pathlib import Path; from slm import processes; processes.give_way();"
    "print(os.nice(0), *Path('/proc/self/autogroup').read_text().split()[-1:])"
)
BY_SESSIONS = Path("/proc/self/autogroup")
STARTS_IT = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
ROOT = Path(__file__).parents[1]
by_sessions = pytest.mark.skipif(
    not BY_SESSIONS.exists(), reason="this kernel does not share the processor by sessions"
)


def told(*starter: str) -> list[int]:
    """Niceness of a process that gives way, and that of its session, which is a new one."""
    command = [*starter, sys.executable, "-c", GIVE_WAY]
    answer = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=True
    )
    return [int(word) for word in answer.stdout.split()]


@by_sessions
def test_a_job_lets_its_whole_session_give_way():
    own, session = told()
    assert own >= 10  # it stays where it was when that was lower still
    assert session == 10


@by_sessions
def test_what_shares_a_session_leaves_the_others_there_alone():
    own, session = told(sys.executable, "-c", STARTS_IT)
    assert own >= 10
    assert session == 0
