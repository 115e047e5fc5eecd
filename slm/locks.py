"""One owner at a time: a lock that the operating system frees when its holder dies.

`fcntl.lockf` on POSIX and `msvcrt.locking` on Windows; local disks only. POSIX
drops such a lock when *any* descriptor of the file is closed by the holder, so
this file alone ever opens lock files, and remembers which ones it holds.
"""

import os
import sys
import threading
import time
from pathlib import Path

from slm import files

_held: dict[Path, int] = {}
_guard = threading.Lock()

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN)


class FileLock:
    """A lock at `path`, held by this process until released or until it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def acquire(self, *, patience_seconds: float = 0.0) -> bool:
        """Whether the lock is now ours; waits at most `patience_seconds` for it.

        Raises: WorkspaceError when its file cannot be opened or made.
        """
        deadline = time.monotonic() + patience_seconds
        while not self._take():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not ours."""
        with _guard:
            descriptor = _held.pop(self.path, None)
            if descriptor is not None:
                _unlock(descriptor)
                os.close(descriptor)

    def _take(self) -> bool:
        with _guard:
            if self.path in _held:
                return False
            with files.disk_errors(self.path):
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _try_lock(descriptor)
            except OSError:
                os.close(descriptor)
                return False
            _held[self.path] = descriptor
            return True


def is_held(path: Path) -> bool:
    """Whether some living process, this one included, holds the lock at `path`."""
    if path.absolute() in _held:
        return True
    if not path.exists():
        return False
    lock = FileLock(path)
    if lock.acquire():
        lock.release()
        return False
    return True
