"""The power fails: what was said to be saved is there, and the run goes on from it.

SIGKILL proves nothing about this: after a kill the system still writes what it was given.
"""

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from slm import files
from slm.model.checkpoint import newest_sound
from slm.training import resume
from slm.training.trainer import train
from tests.faults.equal_runs import assert_equal_runs, traces
from tests.faults.unsynced import UnsyncedDisk
from tests.training.small_runs import MakeRun

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
WAYS = 2  # by chance, beside the one in which nothing unsynced is left


class PowerCuts:
    """Trains a run; at each step of every commit, leaves what power cuts there would leave."""

    def __init__(self, run: Path, monkeypatch: pytest.MonkeyPatch, ways: int) -> None:
        self.left: list[tuple[Path, int]] = []
        self._run, self._saved, self._ways = run, 0, ways
        with monkeypatch.context() as patch:
            self._disk = UnsyncedDisk(run, patch)
            commit = resume.Store.commit

            def told(store: resume.Store, progress: resume.Progress) -> None:
                commit(store, progress)
                self._saved = progress.step
                self._cut("commit.told")

            patch.setattr(resume.Store, "commit", told)
            patch.setattr(files, "at_point", self._cut)
            train(run)
        self._disk.close()

    def _cut(self, point: str) -> None:
        if point.startswith(("commit.", "checkpoint.", "file.")):
            for way in range(1 + self._ways):
                target = self._run.with_name(f"{self._run.name}-cut-{len(self.left)}")
                rng = random.Random(f"{len(self.left)} {way}") if way else None
                self._disk.cut(target, rng)
                self.left.append((target, self._saved))


def lost(cuts: PowerCuts) -> list[str]:
    """What the power cuts cost of that which was said to be saved."""
    found = []
    for run, saved in cuts.left:
        logged = [trace[0] for trace in traces(run)] if saved else []
        if saved and newest_sound(run, snapshots_too=False).step < saved:
            found.append(f"{run.name}: step {saved}")
        elif saved and max(logged, default=0) < saved:
            found.append(f"{run.name}: the log up to {saved}")
    return found


def settings(make_run: MakeRun, **changes: object) -> Path:
    return make_run(**{"steps": 12, "checkpoint_every": 3, "evaluate_every": 3, **changes})


def test_a_power_cut_at_any_step_of_a_commit_loses_nothing_that_was_saved(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    run, straight = settings(make_run, steps=6), settings(make_run, steps=6)
    train(straight)
    cuts = PowerCuts(run, monkeypatch, WAYS)
    assert len(cuts.left) >= 60
    assert lost(cuts) == []
    for gone_on, _ in cuts.left[::10]:
        train(gone_on)
        assert_equal_runs(gone_on, straight)


@pytest.mark.slow
def test_after_any_of_a_thousand_power_cuts_the_run_goes_on_bit_for_bit(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    run, straight = settings(make_run), settings(make_run)
    train(straight)
    cuts = PowerCuts(run, monkeypatch, 24)
    assert len(cuts.left) >= 1_000
    assert lost(cuts) == []
    for gone_on, _ in cuts.left[::5]:
        train(gone_on)
        assert_equal_runs(gone_on, straight)
        shutil.rmtree(gone_on)


@pytest.mark.parametrize(
    "forget",
    [
        lambda patch: patch.setattr(files, "_sync_file", lambda path: None),
        lambda patch: patch.setattr(files, "_sync", lambda descriptor: None),
        lambda patch: patch.setattr(files, "_sync_folder", lambda folder: None),
        lambda patch: patch.setattr(files, "sync_file", lambda path: None),
    ],
    ids=["files not synced", "written files not synced", "folders not synced", "log not synced"],
)
def test_a_mutant_that_forgets_to_sync_is_caught(
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    forget: Callable[[pytest.MonkeyPatch], None],
):
    forget(monkeypatch)
    cuts = PowerCuts(settings(make_run), monkeypatch, ways=0)
    with pytest.raises((AssertionError, files.WorkspaceError, resume.CheckpointError)):
        assert lost(cuts) == []
