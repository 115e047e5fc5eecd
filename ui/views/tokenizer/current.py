"""The tokenizer that the visitor looks at, and what is computed from it once for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import streamlit as st

from slm.data.corpus import open_corpus
from slm.errors import TokenizerError
from slm.tokenizer import replay
from slm.tokenizer.bpe import Merge
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.history import Shrinking, shrinking
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact
from ui import loaders
from ui.session import PageState
from ui.texts import tr
from ui.view_models.tokenizer import TextView, text_view

_CURVE_DOCUMENTS = 200
_CURVE_CHARACTERS = 500_000


@dataclass(frozen=True)
class Current:
    """A tokenizer ready to use. `artefact` is None for a run's own copy."""

    name: str
    folder: Path
    version: int
    engine: TextTokenizer
    artefact: Artefact | None
    on_demo: bool

    @property
    def bytes_per_token(self) -> float | None:
        """On validation text of the corpus that it was trained on."""
        value = self.artefact.details.get("bytes_per_token") if self.artefact else None
        return float(value) if value else None


def current(state: PageState) -> Current | None:
    """The chosen tokenizer, else the current run's; None where there is neither.

    Raises: TokenizerError when its files are damaged.
    """
    if state.tokenizer is not None:
        return _opened(
            state.tokenizer.name,
            state.tokenizer.folder,
            state.tokenizer,
            on_demo=state.tokenizer.read_only,
        )
    if state.run is not None and (state.run.folder / "tokenizer" / "tokenizer.json").exists():
        folder = state.run.folder / "tokenizer"
        return _opened(
            tr("that of {name}").format(name=state.run.name), folder, None, on_demo=state.on_demo
        )
    return None


def _opened(name: str, folder: Path, artefact: Artefact | None, *, on_demo: bool) -> Current:
    file = folder / "tokenizer.json"
    if not file.exists():
        raise TokenizerError(
            tr("{name!r} has lost its files; train it again or choose another.").format(name=name)
        )
    version = file.stat().st_mtime_ns
    return Current(name, folder, version, loaders.load_tokenizer(folder), artefact, on_demo)


def merges_of(tokenizer: Current) -> Sequence[Merge]:
    """What was learned, in order; empty for a tokenizer without merges."""
    return _merges(str(tokenizer.folder), tokenizer.version, tokenizer.engine)


@st.cache_resource(max_entries=16, show_spinner=False)
def _merges(folder: str, version: int, _engine: TextTokenizer) -> Sequence[Merge]:
    del folder, version
    return tuple(replay.merges_of(_engine))


def view_of(tokenizer: Current, text: str) -> TextView:
    """The text as chips."""
    return _view(str(tokenizer.folder), tokenizer.version, text, tokenizer.engine)


@st.cache_resource(max_entries=64, show_spinner=False)
def _view(folder: str, version: int, text: str, _engine: TextTokenizer) -> TextView:
    del folder, version
    return text_view(_engine, text)


def curve_of(tokenizer: Current, corpus: Artefact) -> Shrinking | None:
    """How held-out text of the corpus shrinks with each merge; None without merges of our own."""
    if not isinstance(tokenizer.engine, Tokenizer) or not merges_of(tokenizer):
        return None
    digest = corpus.manifest.digest
    return _curve(str(tokenizer.folder), tokenizer.version, digest, tokenizer, corpus)


@st.cache_resource(max_entries=16, show_spinner=tr("Measuring the merges"))
def _curve(
    folder: str, version: int, digest: str, _tokenizer: Current, _corpus: Artefact
) -> Shrinking:
    del folder, version, digest
    engine = _tokenizer.engine
    assert isinstance(engine, Tokenizer)
    texts: list[str] = []
    left = _CURVE_CHARACTERS
    for text in islice(open_corpus(_corpus).texts("val"), _CURVE_DOCUMENTS):
        texts.append(text[:left])
        left -= len(texts[-1])
        if left <= 0:
            break
    return shrinking(engine.definition.merges, texts, engine.pattern)
