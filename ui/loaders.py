"""What the server keeps in memory for all visitors, keyed by path and version.

Cached objects are shared between sessions: models are read-only, readers of
growing logs hold a lock.
"""

import gc
import importlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from slm import files
from slm.errors import TokenizerError
from slm.workspace import Artefact

if TYPE_CHECKING:
    from slm.model.transformer import Transformer
    from slm.tokenizer.protocol import TextTokenizer

_NEEDED_WHOLE = ("numpy", "pandas")
"""Plotly uses these as soon as another thread has begun to import them, so they come first."""
_WARM_MODULES = (
    "torch",
    "torch._dynamo",  # the first model asks for it: 800 modules, 117,000 objects
    "plotly.graph_objects",
    "pandas",
    "pyarrow",
    "slm.lab.reports",
    "slm.data.exploring.profiling",
)
_LARGE_BYTES = 400_000_000  # of weights in memory
_SMALL_MODEL = 20_000_000  # parameters; larger ones are bound by memory, which all cores share


@dataclass(frozen=True)
class LoadedRun:
    """A run or an imported model, ready to use. `notes` says in words what was passed over."""

    run_id: str
    name: str
    step: int
    model: "Transformer"
    tokenizer: "TextTokenizer"
    notes: tuple[str, ...]


@st.cache_resource(show_spinner=False)
def warm_up(demo: Path) -> threading.Thread:
    """Import what pages need in the background, once per server, then freeze it.

    Streamlit collects garbage after every run, holding the interpreter; objects
    frozen here are no longer walked. Measured: a slider's answer falls from 252
    to 80 ms with torch loaded.
    """

    def work() -> None:
        for name in _WARM_MODULES:
            importlib.import_module(name)
        from slm.data.exploring.profiling import profile

        profile(["Once upon a time."])  # loads the model that tells languages, a second's work
        gc.collect()
        gc.freeze()

    del demo
    for name in _NEEDED_WHOLE:
        importlib.import_module(name)
    thread = threading.Thread(target=work, name="warm-up", daemon=True)
    thread.start()
    return thread


def load_run(run: Artefact, step: int | None = None) -> LoadedRun:
    """The run's newest sound checkpoint (or its snapshot at `step`) and its tokenizer.

    Raises: CheckpointError when there is none yet or all are damaged; NoMemoryError for an
    imported model that does not fit.
    """
    from slm.lab.reports import checkpoint_at
    from slm.tokenizer.padded import fitted

    reference = checkpoint_at(run, step)
    version = (reference.folder / files.MANIFEST).stat().st_mtime_ns
    needed = run.details.get("memory_bytes")
    large = isinstance(needed, int) and needed > _LARGE_BYTES
    if large:
        model = _large_model(str(reference.folder), version, run)
    else:
        model = _model(str(reference.folder), version)
    tokenizer = fitted(load_tokenizer(run.folder / "tokenizer"), model.config.vocab_size)
    choose_threads(model)
    return LoadedRun(run.id, run.name, reference.step, model, tokenizer, tuple(reference.skipped))


def choose_threads(model: "Transformer") -> None:
    """One thread for a small model, all cores for a large one; holds for the calling thread.

    A small model's threads wait for each other more than they compute: beside a job that
    keeps both cores busy, 0.5M parameters wrote 110 to 320 tokens/s on one thread, 9 to 12
    on two.
    """
    from slm import device

    device.set_threads(1 if model.n_parameters < _SMALL_MODEL else None)


def load_tokenizer(folder: Path) -> "TextTokenizer":
    """The tokenizer in `folder`, loaded once per version of its file.

    Raises: TokenizerError when it was deleted, has lost its files, or they are damaged.
    """
    try:
        version = (folder / "tokenizer.json").stat().st_mtime_ns
    except FileNotFoundError:
        raise TokenizerError(
            f"The tokenizer {folder.name} was deleted or has lost its files. Choose another."
        ) from None
    return _tokenizer(str(folder), version)


@st.cache_resource(max_entries=6, show_spinner=False)
def _model(folder: str, version: int) -> "Transformer":
    from slm.model.checkpoint import load_checkpoint

    del version
    return load_checkpoint(Path(folder)).eval()


@st.cache_resource(max_entries=1, show_spinner="Loading the model")
def _large_model(folder: str, version: int, _run: Artefact) -> "Transformer":
    """One at a time: several large ones would fill the memory."""
    from slm.lab.reports import require_room
    from slm.model.checkpoint import load_checkpoint

    del version
    require_room(_run)
    return load_checkpoint(Path(folder)).eval()


@st.cache_resource(max_entries=16, show_spinner=False)
def _tokenizer(folder: str, version: int) -> "TextTokenizer":
    from slm.tokenizer.loading import load_tokenizer as load

    del version
    return load(Path(folder))


class LogReader:
    """Reads a growing `.jsonl` on from where it stopped; safe for several sessions."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: list[dict[str, Any]] = []
        self._end = 0
        self._inode = 0
        self._lock = threading.Lock()

    def read(self) -> list[dict[str, Any]]:
        """All sound records so far; a log that was rewritten is read from its start."""
        with self._lock:
            inode = self._path.stat().st_ino if self._path.exists() else 0
            if inode != self._inode:
                self._records, self._end, self._inode = [], 0, inode
            new = files.read_records(self._path, self._end)
            self._records.extend(new.records)
            self._end = max(self._end, new.end)
            return list(self._records)


@st.cache_resource(max_entries=64, show_spinner=False)
def log_reader(path: str) -> LogReader:
    """The server's one reader of that log."""
    return LogReader(Path(path))
