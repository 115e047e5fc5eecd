"""Uploads on disk."""

import pytest

from slm.data.uploads import keep_upload, safe_name
from slm.errors import DataError
from slm.workspace import Workspace

TEXT = b"A fox ran home through the snow, and slept until noon."


def test_the_same_file_sent_twice_is_kept_once_and_unchanged(tmp_path):
    first = keep_upload(Workspace(tmp_path), "tale.txt", TEXT)
    again = keep_upload(Workspace(tmp_path), "tale.txt", TEXT)
    assert first == again and first.read_bytes() == TEXT
    assert len(list((tmp_path / "uploads").iterdir())) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n\t ", "holds only blanks"),
        (b"Too short.", "holds 10 characters"),
        (b"PNG\x00\x01" + TEXT, "NUL at byte 3"),
    ],
)
def test_a_file_that_is_no_text_is_refused_in_words_and_not_kept(tmp_path, data, said):
    with pytest.raises(DataError, match=said):
        keep_upload(Workspace(tmp_path), "odd.txt", data)
    assert not (tmp_path / "uploads").exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../etc/passwd.txt", "passwd.txt"),
        ("C:\\texts\\my book.TXT", "my book.txt"),
        ("<img src=x>.txt", "_img src_x_.txt"),
        ("Ünïcode 中文.md", "Ünïcode 中文.md"),
    ],
)
def test_a_file_name_leads_nowhere_else(given, kept):
    assert safe_name(given) == kept


def test_a_very_long_name_fits_a_file_system():
    assert len(safe_name("中" * 300 + ".txt").encode()) <= 255


def test_a_name_of_dots_alone_is_refused():
    with pytest.raises(DataError, match="another name"):
        safe_name("../..")
