"""Files are whole or absent, whatever happens while they are written."""

import errno
import json
import os

import pytest

from slm import files
from slm.errors import DiskFullError, WorkspaceError


def test_a_record_reads_back_as_it_was_written(tmp_path):
    log = tmp_path / "metrics.jsonl"
    files.append_record(log, {"step": 1, "loss": 2.5})
    files.append_record(log, {"step": 2, "loss": None})
    assert files.read_records(log).records == [
        {"step": 1, "loss": 2.5},
        {"step": 2, "loss": None},
    ]


def test_the_crc_is_the_last_key_of_a_line(tmp_path):
    log = tmp_path / "metrics.jsonl"
    files.append_record(log, {"step": 1})
    assert list(json.loads(log.read_text())) == ["step", "crc"]


def test_a_torn_last_line_is_ignored_and_read_once_it_is_whole(tmp_path):
    log = tmp_path / "metrics.jsonl"
    files.append_record(log, {"step": 1})
    files.append_record(log, {"step": 2})
    whole = log.read_bytes()
    log.write_bytes(whole[:-5])
    first = files.read_records(log)
    assert [r["step"] for r in first.records] == [1]
    log.write_bytes(whole)
    assert [r["step"] for r in files.read_records(log, first.end).records] == [2]


def test_a_flipped_byte_is_counted_as_damage_and_harms_no_other_line(tmp_path):
    log = tmp_path / "metrics.jsonl"
    for step in (1, 2, 3):
        files.append_record(log, {"step": step})
    log.write_bytes(log.read_bytes().replace(b'"step": 2', b'"step": 7'))
    read = files.read_records(log)
    assert [r["step"] for r in read.records] == [1, 3]
    assert read.damaged == 1


def test_a_line_that_is_nested_too_deeply_is_damage_too(tmp_path):
    log = tmp_path / "metrics.jsonl"
    files.append_record(log, {"step": 1})
    log.write_bytes(log.read_bytes() + b"[" * 200_000 + b"\n")
    read = files.read_records(log)
    assert (read.records, read.damaged) == ([{"step": 1}], 1)


def test_cutting_a_log_keeps_what_was_committed_and_drops_the_torn_tail(tmp_path):
    log = tmp_path / "metrics.jsonl"
    for step in (1, 2, 3):
        files.append_record(log, {"step": step})
    log.write_bytes(log.read_bytes() + b'{"step": 4, "cr')
    files.cut_records(log, lambda record: record["step"] <= 2)
    files.append_record(log, {"step": 3, "again": True})
    assert [r["step"] for r in files.read_records(log).records] == [1, 2, 3]
    assert files.read_records(log).damaged == 0


def test_numbers_that_are_not_finite_cannot_enter_a_log(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        files.append_record(tmp_path / "metrics.jsonl", {"loss": float("nan")})


def test_a_commit_appears_whole_with_the_hash_of_every_file(tmp_path):
    final = tmp_path / "run"
    with files.commit_folder(final, {"id": "x"}) as staging:
        (staging / "a.txt").write_text("abc")
        assert not final.exists()
    manifest = files.read_json(final / "manifest.json")
    # SHA-256 of "abc", FIPS 180-4, example B.1
    assert manifest["files"]["a.txt"] == {
        "size": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


@pytest.mark.parametrize(
    "point", ["commit.staged", "commit.hash", "commit.manifest", "commit.rename"]
)
def test_a_failure_at_any_step_of_a_commit_leaves_nothing_behind(tmp_path, monkeypatch, point):
    def fail(name: str) -> None:
        if name == point:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "at_point", fail)
    with (
        pytest.raises(WorkspaceError, match="the disk is full"),
        files.commit_folder(tmp_path / "run") as staging,
    ):
        (staging / "a.txt").write_text("abc")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_disk_cannot_hold_is_told_with_the_way_out(tmp_path):
    with (
        pytest.raises(WorkspaceError, match="choose another workspace folder"),
        files.disk_errors(tmp_path / "part-0.parquet"),
    ):
        raise OSError(errno.EFBIG, "File too large")


def test_an_atomic_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    files.write_json(path, {"steps": 1})

    def fail(name: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files, "at_point", fail)
    with pytest.raises(WorkspaceError, match="disk reported an error"):
        files.write_json(path, {"steps": 2})
    assert files.read_json(path) == {"steps": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


def test_a_damaged_json_file_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"steps": ')
    with pytest.raises(WorkspaceError, match=r"config\.json .* is damaged"):
        files.read_json(tmp_path / "config.json")


def test_too_little_space_is_told_with_both_figures(tmp_path):
    with pytest.raises(WorkspaceError, match="needs 1,000,000,000,000 MB"):
        files.require_space(tmp_path, 10**18, "A checkpoint")


def test_a_line_behind_a_torn_one_is_not_lost_with_it(tmp_path):
    log = tmp_path / "events.jsonl"
    files.append_record(log, {"step": 1})
    log.write_bytes(log.read_bytes() + b'{"step": 2, "cr')  # its writer was killed here
    files.append_record(log, {"step": 3})
    read = files.read_records(log)
    assert ([r["step"] for r in read.records], read.damaged) == ([1, 3], 1)


def test_a_line_that_the_disk_takes_in_part_is_taken_back(tmp_path, monkeypatch):
    log = tmp_path / "metrics.jsonl"
    files.append_record(log, {"step": 1})
    before, write = log.read_bytes(), os.write

    def nearly_full(descriptor: int, data: bytes) -> int:
        if data.startswith(b"{"):
            return write(descriptor, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", nearly_full)
    with pytest.raises(DiskFullError, match=r"metrics\.jsonl was not saved"):
        files.append_record(log, {"step": 2})
    assert log.read_bytes() == before


def test_a_log_keeps_its_newest_lines_and_its_writer_goes_on(tmp_path):
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(1_000):
            writer.write(b"line %03d\n" % number)
        files.keep_newest(log, 900)
        writer.write(b"line 1000\n")
    assert log.read_bytes() == b"line 1000\n"
    older = files.older_part(log).read_bytes().splitlines()
    assert older[0] == b"line 901" and older[-1] == b"line 999"


def test_a_log_that_is_deleted_while_it_is_looked_at_has_no_records(tmp_path):
    assert files.read_records(tmp_path / "gone" / "metrics.jsonl") == ([], 0, 0)


def test_staging_and_trash_of_killed_writers_are_cleared(tmp_path):
    for left in (".tmp-7-abc", ".trash-abc", "7"):
        (tmp_path / left).mkdir()
    (tmp_path / ".tmp-1-config.json").touch()
    files.remove_staging(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["7"]
