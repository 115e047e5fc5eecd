"""A model that somebody brings: which files there are, and what it will need.

It comes as a folder in the form of Hugging Face, or as a zip of one. Settings and sizes
are read, no weights; nothing of what is brought is run, and files with other names than
those of `hub.MODEL_FILES` are passed over.
"""

import io
import json
import re
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from slm import files, zips
from slm.errors import CheckpointError, NoMemoryError
from slm.exchange.hub import MODEL_FILES, OnTheHub
from slm.exchange.pretrained import MAX_SETTINGS_BYTES
from slm.machine import available_memory
from slm.model.config import ModelConfig, parameter_counts
from slm.model.families import read_settings

SETTINGS = "config.json"
CARD = "README.md"
TOLD_FILES = (CARD, "LICENSE", "LICENSE.txt", "LICENSE.md")
"""Files that say under which licence a model is published."""
MOST_MEMBERS = 10_000
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
InMemory = Literal["float32", "bfloat16"]
"""The number format in which a model is used here."""
BYTES_LOADED: Mapping[InMemory, int] = {"float32": 4, "bfloat16": 2}
"""A weight in memory. Nothing else of a model's size is held beside the weights."""
_READ_FOR_LICENCE = 65_536
_MOST_TOLD_BYTES = 1_000_000
_BLOCK = 1 << 20
_LICENCE = re.compile(r"^licen[cs]e(?:_name)?:\s*['\"]?([\w.+-]{1,60})['\"]?\s*$", re.M | re.I)


@dataclass(frozen=True)
class Arrival:
    """What is known of a model before its weights are read. Names are foreign text.

    `revision`: its commit on the Hub. `has_code`: programs lie beside it, which are not taken
    along. `is_here`: nothing has to be fetched for it.
    """

    name: str
    architecture: str
    config: ModelConfig
    file_bytes: int
    licence: str | None
    revision: str | None = None
    has_code: bool = False
    is_here: bool = True

    @property
    def parameters(self) -> int:
        """Learned numbers."""
        return sum(parameter_counts(self.config).values())

    def memory_bytes(self, dtype: InMemory = "float32") -> int:
        """What the weights take when the model is loaded."""
        return BYTES_LOADED[dtype] * self.parameters


@dataclass(frozen=True)
class Carrier:
    """The files that are brought, by name: their sizes, and how each is opened."""

    name: str
    sizes: Mapping[str, int]
    open: Callable[[str], IO[bytes]]

    def read(self, name: str, most: int) -> bytes:
        """The first bytes of a file."""
        with self.open(name) as stream:
            return stream.read(most)


def look(carrier: Carrier) -> Arrival:
    """What a model is and needs, from its settings and the sizes of its files.

    Raises: CheckpointError for settings that are missing, damaged or not to be followed, and
        for weights that are not there or are pickles.
    """
    if SETTINGS not in carrier.sizes:
        raise CheckpointError(
            f"{carrier.name} has no {SETTINGS}, so it is no model in the form of Hugging Face. "
            "Choose the folder that holds config.json, model.safetensors and tokenizer.json."
        )
    if carrier.sizes[SETTINGS] > MAX_SETTINGS_BYTES:
        raise CheckpointError(f"{SETTINGS} is too large to hold settings.")
    try:
        settings = json.loads(carrier.read(SETTINGS, MAX_SETTINGS_BYTES))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{SETTINGS} of {carrier.name} is damaged: no JSON.") from None
    if not isinstance(settings, dict):
        raise CheckpointError(f"{SETTINGS} of {carrier.name} holds no settings.")
    family, config = read_settings(settings)
    _require_weights(carrier)
    weights = sum(size for name, size in carrier.sizes.items() if name.endswith(".safetensors"))
    return Arrival(carrier.name, family.architecture, config, weights, _licence(carrier))


def look_at_found(found: OnTheHub) -> Arrival:
    """The same, of a model on the Hub.

    Raises: CheckpointError, as `look`.
    """
    held = {SETTINGS: found.settings.encode()}
    pickles = {name: 0 for name in found.others if name.endswith(_PICKLES)}
    name = found.name.rpartition("/")[2]
    carrier = Carrier(name, {**found.sizes, **pickles}, lambda file: io.BytesIO(held[file]))
    without_card = replace(carrier, sizes={k: v for k, v in carrier.sizes.items() if k != CARD})
    return replace(
        look(without_card),
        licence=found.licence,
        revision=found.commit,
        has_code=any(name.endswith(".py") for name in found.others),
        is_here=found.cached,
    )


def fitting(arrival: Arrival) -> InMemory:
    """The number format to offer: float32 where that fits into the free memory."""
    return "float32" if arrival.memory_bytes("float32") <= available_memory() else "bfloat16"


def require_memory(arrival: Arrival, dtype: InMemory = "float32") -> None:
    """Raises: NoMemoryError for a model that does not fit into the free memory when loaded."""
    needed, free = arrival.memory_bytes(dtype), available_memory()
    if needed <= free:
        return
    halved = dtype == "float32" and arrival.memory_bytes("bfloat16") <= free
    remedy = (
        f"In bfloat16 it takes {arrival.memory_bytes('bfloat16') / 1e9:.1f} GB: choose that."
        if halved
        else "Bring a smaller model of the same family, or use a machine with more memory."
    )
    raise NoMemoryError(
        f"{arrival.name} has {arrival.parameters / 1e9:.2f} billion parameters, which take "
        f"{needed / 1e9:.1f} GB of memory in {dtype}; {free / 1e9:.1f} GB are free here. {remedy}"
    )


@contextmanager
def carried(source: Path) -> Iterator[Carrier]:
    """The files of a folder, or of a zip of one, that belong to a model.

    Raises: CheckpointError when there is neither, or it is damaged or not to be read.
    """
    with _reading_errors(source.name[:80]):
        yield from _carried(source)


def _carried(source: Path) -> Iterator[Carrier]:
    if source.is_dir():
        found = {
            path.name: path
            for path in sorted(source.iterdir())
            if _is_wanted(path.name) and path.is_file()
        }
        sizes = {name: path.stat().st_size for name, path in found.items()}
        yield Carrier(source.absolute().name, sizes, lambda name: found[name].open("rb"))
    elif source.is_file() and source.suffix.lower() == ".zip":
        with zipfile.ZipFile(source) as archive:
            members = _members(archive, source.name)
            sizes = {name: info.file_size for name, info in members.items()}
            yield Carrier(source.stem, sizes, lambda name: archive.open(members[name]))
    else:
        raise CheckpointError(
            f"There is no folder {source.name[:80]!r} there, and no zip. Give the folder that "
            "holds config.json, model.safetensors and tokenizer.json."
        )


def unpack(carrier: Carrier, folder: Path) -> None:
    """Put the files into `folder`, none larger than it was said to be.

    Raises: CheckpointError for a zip that is damaged or lies; WorkspaceError for a full disk.
    """
    folder.mkdir()
    sizes = {name: n for name, n in carrier.sizes.items() if not name.endswith(_PICKLES)}
    files.require_space(folder, 2 * sum(sizes.values()), carrier.name)
    for name, size in sizes.items():
        left = size
        with (
            files.disk_errors(folder / name),
            carrier.open(name) as stream,
            (folder / name).open("wb") as target,
        ):
            while left > 0 and (block := stream.read(min(_BLOCK, left))):
                target.write(block)
                left -= len(block)


def keep_licence(folder: Path, target: Path) -> None:
    """Copy the small files that tell under which licence the model is published."""
    for name in TOLD_FILES:
        path = folder / name
        if path.is_file() and path.stat().st_size <= _MOST_TOLD_BYTES:
            shutil.copyfile(path, target / name)


def _is_wanted(name: str) -> bool:
    """
    >>> [_is_wanted(name) for name in ("config.json", "model-00001-of-00002.safetensors", "run.py")]
    [True, True, False]
    """
    wanted = any(fnmatch(name, pattern) for pattern in (*MODEL_FILES, *TOLD_FILES))
    return wanted or name.endswith(_PICKLES)  # to say why they are refused


def _require_weights(carrier: Carrier) -> None:
    if any(name.endswith(".safetensors") for name in carrier.sizes):
        return
    pickles = [name for name in carrier.sizes if name.endswith(_PICKLES)]
    if pickles:
        raise CheckpointError(
            f"{pickles[0]} is a pickle, which can run any program when opened, so it is refused. "
            "Save the model as safetensors (save_pretrained does) and try again."
        )
    raise CheckpointError(f"{carrier.name} has no model.safetensors, so there are no weights.")


def _licence(carrier: Carrier) -> str | None:
    """The licence that the model card names in its head; None where none is told."""
    if CARD not in carrier.sizes:
        return None
    card = carrier.read(CARD, _READ_FOR_LICENCE).decode("utf-8", "replace")
    if not card.startswith("---"):
        return None
    head, _, _ = card[3:].partition("\n---")
    found = _LICENCE.search(head)
    return found[1] if found else None


def _members(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """The files of the one folder of the archive that holds settings, by their own names.

    Raises: CheckpointError for none, several, or members that are not to be unpacked.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MOST_MEMBERS:
        raise CheckpointError(f"{name} holds {len(infos):,} files, far more than a model has.")
    zips.require_inside(infos)
    paths = {info.filename: PurePosixPath(info.filename.replace("\\", "/")) for info in infos}
    seen = [path for path in paths.values() if "__MACOSX" not in path.parts]
    homes = {path.parent for path in seen if path.name == SETTINGS}
    if len(homes) > 1:
        raise CheckpointError(f"{name} holds {len(homes)} models; pack one folder alone.")
    home = next(iter(homes), None)
    kept: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        path = paths[info.filename]
        if (home is not None and path.parent != home) or not _is_wanted(path.name):
            continue
        if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
            raise CheckpointError(
                f"{path.name} in {name} is a link, or locked with a password. Pack the files "
                "themselves, without a password."
            )
        kept[path.name] = info
    return kept


@contextmanager
def _reading_errors(name: str) -> Iterator[None]:
    """Turn what a damaged archive or a disk raises into a CheckpointError that names it."""
    try:
        with zips.damage_as(
            lambda reason: CheckpointError(
                f"{name} cannot be unpacked ({reason}). Pack or download it again."
            )
        ):
            yield
    except OSError as error:
        raise CheckpointError(
            f"{name!r} cannot be read: {error.strerror or error}. Check the path and its rights."
        ) from None
