"""Which servers run on this machine for a workspace: a small file for each, while it lives.

servers/<process id>.json    process, birth, host, port, url, model, name, step, key
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from slm import files, processes
from slm.errors import WorkspaceError
from slm.workspace import Workspace

FOLDER = "servers"


@dataclass(frozen=True)
class Running:
    """A server that runs. `asks_key`: whether clients must send a key."""

    pid: int
    born: float
    url: str
    model: str
    name: str
    step: int
    asks_key: bool


def running(workspace: Workspace) -> list[Running]:
    """The servers that live now, as they told of themselves, the newest last."""
    found = [_read(path) for path in sorted((workspace.root / FOLDER).glob("*.json"))]
    alive = [each for each in found if each and processes.is_alive(each.pid, each.born)]
    return sorted(alive, key=lambda each: each.born)


@contextmanager
def told(
    workspace: Workspace, url: str, model: str, name: str, step: int, *, asks_key: bool
) -> Iterator[Running]:
    """Inside, `running` tells of this process; files of those that died are removed."""
    folder = workspace.root / FOLDER
    files.make_folder(folder)
    for path in folder.glob("*.json"):
        other = _read(path)
        if other is None or not processes.is_alive(other.pid, other.born):
            path.unlink(missing_ok=True)
    born = processes.birth(os.getpid())
    me = Running(os.getpid(), born or 0.0, url, model, name, step, asks_key)
    path = folder / f"{me.pid}.json"
    files.write_json(path, {"schema": 1, **asdict(me)}, durable=False)
    try:
        yield me
    finally:
        path.unlink(missing_ok=True)


def _read(path: Path) -> Running | None:
    """None for a file that is gone, or is none of ours."""
    try:
        values = files.read_json(path)
        return Running(
            pid=int(values["pid"]),
            born=float(values["born"]),
            url=str(values["url"]),
            model=str(values["model"]),
            name=str(values["name"]),
            step=int(values["step"]),
            asks_key=bool(values["asks_key"]),
        )
    except (WorkspaceError, KeyError, TypeError, ValueError):
        return None
