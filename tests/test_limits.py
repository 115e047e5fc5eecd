"""What one person may take, and the sentences that say no."""

import pytest

from slm import limits
from slm.errors import LimitError, WorkspaceError
from slm.limits import Limits, Share
from slm.owners import LOCAL_OWNER

SHARE = Share(running=1, waiting=2, parameters=1_000_000, steps=100, disk_mb=50)


def test_nobody_is_limited_where_no_limits_were_written(tmp_path):
    found = limits.read(tmp_path)
    assert found.slots == 1 and found.of("p-1") == limits.UNLIMITED
    limits.require_training(found.of("p-1"), 10**12, 10**9)


def test_limits_come_back_as_they_were_written(tmp_path):
    told = Limits(slots=3, everybody=SHARE, people={"p-1": Share(steps=7)}, first=("p-2",))
    limits.write(tmp_path, told)
    assert limits.read(tmp_path) == told
    assert limits.read(tmp_path).of("p-1").steps == 7
    assert limits.read(tmp_path).of(LOCAL_OWNER) == limits.UNLIMITED


@pytest.mark.parametrize("text", ["", "{", '{"slots": 0}', '{"slots": "many"}', "[]"])
def test_damaged_limits_are_told_and_never_taken_for_none(tmp_path, text):
    (tmp_path / limits.FILE).write_text(text)
    with pytest.raises(WorkspaceError, match="limits"):
        limits.read(tmp_path)


def test_a_fourth_job_a_large_model_and_a_long_run_are_refused_with_the_limit():
    limits.require_place(SHARE, 1, 1)
    with pytest.raises(LimitError, match="1 running and 2 waiting here"):
        limits.require_place(SHARE, 1, 2)
    limits.require_training(SHARE, 1_000_000, 100)
    with pytest.raises(LimitError, match=r"1,000,001 parameters.*at most 1,000,000"):
        limits.require_training(SHARE, 1_000_001, 100)
    with pytest.raises(LimitError, match=r"101 steps.*at most 100"):
        limits.require_training(SHARE, 1, 101)


def test_a_full_part_of_the_disk_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "weights").write_bytes(bytes(3_000))
    assert limits.folder_bytes([tmp_path / "a", tmp_path / "gone"]) == 3_000
    limits.require_disk(SHARE, 49_999_999)
    with pytest.raises(LimitError, match="takes 50 MB; in this room each may use 50 MB"):
        limits.require_disk(SHARE, 50_000_000)


def test_the_presenter_holds_back_everybody_but_themselves(tmp_path):
    assert not limits.holds_back(tmp_path, "p-1")
    limits.write(tmp_path, Limits(paused=True))
    assert limits.holds_back(tmp_path, "p-1") and not limits.holds_back(tmp_path, LOCAL_OWNER)
