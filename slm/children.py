"""Processes of our own that this one starts: what they inherit, and that they end with it.

Knows environments and pipes, not what the processes do.
"""

import os
import threading
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

_INHERITED = (  # what a Python needs to start and to find its files; no token, no key
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP"),
    *("PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
)


def environment(given: Mapping[str, str], also: Iterable[str] = ()) -> dict[str, str]:
    """The variables for a child that runs code of this project: those that any needs, and `given`.

    `also` names what else of ours it inherits, in capitals, as `HTTP_PROXY` or `HF_*`; a
    variable in small letters is the same one.
    """
    wanted = (*_INHERITED, *also)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if any(fnmatchcase(name.upper(), pattern) for pattern in wanted)
    }
    return {**inherited, "PYTHONPATH": str(Path(__file__).parents[1]), **given}


def end_with_parent() -> None:
    """Let this process end once its parent is gone, whatever it is doing then.

    The parent holds the other end of standard input for life, and writes nothing to it.
    """
    threading.Thread(target=_wait_for_the_end, name="parent", daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(0, 4_096):
        continue
    os._exit(1)
