"""A damaged zip is a reason in words, whatever zipfile makes of it."""

import errno
import io
import zipfile

import pytest

from slm import zips
from slm.errors import DataError, WorkspaceError

WAYS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def _packed(way: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", way) as packed:
        packed.writestr("first.txt", "some text " * 9)
        with packed.open("second.txt", "w", force_zip64=True) as entry:
            entry.write(b"more text " * 9)
    return stream.getvalue()


def _read(data: bytes) -> list[bytes]:
    with zips.damage_as(DataError), zipfile.ZipFile(io.BytesIO(data)) as packed:
        zips.require_inside(packed.infolist())
        return [packed.read(entry) for entry in packed.infolist()]


@pytest.mark.parametrize("way", WAYS)
def test_every_byte_of_a_zip_may_be_another_or_the_last_one(way: int):
    sound, refused = _packed(way), 0
    for place in range(len(sound)):
        for byte in (0x00, 0xFF, sound[place] ^ 0x80):
            try:
                _read(sound[:place] + bytes([byte]) + sound[place + 1 :])
            except DataError as error:
                assert str(error)
                refused += 1
        with pytest.raises(DataError):
            _read(sound[:place])
    assert refused > len(sound)


def test_a_place_before_the_file_and_a_torn_field_are_damage_and_a_full_disk_is_not():
    for error in (OSError(errno.EINVAL, "Invalid argument"), OSError("Invalid data stream")):
        with pytest.raises(DataError, match="Invalid"), zips.damage_as(DataError):
            raise error
    with pytest.raises(OSError, match="No space"), zips.damage_as(DataError):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(WorkspaceError, match="told"), zips.damage_as(DataError):
        raise WorkspaceError("told already")
