"""Archives: which members are read, and why the others are not."""

import zipfile

import pytest

from slm.data.reading.archives import member_content, open_archive, require_size
from slm.data.reading.content import Content
from slm.errors import DataError
from tests.data.reading import hostile_files as made
from tests.data.reading.hostile_files import STORY, zipped


def members_of(data: bytes) -> dict[str, str | None]:
    archive, members = open_archive(Content.of_bytes(data, "a.zip"))
    archive.close()
    return {member.name: member.left_out for member in members}


def test_each_member_that_is_not_read_has_its_reason():
    names = ["a.txt", "b/c.csv", "d.png", "e", "f.zip", "../g.txt", "/h.txt", "C:/i.txt", "j.txt"]
    found = members_of(zipped({name: STORY if name != "j.txt" else "" for name in names}))
    assert found == {
        "a.txt": None,
        "b/c.csv": None,
        "d.png": "the ending '.png' is not read",
        "e": "no ending",
        "f.zip": "an archive in an archive",
        "../g.txt": "its name leads out of the archive",
        "/h.txt": "its name leads out of the archive",
        "C:/i.txt": "its name leads out of the archive",
        "j.txt": "empty",
    }


def test_links_are_not_followed_and_locks_not_opened():
    assert members_of(made.symlink("/etc/passwd"))["link.txt"] == "a link to another file"
    assert members_of(made.with_flag(zipped({"a.txt": STORY}), 1)) == {
        "a.txt": "locked with a password"
    }


def test_what_systems_hide_is_not_even_listed():
    found = members_of(zipped({"__MACOSX/._a.txt": "x", ".git/b.txt": "x", "c/.DS_Store": "x"}))
    assert found == {}


def test_sizes_are_added_up_before_anything_is_unpacked():
    _, members = open_archive(Content.of_bytes(zipped({"a.txt": "x" * 90}), "a.zip"))
    assert require_size("a.zip", members, 90) == require_size("a.zip", members, None) == 90
    with pytest.raises(DataError, match="unpacks to 0 MB; an upload may hold"):
        require_size("a.zip", members, 89)


def test_no_more_is_read_of_a_member_than_its_list_says():
    """The list says 10 bytes; the member holds 5,000."""
    data = made.with_size(zipped({"a.txt": "x" * 5_000}, zipfile.ZIP_STORED), 10)
    archive, members = open_archive(Content.of_bytes(data, "a.zip"))
    with (
        member_content(archive, members[0], "a.zip").open() as stream,
        pytest.raises(zipfile.BadZipFile),
    ):
        stream.read(10)
