"""Eight people at one server for forty seconds, and its end in the middle: nobody loses a thing.

The same class as `python dev.py bench workshop`, which holds it for longer and with more people.
Times are told there and not tested here, since they are the machine's too.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_class_survives_its_server_and_sees_no_exception():
    command = [sys.executable, str(ROOT / "benchmarks" / "workshop.py")]
    command += ["--people", "8", "--minutes", "0.67", "--seed", "1"]
    held = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    told = held.stdout + held.stderr[-2000:]
    assert held.returncode == 0, told
    assert "| exceptions | 0 on pages, 0 in the log | 0 | kept |" in told
    assert "| lost or failed | 0 | 0 | kept |" in told
    assert "8 people came back | all | kept |" in told
