"""Files that are damaged, odd or out to harm: some for every reader of the app, made by code.

A file is made from its reader's sound one (`sound_files`), so that what is wrong with it is all
that is wrong. Always the same bytes. Those that a visitor uploads as text come from
`data/reading/test_hostile.py`, where each has its sentence; here they meet the verbs too.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tests.data.reading.test_hostile import KEPT, REFUSED, bytes_of

Reader = Literal["text", "tokenizer", "model", "archive", "settings", "tree", "lanes"]
Change = Callable[[Path], object]
"""Harms the sound file or folder that it is given a copy of."""


@dataclass(frozen=True)
class Hostile:
    """One file. `make(sound, folder)` puts it into an empty folder and gives its path; `sound`
    is the sound file of its reader."""

    reader: Reader
    what: str
    make: Callable[[Path, Path], Path]
    may_be_read: bool = False
    """Whether some of it is worth keeping, so that no sentence has to come."""

    @property
    def name(self) -> str:
        """How tests call it."""
        return f"{self.reader}: {self.what}"


def _written(name: str, data: bytes | str, sound: Path, folder: Path) -> Path:
    del sound
    path = folder / name
    path.write_bytes(bytes_of(data))
    return path


def written(
    reader: Reader, name: str, files: Mapping[str, bytes | str], may_be_read: bool = False
) -> Iterator[Hostile]:
    """Files of that name with these bytes."""
    for what, data in files.items():
        yield Hostile(reader, what, partial(_written, name, data), may_be_read)


def _odd_place(kind: str, name: str, sound: Path, folder: Path) -> Path:
    """What stands where a file is looked for, and is none."""
    del sound
    path = folder / name
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"a loop": path, "a link to nothing": folder / "none"}[kind])
    return path


def odd_places(reader: Reader, name: str) -> Iterator[Hostile]:
    """A folder, a link to itself, a link to nothing, a pipe that nobody writes to."""
    for kind in ("a folder", "a loop", "a link to nothing", "a pipe"):
        yield Hostile(reader, kind, partial(_odd_place, kind, name), may_be_read=False)


def texts() -> Iterator[Hostile]:
    """What a visitor may upload as text."""
    for what, (name, data, _) in REFUSED.items():
        yield Hostile("text", what, partial(_written, name, data))
    for what, (name, data, *_) in KEPT.items():
        yield Hostile("text", what, partial(_written, name, data), may_be_read=True)
    yield from odd_places("text", "a.txt")


_DEEP = '{"a": ' * 100_000
_HUGE = "9" * 5_000
NO_JSON: dict[str, bytes | str] = {
    "nothing": b"",
    "half a sign": b"\xe2\x82",
    "NUL": b"\0" * 64,
    "UTF-16": "{}".encode("utf-16"),
    "torn": '{"a": [1, 2',
    "nested without end": _DEEP,
    "lists without end": "[" * 100_000,
    "a number without end": f'{{"a": {_HUGE}}}',
    "a list": "[1, 2]",
    "null": "null",
    "a text": '"text"',
}
"""For every reader of JSON."""


def settings() -> Iterator[Hostile]:
    """`generation_config.json` of other models, as the settings of writing."""
    name = "generation_config.json"
    yield from written("settings", name, NO_JSON)
    wrong: dict[str, dict[str, Any]] = {
        "a text for a temperature": {"do_sample": True, "temperature": "hot"},
        "NaN for a temperature": {"do_sample": True, "temperature": float("nan")},
        "infinity for top_p": {"do_sample": True, "top_p": float("inf")},
        "top_k below zero": {"do_sample": True, "top_k": -(10**30)},
        "a list for top_k": {"do_sample": True, "top_k": [1]},
        "do_sample as a text": {"do_sample": "yes"},
        "a million beams": {"num_beams": 10**6},
        "beams as an object": {"num_beams": {"a": 1}},
        "an early stop that is none": {"num_beams": 4, "early_stopping": "soon"},
        "an order of nonsense": {"do_sample": True, "order": ["x", {"y": 1}]},
        "stop strings of numbers": {"stop_strings": [1, 2, None]},
        "no end of tokens": {"max_new_tokens": 10**18},
        "a seed of text": {"do_sample": True, "seed": "abc"},
        "a penalty below zero": {"repetition_penalty": -3.0},
        "contrast beyond bounds": {"penalty_alpha": 40.0, "top_k": 6},
    }
    yield from written("settings", name, {what: json.dumps(v) for what, v in wrong.items()})
    yield from odd_places("settings", name)


def _tree(sound: Path, change: Callable[[dict[str, Any]], object]) -> str:
    values = json.loads(sound.read_text("utf-8"))
    change(values)
    return json.dumps(values)


def _changed_tree(change: Callable[[dict[str, Any]], object], sound: Path, folder: Path) -> Path:
    return _written("tree.json", _tree(sound, change), sound, folder)


def trees() -> Iterator[Hostile]:
    """Trees of branches that somebody saved."""
    yield from written("tree", "tree.json", NO_JSON)
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "of another kind": lambda tree: tree.update(kind="model"),
        "of a later version": lambda tree: tree.update(schema=99),
        "a prompt of numbers": lambda tree: tree.update(prompt=[1]),
        "a prompt of a million signs": lambda tree: tree.update(prompt="x" * 1_000_000),
        "tokens below zero": lambda tree: tree.update(prompt_ids=[-1]),
        "no tokens": lambda tree: tree.update(prompt_ids=[]),
        "a branch on itself": lambda tree: tree["nodes"][0].update(parent=tree["nodes"][0]["id"]),
        "a branch on nothing": lambda tree: tree["nodes"][0].update(parent=77_777),
        "a branch of text": lambda tree: tree["nodes"].append("branch"),
        "a probability above one": lambda tree: tree["nodes"][0].update(logprob=3.0),
        "a probability that is none": lambda tree: tree["nodes"][0].update(logprob="likely"),
        "a token that nobody has": lambda tree: tree["nodes"][0].update(token=2**31 - 1),
        "a bidi mark for a name": lambda tree: tree.update(name="a\u202eb"),
        "a million branches": lambda tree: tree.update(nodes=tree["nodes"][:1] * 200_000),
    }
    for what, change in changes.items():
        yield Hostile("tree", what, partial(_changed_tree, change))
    yield from odd_places("tree", "tree.json")


def lanes() -> Iterator[Hostile]:
    """The lanes of a race, as a file."""
    yield from written("lanes", "lanes.json", NO_JSON)
    wrong: dict[str, Any] = {
        "lanes of numbers": {"lanes": [1, 2]},
        "no such preset": {"lanes": ["preset=none", "preset=nano"]},
        "no such setting": {"lanes": ["preset=nano,code=x", "preset=nano"]},
        "a thousand lanes": {"lanes": ["preset=nano"] * 1_000},
        "a lane of ten thousand signs": {"lanes": ["x" * 10_000, "preset=nano"]},
    }
    yield from written("lanes", "lanes.json", {what: json.dumps(v) for what, v in wrong.items()})
    yield from odd_places("lanes", "lanes.json")
