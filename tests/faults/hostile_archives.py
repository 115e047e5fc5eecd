"""Zips of work that was taken home, changed on the way by somebody who means harm."""

import io
import json
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from slm.workshop.archive import INDEX
from tests.data.reading import hostile_files as made
from tests.faults.hostile_files import NO_JSON, Hostile, odd_places

Members = dict[str, bytes]
NAME = "my-work.zip"
_PLACE = "runs/20260101-000000-aaaaaa"


def _packed(members: Mapping[str, bytes]) -> bytes:
    return made.zipped(dict(members))


def _changed(change: Callable[[Members], object], sound: Path, folder: Path) -> Path:
    with zipfile.ZipFile(sound) as packed:
        members = {info.filename: packed.read(info) for info in packed.infolist()}
    change(members)
    path = folder / NAME
    path.write_bytes(_packed(members))
    return path


def _harmed(harm: Callable[[bytes], bytes], sound: Path, folder: Path) -> Path:
    path = folder / NAME
    path.write_bytes(harm(sound.read_bytes()))
    return path


def _with_entry(entry: zipfile.ZipInfo, content: bytes, data: bytes) -> bytes:
    held = io.BytesIO(data)
    with zipfile.ZipFile(held, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(entry, content)
    return held.getvalue()


def _manifest(change: Callable[[dict[str, Any]], object], members: Members) -> None:
    """Change the manifest of the run."""
    (name,) = [n for n in members if n.startswith("runs/") and n.count("/") == 2 and "manif" in n]
    values = json.loads(members[name])
    values.pop("crc", None)
    change(values)
    members[name] = json.dumps(values).encode()


def _inner(value: object, members: Members) -> None:
    """Say something else of the files of a checkpoint."""
    (name,) = [n for n in members if "/ckpt/" in n and n.endswith("manifest.json")]
    values = json.loads(members[name])
    values.pop("crc", None)
    members[name] = json.dumps({**values, "files": value}).encode()


def _index(data: bytes, members: Members) -> None:
    members[INDEX] = data


NAMES = (
    *("../evil.json", "runs/../../evil.json", "/etc/evil.json", "evil.json", "runs/ABC/evil.json"),
    *(f"{_PLACE}/../x.json", f"{_PLACE}/.hidden", f"{_PLACE}/con.json", f"{_PLACE}/a:b"),
    *(f"{_PLACE}/x ", f"{_PLACE}/{'n' * 300}", f"{_PLACE}/a\u202eb", f"{_PLACE}/\\..\\..\\x"),
    *("jobs/20260101-000000-aaaaaa/job.json", "workshop/room.json", "workshop/cookie.key"),
)
_MANIFESTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "of another id": lambda m: m.update(id="20260101-000000-bbbbbb"),
    "of another kind": lambda m: m.update(kind="corpora"),
    "an id that climbs": lambda m: m.update(id="../../x"),
    "a name of ten thousand signs": lambda m: m.update(name="n" * 10_000),
    "a name that turns around": lambda m: m.update(name="a\u202eb"),
    "a name that is a list": lambda m: m.update(name=["a"]),
    "a version that is a text": lambda m: m.update(schema="new"),
    "a version without end": lambda m: m.update(schema=10**400),
    "a later version": lambda m: m.update(schema=99),
    "files as a list": lambda m: m.update(files=["a"]),
    "files of lists": lambda m: m.update(files={"a": []}),
    "a file that climbs": lambda m: m.update(files={"../x": {"size": 1, "sha256": "0" * 64}}),
    "a file without a hash": lambda m: m.update(files={"config.json": {"size": 1}}),
    "no file at all but those there": lambda m: m.update(files={}),
    "parents as a text": lambda m: m.update(parents="corpus"),
    "parents of numbers": lambda m: m.update(parents={"corpus": 7}),
    "a parent that climbs": lambda m: m.update(parents={"corpus": {"id": "../..", "sha256": ""}}),
    "details as a list": lambda m: m.update(details=[1]),
    "an owner that is an object": lambda m: m.update(owner={"id": "local"}),
    "no end of details": lambda m: m.update(details={"a": "x" * 3_000_000}),
}
_READ = {"no file at all but those there", "no end of details", "a parent that climbs"}


def _index_of(kind: str) -> bytes:
    artefacts = [{"kind": kind, "id": "20260101-000000-cccccc"}]
    return json.dumps({"schema": 1, "artefacts": artefacts}).encode()


_INDEXES: dict[str, bytes] = {
    **{what: data if isinstance(data, bytes) else data.encode() for what, data in NO_JSON.items()},
    "of a later version": b'{"schema": 99, "artefacts": []}',
    "of a version that is a text": b'{"schema": "1", "artefacts": [{}]}',
    "of nothing": b'{"schema": 1, "artefacts": []}',
    "of objects without ids": b'{"schema": 1, "artefacts": [{}]}',
    "of another shelf": _index_of("jobs"),
    "of what is not there": _index_of("runs"),
}  # fmt: skip


def _link() -> zipfile.ZipInfo:
    link = zipfile.ZipInfo(f"{_PLACE}/link.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


def _many(_: bytes) -> bytes:
    return made.zipped({f"{_PLACE}/{n}": b"" for n in range(100_001)}, zipfile.ZIP_STORED)


def _before_the_file(data: bytes) -> bytes:
    """The list says that it begins further behind than it does: places lie before the file."""
    end = data.rindex(b"PK\x05\x06")
    place = int.from_bytes(data[end + 16 : end + 20], "little")
    return data[: end + 16] + (place + 5_000).to_bytes(4, "little") + data[end + 20 :]


_ZIPS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "no zip": lambda _: b"hello" * 50,
    "an empty zip": lambda _: made.zipped({}),
    "a zip of something else": lambda _: made.zipped({"a.txt": "x"}),
    "half of it": lambda data: data[: len(data) // 2],
    "without its list": lambda data: data[: data.rindex(b"PK\x05\x06")],
    "places before the file": _before_the_file,
    "a password": lambda data: made.with_flag(data, 1),
    "an unknown way": lambda data: made.with_method(data, 77),
    "a size too large": lambda data: made.with_size(data, 4_000_000_000),
    "a size too small": lambda data: made.with_size(data, 1),
    "a link": partial(_with_entry, _link(), b"/etc/passwd"),
    "a bomb": partial(_with_entry, zipfile.ZipInfo(f"{_PLACE}/bomb.json"), bytes(40_000_000)),
    "too many files": _many,
    **{f"flipped bits {n}": partial(made.flipped, seed=n) for n in range(6)},
}


def archives() -> Iterator[Hostile]:
    """Take-home zips. `sound` is a zip of a run with what it was made from."""
    for what, harm in _ZIPS.items():
        yield Hostile(
            "archive",
            what,
            partial(_harmed, harm),
            what.startswith(("flipped", "a size too large")),
        )
    for name in NAMES:
        add = partial(_with_entry, zipfile.ZipInfo(name), b"{}")
        yield Hostile("archive", f"a name {name[:60]!r}", partial(_harmed, add))
    for what, data in _INDEXES.items():
        yield Hostile("archive", f"index: {what}", partial(_changed, partial(_index, data)))
    for what, change in _MANIFESTS.items():
        harmed = partial(_changed, partial(_manifest, change))
        yield Hostile("archive", f"manifest: {what}", harmed, what in _READ)
    for value in ([], "x", 7, {"a": 1}, {"model.safetensors": {"size": 1, "sha256": "0" * 64}}):
        inner = partial(_changed, partial(_inner, value))
        yield Hostile("archive", f"files of a checkpoint: {str(value)[:30]}", inner)
    yield from odd_places("archive", NAME)
