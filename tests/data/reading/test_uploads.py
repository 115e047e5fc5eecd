"""Uploads on disk."""

import os
import shutil
import time
from types import SimpleNamespace

import pytest

from slm import jobs
from slm.data.reading.uploads import (
    FOLDER,
    find_upload,
    forget_upload,
    is_upload,
    keep_upload,
    remove_old_uploads,
    safe_name,
)
from slm.errors import DataError, WorkspaceError
from slm.tokenizer.importing import keep_upload as keep_tokenizer
from slm.workspace import Workspace
from tests.processes import end_all

TEXT = b"A fox ran home through the snow, and slept until noon."
DAY = 86_400


def aged(path, days):
    then = time.time() - days * DAY
    os.utime(path.parent, (then, then))


def test_the_same_file_sent_twice_is_kept_once_and_unchanged(tmp_path):
    first = keep_upload(Workspace(tmp_path), "tale.txt", TEXT)
    again = keep_upload(Workspace(tmp_path), "tale.txt", memoryview(TEXT))
    assert first == again and first.read_bytes() == TEXT
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def test_the_same_bytes_under_two_names_are_two_uploads(tmp_path):
    """A name's ending says how the bytes are read, and one may be refused without the other."""
    workspace = Workspace(tmp_path)
    table = keep_upload(workspace, "a.csv", TEXT)
    text = keep_upload(workspace, "b.txt", TEXT)
    assert (table.name, text.name) == ("a.csv", "b.txt")
    assert find_upload(workspace, table.parent.name) == table
    assert find_upload(workspace, text.parent.name) == text
    forget_upload(table)
    assert text.read_bytes() == TEXT and not table.exists()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("odd.txt", b"", r"odd\.txt is empty"),
        ("odd.exe", TEXT, r"ending '\.exe'.*Save the text as \.txt"),
        ("odd", TEXT, "of no kind"),
    ],
)
def test_what_is_never_read_is_refused_in_words_and_not_kept(tmp_path, name, data, said):
    with pytest.raises(DataError, match=said):
        keep_upload(Workspace(tmp_path), name, data)
    assert not (tmp_path / FOLDER).exists()


def test_bytes_are_kept_without_a_look_at_them(tmp_path):
    """Whether they are a PDF is found out by a process that can be ended."""
    assert keep_upload(Workspace(tmp_path), "scan.pdf", b"no PDF").read_bytes() == b"no PDF"


def test_an_upload_is_found_by_its_hash_and_by_nothing_else(tmp_path):
    workspace = Workspace(tmp_path)
    path = keep_upload(workspace, "tale.txt", TEXT)
    assert find_upload(workspace, path.parent.name) == path
    assert is_upload(path) and not is_upload(tmp_path / "tale.txt")
    for name in ("", "..", "../uploads/" + path.parent.name, "f" * 64, "F" * 64):
        assert find_upload(workspace, name) is None
    forget_upload(path)
    assert find_upload(workspace, path.parent.name) is None


def test_uploads_of_last_week_go_when_a_new_one_comes(tmp_path):
    workspace = Workspace(tmp_path)
    old = keep_upload(workspace, "old.txt", TEXT + b"old")
    young = keep_upload(workspace, "young.txt", TEXT + b"young")
    aged(old, days=8)
    aged(young, days=6)
    new = keep_upload(workspace, "new.txt", TEXT)
    assert not old.exists() and young.exists() and new.exists()


def test_sending_a_file_again_makes_it_young(tmp_path):
    workspace = Workspace(tmp_path)
    path = keep_upload(workspace, "old.txt", TEXT)
    aged(path, days=8)
    remove_old = keep_upload(workspace, "old.txt", TEXT)
    assert remove_old == path and path.exists()
    assert remove_old_uploads(workspace) == 0


def test_a_tokenizer_that_was_sent_is_kept_as_any_other_upload(tmp_path, monkeypatch):
    """Old ones that nothing needs go, one sent again is young, a full disk is told before."""
    workspace = Workspace(tmp_path)
    old, again = (keep_tokenizer(workspace, data) for data in (b'{"old": 1}', b'{"again": 1}'))
    aged(old, days=8)
    aged(again, days=8)
    assert keep_tokenizer(workspace, b'{"again": 1}') == again
    assert remove_old_uploads(workspace) == 0
    assert again.read_bytes() == b'{"again": 1}' and not old.exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_000_000))
    with pytest.raises(WorkspaceError, match="the disk has 1 MB free"):
        keep_tokenizer(workspace, b'{"new": 1}')


def test_an_upload_that_unfinished_work_names_is_kept(tmp_path):
    workspace = Workspace(tmp_path)
    path = keep_upload(workspace, "old.txt", TEXT)
    aged(path, days=30)
    job = jobs.start(workspace, ["no-such-verb", f"--source={path}"], name="Reads it")
    try:
        assert remove_old_uploads(workspace) == 0 and path.exists()
    finally:
        end_all(workspace)
    jobs.delete_job(workspace, job.id)
    aged(path, days=30)
    assert remove_old_uploads(workspace) == 1 and not path.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../etc/passwd.txt", "passwd.txt"),
        ("C:\\texts\\my book.TXT", "my book.txt"),
        ("<img src=x>.txt", "_img src_x_.txt"),
        ("Ünïcode 中文.md", "Ünïcode 中文.md"),
        ("CON.txt", "_CON.txt"),
        ("lpt1.csv", "_lpt1.csv"),
        ("cafe\u0301.txt", "café.txt"),
        ("a\u202etxt.exe\x00.txt", "a_txt.exe_.txt"),
        ("half \ud800.txt", "half _.txt"),
    ],
)
def test_a_file_name_leads_nowhere_else(given, kept):
    assert safe_name(given) == kept


def test_a_very_long_name_fits_a_file_system():
    assert len(safe_name("中" * 300 + ".txt").encode()) <= 255


def test_a_name_of_dots_alone_is_refused():
    with pytest.raises(DataError, match="another name"):
        safe_name("../..")
