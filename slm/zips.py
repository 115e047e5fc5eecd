"""What a damaged zip makes of Python's reader, in one place: a reason that can be told.

Which exception comes depends on where the damage lies and on the version of Python: a torn
field may be a struct.error, a place before the file an OSError of the disk, a place beyond
2^63 an OverflowError, an unknown way of packing a NotImplementedError. Knows no names, no
sizes that are allowed, and writes nothing.
"""

import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from slm.errors import SlmError

DAMAGE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, OverflowError, ValueError, LookupError),
)
_OF_THE_ZIP = {None, errno.EINVAL}
"""An OSError without a number is bz2's; EINVAL is a place that no file has. Others: the disk's."""


@contextmanager
def damage_as(told: Callable[[str], SlmError]) -> Iterator[None]:
    """Raise `told(reason)` for whatever a damaged zip makes zipfile raise.

    Mistakes that are told already, and those of the disk, pass as they are. Put it around the
    reading alone: a LookupError or ValueError of one's own would be taken for damage.
    """
    try:
        yield
    except SlmError:
        raise
    except OSError as error:
        if error.errno not in _OF_THE_ZIP:
            raise
        raise told(reason(error)) from None
    except DAMAGE as error:
        raise told(reason(error)) from None


def require_inside(entries: list[zipfile.ZipInfo]) -> None:
    """Raises: BadZipFile for an entry whose place lies before the file."""
    if any(entry.header_offset < 0 for entry in entries):
        raise zipfile.BadZipFile("a file of it lies outside the zip")


def reason(error: BaseException) -> str:
    """The first line of what was raised, or its name.

    >>> reason(zipfile.BadZipFile("Bad magic number")), reason(EOFError())
    ('Bad magic number', 'EOFError')
    """
    return (str(error).splitlines() or [""])[0][:160] or type(error).__name__
