"""A model that somebody brings: which files there are, and what it will need.

It comes as a folder in the form of Hugging Face, or as a zip of one. Settings and sizes
are read, no weights; nothing of what is brought is run, and files with other names than
those of `hub.MODEL_FILES` are passed over.
"""

import json
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO

from slm import files
from slm.errors import CheckpointError, NoMemoryError
from slm.exchange.hub import MODEL_FILES
from slm.exchange.pretrained import MAX_SETTINGS_BYTES
from slm.machine import available_memory
from slm.model.config import ModelConfig, parameter_counts
from slm.model.families import read_settings

SETTINGS = "config.json"
TOLD_FILES = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md")
"""Files that say under which licence a model is published."""
MOST_MEMBERS = 10_000
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
BYTES_LOADED = 4
"""A weight in memory: models compute in float32 here."""
_READ_FOR_LICENCE = 65_536
_MOST_TOLD_BYTES = 1_000_000
_BLOCK = 1 << 20
_LICENCE = re.compile(r"^licen[cs]e(?:_name)?:\s*['\"]?([\w.+-]{1,60})['\"]?\s*$", re.M | re.I)
_FOREIGN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, LookupError),
)


@dataclass(frozen=True)
class Arrival:
    """What is known of a model before its weights are read. Names are foreign text."""

    name: str
    architecture: str
    config: ModelConfig
    file_bytes: int
    licence: str | None

    @property
    def parameters(self) -> int:
        """Learned numbers."""
        return sum(parameter_counts(self.config).values())

    @property
    def memory_bytes(self) -> int:
        """What the weights take when the model is loaded."""
        return BYTES_LOADED * self.parameters


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


def require_memory(arrival: Arrival) -> None:
    """Raises: NoMemoryError for a model that does not fit into the free memory when loaded."""
    free = available_memory()
    if arrival.memory_bytes > free:
        raise NoMemoryError(
            f"{arrival.name} has {arrival.parameters / 1e9:.2f} billion parameters, which take "
            f"{arrival.memory_bytes / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free here. "
            "Bring a smaller model of the same family, or use a machine with more memory."
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
    if "README.md" not in carrier.sizes:
        return None
    card = carrier.read("README.md", _READ_FOR_LICENCE).decode("utf-8", "replace")
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
        yield
    except OSError as error:
        raise CheckpointError(
            f"{name!r} cannot be read: {error.strerror or error}. Check the path and its rights."
        ) from None
    except _FOREIGN as error:
        said = (str(error).splitlines() or [""])[0][:160] or type(error).__name__
        raise CheckpointError(
            f"{name} cannot be unpacked ({said}). Pack or download it again."
        ) from None
