"""What the server keeps in memory for all visitors, keyed by path and version.

Cached objects are shared between sessions: models and answers are read-only, readers of
growing logs hold a lock. A model is in memory once, however many people look at it, and a
question that several ask is computed once (`shared_answer`).
"""

import functools
import gc
import importlib
import inspect
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import streamlit as st

from slm import files, machine
from slm.errors import TokenizerError
from slm.keeping import Kept, Turns, frozen
from slm.workspace import Artefact
from ui import garbage
from ui.texts import tr

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
_SWITCH_SECONDS = 0.001
"""A thread that works gives way to one that waits after this long (Python's own: 5 ms). A page
gives way at each of its hundred messages to the browser, and beside two threads that work, such
as another page and a text being written, waited 0.5 s in all instead of 0.1."""
_LARGE_BYTES = 400_000_000  # of weights in memory
_SMALL_MODEL = 20_000_000  # parameters; larger ones are bound by memory, which all cores share
_MODEL_BYTES = (400_000_000, 2_000_000_000)  # of small models kept: at least, at most
_ANSWER_BYTES = (200_000_000, 1_000_000_000)
_MOST_AT_ONCE = 8  # questions computed at once for each core, while slow ones take all turns
P = ParamSpec("P")
T = TypeVar("T")


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

    Objects frozen here are no longer walked when garbage is collected, from then on once in a
    while for all (`ui.garbage`).
    """

    def work() -> None:
        for name in _WARM_MODULES:
            importlib.import_module(name)
        from slm.data.exploring.profiling import profile

        profile(["Once upon a time."])  # loads the model that tells languages, a second's work
        gc.collect()
        gc.freeze()
        garbage.collect_now_and_then()

    del demo
    sys.setswitchinterval(_SWITCH_SECONDS)
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


def shared_answer(spinner: str = "") -> Callable[[Callable[P, T]], Callable[P, T]]:
    """What a question to a model comes to: computed once for all who ask it, a few at a time.

    For functions without elements. Arguments whose names begin with an underscore are not part
    of the question, as with `st.cache_resource`; what is given is shared, so nobody changes it.
    Kept as long as memory allows, not as long as there are fewer than so many: a survey of a
    large model takes a thousand times what one of a small one does.
    """

    def decorate(compute: Callable[P, T]) -> Callable[P, T]:
        parameters = inspect.signature(compute)

        @functools.wraps(compute)
        def ask(*args: P.args, **kwargs: P.kwargs) -> T:
            told = parameters.bind(*args, **kwargs).arguments.items()
            question = [frozen(value) for name, value in told if not name.startswith("_")]
            key = (compute.__module__, compute.__code__, *question)
            answers: Kept[T] = _answers()
            if not spinner or answers.knows(key):
                return answers.get(key, lambda: compute(*args, **kwargs))
            with st.spinner(spinner):
                return answers.get(key, lambda: compute(*args, **kwargs))

        return ask

    return decorate


def load_tokenizer(folder: Path) -> "TextTokenizer":
    """The tokenizer in `folder`, loaded once per version of its file.

    Raises: TokenizerError when it was deleted, has lost its files, or they are damaged.
    """
    try:
        version = (folder / "tokenizer.json").stat().st_mtime_ns
    except FileNotFoundError:
        raise TokenizerError(
            tr("The tokenizer {name} was deleted or has lost its files. Choose another.").format(
                name=folder.name
            )
        ) from None
    return _tokenizer(str(folder), version)


def _model(folder: str, version: int) -> "Transformer":
    from slm.model.checkpoint import dtype_in_memory, load_checkpoint

    def load() -> "Transformer":
        return load_checkpoint(Path(folder), dtype=dtype_in_memory(Path(folder))).eval()

    return _models().get((folder, version), load, _weight_bytes)


def _weight_bytes(model: "Transformer") -> int:
    return sum(weight.nbytes for weight in model.parameters())


@st.cache_resource(show_spinner=False)
def _models() -> "Kept[Transformer]":
    """Small models in memory. One that somebody still works with is never loaded again."""
    return Kept(_part_of_memory(4, *_MODEL_BYTES))


@st.cache_resource(show_spinner=False)
def _answers() -> Kept[Any]:
    cores = machine.usable_cores()
    turns = Turns(max(2, cores), _MOST_AT_ONCE * max(2, cores))
    return Kept(_part_of_memory(8, *_ANSWER_BYTES), turns)


def _part_of_memory(part: int, at_least: int, at_most: int) -> int:
    return max(at_least, min(machine.available_memory() // part, at_most))


@st.cache_resource(max_entries=1, show_spinner=tr("Loading the model"))
def _large_model(folder: str, version: int, _run: Artefact) -> "Transformer":
    """One at a time: several large ones would fill the memory."""
    from slm.lab.reports import require_room
    from slm.model.checkpoint import dtype_in_memory, load_checkpoint

    del version
    require_room(_run)
    return load_checkpoint(Path(folder), dtype=dtype_in_memory(Path(folder))).eval()


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
