"""Why files are staged and renamed: a writer that writes in place is caught here."""

from pathlib import Path

import pytest

from slm import files
from slm.training.trainer import train
from tests.faults.equal_runs import assert_equal_runs
from tests.training.small_runs import MakeRun


class Interruption(BaseException):
    """Ends a run inside this process, at once, with nothing saved."""


def interrupted_at(point: str, count: int, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = count

    def stand_in(name: str) -> None:
        nonlocal left
        left -= name == point
        if left == 0:
            raise Interruption

    with monkeypatch.context() as patch:
        patch.setattr(files, "at_point", stand_in)
        with pytest.raises(Interruption):
            train(run)


def in_place(path: Path, data: bytes, *, durable: bool = True) -> None:
    """A mutant of `write_bytes`; its middle is the moment that the other's rename is."""
    with path.open("wb", buffering=0) as stream:
        stream.write(data[: len(data) // 2])
        files.reach("file.replace")
        stream.write(data[len(data) // 2 :])


def test_a_log_that_is_cut_in_place_is_lost_by_a_kill_and_one_that_is_replaced_is_not(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    settings = {"steps": 12, "checkpoint_every": 4, "log_every": 1}
    sound, mutant, straight = (make_run(**settings) for _ in range(3))
    train(straight)
    for run in (sound, mutant):
        interrupted_at("train.step", 8, run, monkeypatch)
    interrupted_at("file.replace", 1, sound, monkeypatch)
    train(sound)
    assert_equal_runs(sound, straight)
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_bytes", in_place)
        interrupted_at("file.replace", 1, mutant, monkeypatch)
    train(mutant)
    with pytest.raises(AssertionError):
        assert_equal_runs(mutant, straight)
