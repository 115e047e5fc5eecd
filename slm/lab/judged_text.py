"""The text that a model is judged on, as documents in its own tokens.

It may be a split of the run's corpus, any corpus here, a file, the Hub's, or a text as typed.
All stand as a model meets them in training: each document behind an end-of-text token, so that
its first token is predicted too. Another model reads the same documents in tokens of its own.

Legend: D documents, V vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from slm.config import Config
from slm.data.batches import TokenFile
from slm.data.corpus import open_corpus
from slm.data.documents import read_columns
from slm.data.hub.spool import FOLDER as DOWNLOADS
from slm.data.sources import Document, SourceConfig, open_source, source_title
from slm.data.splitting import Split
from slm.data.stored import DOCUMENTS
from slm.errors import DataError
from slm.evaluation.slices import Counts
from slm.jobs import Reporter, silent
from slm.lab.health import spread
from slm.lab.reports import run_tokens
from slm.tokenizer.beginning import frame
from slm.tokenizer.protocol import TextTokenizer, well_formed
from slm.tokenizer.together import encode_together
from slm.workspace import Artefact, Workspace

_BLOCK_CHARACTERS = 2**18
_LARGEST_FILE = 200_000_000


class TextConfig(Config):
    """Which text to measure on."""

    split: str = Field(
        "val", pattern="^(val|train)$", description="Part of the corpus: val (held out) or train."
    )
    corpus: str = Field(
        "",
        description="Another corpus of the workspace, by name or id, encoded as the model reads "
        "it. Default: the run's own.",
    )
    source: str = Field(
        "",
        description="Measure on this instead: a name that `sources` lists, as wikitext-2 or "
        "tinystories; hub:OWNER/NAME; or a file or folder, as `prepare` reads them.",
    )
    hub_config: str | None = Field(None, description="Configuration of a Hub data set.")
    hub_split: str = Field(
        "validation", description="Split of a Hub data set; better not the one to train on."
    )
    text_column: str | None = Field(
        None, description="Column of a table or a Hub data set that holds the text."
    )
    text_file: Path | None = Field(
        None, description="Measure on this text file (UTF-8), read as one document."
    )
    text: str = Field("", description="Measure on this text.")
    max_tokens: int = Field(
        200_000, ge=2, le=1_000_000_000, description="Measure at most the first so many tokens."
    )

    @property
    def own(self) -> bool:
        """Whether the text is a split of the corpus that the run was trained on."""
        return not (self.corpus or self.source or self.text_file or self.text)


class TokenRow:
    """The first ids of a token file behind some others, read when they are asked for."""

    def __init__(self, tokens: TokenFile, most: int, lead: Sequence[int]) -> None:
        self._tokens, self._lead = tokens, np.array(lead, dtype=np.int64)
        self._length = len(lead) + min(most, len(tokens))

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, asked: slice) -> NDArray[np.int64]:
        start, stop, step = asked.indices(self._length)
        assert step == 1
        lead = len(self._lead)
        behind = self._tokens.ids(max(0, start - lead), max(0, stop - lead))
        return np.concatenate([self._lead[start:stop], behind]) if start < lead else behind


@dataclass(frozen=True)
class JudgedText:
    """Documents in a row.

    ids        what the model reads; every id but the first is predicted
    starts_D   where each document's first predicted token stands
    bytes_D    UTF-8 bytes of each document that are predicted
    sources_D  where each is from; empty where nobody knows
    partial    whether only the beginning of the text was taken
    of_tokens  how many tokens there are in all, where that is known
    """

    title: str
    ids: Any
    starts_D: Counts
    bytes_D: Counts
    sources_D: tuple[str, ...]
    partial: bool
    of_tokens: int | None
    tokenizer: TextTokenizer
    held_texts: tuple[str, ...] | None = None

    @property
    def documents(self) -> int:
        """D."""
        return len(self.starts_D)

    @property
    def n_bytes(self) -> int:
        """Bytes that are predicted."""
        return int(self.bytes_D.sum())

    def text(self, document: int) -> str:
        """The document's text, as far as it was taken."""
        if self.held_texts is not None:
            return self.held_texts[document]
        stop = self.starts_D[document + 1] if document + 1 < self.documents else len(self.ids)
        ids = self.ids[int(self.starts_D[document]) : int(stop)]
        return self.tokenizer.decode(ids[ids != self.tokenizer.eos_id].tolist())

    def texts(self) -> Iterator[str]:
        """All of them in order."""
        return (self.text(document) for document in range(self.documents))


def open_text(
    workspace: Workspace,
    run: Artefact,
    tokenizer: TextTokenizer,
    config: TextConfig,
    report: Reporter = silent,
) -> JudgedText:
    """The text that the config names, in the model's tokens.

    Raises: DataError for text that is missing, unreadable or too short, and for a model trained
    elsewhere when no text is named; HubError when the Hub is out of reach; WorkspaceError when
    there is no such corpus.
    """
    if config.own:
        return _own_split(workspace, run, tokenizer, config)
    title, documents = _documents(workspace, config, report)
    return encode_text(title, documents, tokenizer, config.max_tokens)


def encode_text(
    title: str,
    documents: Iterable[Document],
    tokenizer: TextTokenizer,
    max_tokens: int | None = None,
    *,
    keep_empty: bool = False,
) -> JudgedText:
    """Documents in a model's tokens; of the one that is too much, the beginning is taken.

    keep_empty: documents without text keep their places, as where two models are compared.

    Raises: DataError for fewer than two tokens.
    """
    framed = frame(tokenizer)
    before, between = framed.before, framed.between
    parts: list[NDArray[Any]] = [np.array(before, dtype=np.uint32)]
    texts: list[str] = []
    sources: list[str] = []
    starts: list[int] = []
    taken, full = len(before), False
    for block in _blocks(documents):
        ids, lengths = encode_together(framed.plain, [document.text for document in block])
        begin = 0
        for document, length in zip(block, lengths, strict=True):
            row, text = ids[begin : begin + length], well_formed(document.text)
            begin += length
            if not length and not keep_empty:
                continue
            if max_tokens is not None and length > max_tokens + len(before) - taken:
                row, full = row[: max(0, max_tokens + len(before) - taken)], True
                text = tokenizer.decode(row.tolist()).rstrip("\ufffd")
            if len(row) or keep_empty:
                starts.append(taken)
                texts.append(text)
                sources.append(document.source)
                behind = () if full else between
                parts += [row, np.array(behind, dtype=np.uint32)]
                taken += len(row) + len(behind)
            if full:
                break
        if full:
            break
    if taken < 2 or not texts:
        raise DataError("The text is too short to be measured. Give at least two tokens.")
    ids_N = np.concatenate(parts)
    if not full and len(between) > 1:
        ids_N = ids_N[:-1]  # no text begins behind the last
    bytes_D = np.array([len(text.encode()) for text in texts], dtype=np.int64)
    if not before:  # nothing comes before the first token, so nothing predicts it
        bytes_D[0] -= len(tokenizer.token_bytes(int(ids_N[0])))
        starts[0] = 1
    return JudgedText(
        title,
        ids_N,
        np.array(starts, dtype=np.int64),
        bytes_D,
        tuple(sources),
        full,
        None,
        tokenizer,
        tuple(texts),
    )


def byte_widths(tokenizer: TextTokenizer, vocab_size: int) -> Counts:
    """UTF-8 bytes that each id stands for; special tokens, and ids without a token, for none."""
    special = set(tokenizer.special_tokens.values()) | {tokenizer.eos_id}
    known = min(vocab_size, tokenizer.vocab_size)
    widths = [0 if t in special else len(tokenizer.token_bytes(t)) for t in range(known)]
    return np.array([*widths, *[0] * (vocab_size - known)], dtype=np.int64)


def counting_row(
    workspace: Workspace,
    run: Artefact,
    tokenizer: TextTokenizer,
    config: TextConfig,
    max_tokens: int,
) -> tuple[NDArray[Any], int] | None:
    """The training tokens that baselines count, and how many there are in all.

    The run's own, else those of the corpus that is judged; None for a model of which no
    training text is known. Of a long text, stretches evenly over it.
    """
    try:
        own = TokenFile(run_tokens(workspace, run).folder / "train.bin")
        return spread(own, max_tokens), len(own)
    except DataError:
        if not config.corpus:
            return None
    corpus = open_corpus(workspace.corpora.get(config.corpus))
    texts = (Document(text, "") for text in corpus.texts("train"))
    ids = np.asarray(encode_text(corpus.artefact.name, texts, tokenizer, max_tokens).ids)
    return ids, len(ids)


def _own_split(
    workspace: Workspace, run: Artefact, tokenizer: TextTokenizer, config: TextConfig
) -> JudgedText:
    tokens = run_tokens(workspace, run)
    end = tokens.details.get("document_end")
    file = TokenFile(tokens.folder / f"{config.split}.bin", document_end=end)
    lead = [] if end is None else [end]
    row = TokenRow(file, config.max_tokens, lead)
    if len(row) < 2:
        raise DataError(
            f"The {config.split} split of {run.name!r} holds {len(file)} token(s): too few."
        )
    ends = file.document_ends()
    whole = len(ends) + (len(ends) == 0 or int(ends[-1]) != len(file) - 1)
    starts = np.concatenate([[0], ends + 1]) + len(lead)
    starts = np.maximum(starts[starts < len(row)], 1)
    widths = byte_widths(tokenizer, tokenizer.vocab_size)
    return JudgedText(
        "the training text" if config.split == "train" else "the held-out text",
        row,
        starts,
        _bytes_by_document(row, starts, widths),
        _own_sources(workspace, run, "train" if config.split == "train" else "val", whole)[
            : len(starts)
        ],
        config.max_tokens < len(file),
        len(file),
        tokenizer,
    )


def _bytes_by_document(row: TokenRow, starts_D: Counts, widths_V: Counts) -> Counts:
    found = np.zeros(len(starts_D), dtype=np.int64)
    at_once = 2**20
    for first in range(1, len(row), at_once):
        ids = row[first : first + at_once]
        places = np.arange(first, first + len(ids))
        of_D = np.searchsorted(starts_D, places, side="right") - 1
        found += np.bincount(of_D.clip(min=0), widths_V[ids], len(found)).astype(np.int64)
    return found


def _own_sources(
    workspace: Workspace, run: Artefact, split: Split, documents: int
) -> tuple[str, ...]:
    """Where the split's documents are from, if the corpus is here and is still the same."""
    parent = run.manifest.parents.get("corpus")
    corpus = workspace.corpora.find(parent.id) if parent is not None else None
    if corpus is None or corpus.problem or corpus.as_parent() != parent:
        return ()
    rows = read_columns(corpus.folder / DOCUMENTS, ["source", "split"])
    found = tuple(row["source"] for block in rows for row in block if row["split"] == split)
    return found if len(found) == documents else ()


def _documents(
    workspace: Workspace, config: TextConfig, report: Reporter
) -> tuple[str, Iterable[Document]]:
    if config.text:
        return "your text", [Document(config.text, "your text")]
    if config.text_file is not None:
        return config.text_file.name, [Document(_read_text(config.text_file), "file")]
    if config.corpus:
        corpus = open_corpus(workspace.corpora.get(config.corpus))
        split: Split = "train" if config.split == "train" else "val"
        found = (Document(each.text, each.source) for each in corpus.documents(split))
        return corpus.artefact.name, found
    source = SourceConfig(
        source=config.source,
        hub_config=config.hub_config,
        hub_split=config.hub_split,
        text_column=config.text_column,
    )
    opened = open_source(source, report, downloads=workspace.root / DOWNLOADS)
    return source_title(source), opened.documents


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise DataError(f"{path.name} is larger than 200 MB. Name it with --source instead.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is no UTF-8: byte {error.start:,}. Name it with --source, which finds "
            "out how it is written."
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Name another file.") from None


def _blocks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Documents in order, as many at a time as come to a few hundred thousand characters."""
    block: list[Document] = []
    size = 0
    for document in documents:
        block.append(document)
        size += len(document.text)
        if size >= _BLOCK_CHARACTERS:
            yield block
            block, size = [], 0
    if block:
        yield block
