"""The standard library's own source, one document a file. Knows no tokens."""

import logging
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from slm.errors import DataError

_LEFT_OUT = {
    "__pycache__",
    "idle_test",
    "idlelib",
    "lib2to3",
    "pydoc_data",  # the other corpus
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "turtledemo",
}
_logger = logging.getLogger(__name__)


def documents(library: Path | None = None) -> Iterator[tuple[str, str]]:
    """Each file's text and its path below the library, sorted by that path.

    Tests, IDLE and installed packages are left out; so are files that are empty or not UTF-8.

    Raises: DataError when the library (by default this Python's own) holds no source.
    """
    root = library or Path(sysconfig.get_path("stdlib"))
    found = 0
    for path in _sources(root):
        below = path.relative_to(root)
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError) as problem:
            _logger.info("left out %s: %s", below, problem)
            continue
        if text.strip():
            found += 1
            yield text, below.as_posix()
    if not found:
        raise DataError(
            f"{root} holds no Python source (a library in a zip file, perhaps). "
            "Use tales or a file, or install Python from python.org."
        )


def _sources(folder: Path) -> Iterator[Path]:
    """Files of source below a folder, by name; never enters what is left out."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.is_file():
            yield path
        elif path.name not in _LEFT_OUT:
            yield from _sources(path)
