"""A disk that forgets at a power cut all that was not synced, or some of it, in any order.

Watches one folder. At every sync it remembers what is then safe: a file's bytes when the
file is synced, a folder's entries when the folder is. A power cut may keep more than that,
piece by piece: newer entries without the bytes, half the bytes, a rename of two.

Knows files and folders by their inodes, as the disk does; nothing of what they mean.
Needs POSIX.
"""

import os
import random
from pathlib import Path

import pytest

Entries = dict[str, int]


class UnsyncedDisk:
    """What of one folder would be there after a power cut now."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._bytes: dict[int, bytes] = {}
        self._entries: dict[int, Entries] = {}
        self._held: list[int] = []
        self._fsync = os.fsync
        self._remember_all()
        patch.setattr(os, "fsync", self._sync)

    def _remember_all(self) -> None:
        """What stood there before is safe."""
        for place in [self.folder, *self.folder.rglob("*")]:
            self._remember(place)

    def _remember(self, place: Path) -> None:
        inode = place.stat().st_ino
        if place.is_dir():
            self._entries[inode] = {child.name: child.stat().st_ino for child in place.iterdir()}
        elif inode not in self._bytes:
            # held open for ever, so that no new file gets the number of a deleted one
            self._held.append(os.open(place, os.O_RDONLY))
            self._bytes[inode] = place.read_bytes()

    def _sync(self, descriptor: int) -> None:
        self._fsync(descriptor)
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        if self.folder in (place, *place.parents):
            self._bytes.pop(place.stat().st_ino, None)
            self._remember(place)

    def cut(self, target: Path, rng: random.Random | None = None) -> None:
        """Put what a power cut leaves at `target`: what is safe, and by chance more."""
        self._leave(self.folder, self.folder.stat().st_ino, target, rng)

    def _leave(self, now: Path | None, inode: int, target: Path, rng: random.Random | None) -> None:
        current = {} if now is None or not now.is_dir() else _inodes(now)
        safe = self._entries.get(inode, {})
        target.mkdir(parents=True)
        for name in sorted({*safe, *current}):
            kept = safe.get(name)
            if rng is not None and rng.random() < 0.5:
                kept = current.get(name)  # this entry happened to be written already
            if kept is None:
                continue
            place = now / name if now is not None and current.get(name) == kept else None
            if kept in self._entries or (place is not None and place.is_dir()):
                self._leave(place, kept, target / name, rng)
            else:
                (target / name).write_bytes(self._file(place, kept, rng))

    def _file(self, place: Path | None, inode: int, rng: random.Random | None) -> bytes:
        safe = self._bytes.get(inode, b"")
        if rng is None or place is None:
            return safe
        content = place.read_bytes()
        torn = content[: rng.randint(0, len(content))]
        blocks = torn + bytes(len(content) - len(torn))  # its length was written, its end not
        return rng.choice([safe, content, torn, blocks]) if content != safe else safe

    def close(self) -> None:
        """Let the files go."""
        for descriptor in self._held:
            os.close(descriptor)


def _inodes(folder: Path) -> Entries:
    return {child.name: child.stat().st_ino for child in folder.iterdir()}
