"""The documents of a training split as ids, as many as one wants to look at.

They are those that training reads, in the same order: from the corpus's token files
where there are any, else encoded here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from slm.data.corpus import open_corpus
from slm.data.layout import Layout, lay_out
from slm.data.windows import WindowMode
from slm.errors import DataError
from slm.tokenizer.protocol import TextTokenizer
from slm.tokenizer.separators import (
    Separator,
    end_id,
    matching_tokens,
    separator_ids,
    separator_of,
)
from slm.workspace import Artefact, Workspace

LOOKED_AT = 400_000
"""Tokens from the beginning that a long text's windows are judged by: enough for stable shares,
laid out in a few milliseconds."""

_BATCH = 64  # documents encoded at once
_SIZED_TOKENS = 200_000  # that a corpus without token files is judged by
_CHARACTERS_A_TOKEN = 16  # of a document longer than what is wanted, read at most so many


@dataclass(frozen=True)
class EncodedDocuments:
    """Documents one after another, each with its separator.

    ids_N     all of them in a row
    lengths_D tokens of each document, its separator included
    n_between tokens of a separator
    marked    whether a separator is a special token, which training can go by
    whole     whether there are no more; otherwise the last document may be cut short
    """

    ids_N: NDArray[np.int64]
    lengths_D: NDArray[np.int64]
    n_between: int
    marked: bool
    whole: bool

    def lay_out(self, context_length: int, mode: WindowMode) -> Layout:
        """These documents in windows.

        Raises: DataError as `slm.data.layout.lay_out`.
        """
        return lay_out(self.lengths_D, context_length, mode, marked=self.marked)

    def window(self, layout: Layout, number: int) -> NDArray[np.int64]:
        """The ids of a window, from the first that is read to the last that is asked for."""
        start = int(layout.starts_W[number])
        return self.ids_N[start : start + int(layout.targets_W[number]) + 1]


def training_documents(
    workspace: Workspace,
    corpus: Artefact,
    tokenizer: Artefact,
    engine: TextTokenizer,
    *,
    separator: Separator | None = None,
    max_tokens: int | None = None,
) -> EncodedDocuments:
    """The first documents of the training split, at most max_tokens of them (None: all).

    Token files are read where they say where documents end; without such, texts are encoded.

    Raises: DataError when the corpus or its token files are damaged.
    """
    separator = separator or separator_of(tokenizer)
    known = matching_tokens(workspace.tokens.list(), corpus, tokenizer, separator)
    if known is not None and known.details.get("document_end") is not None:
        return stored_documents(known, max_tokens)
    return encode_documents(open_corpus(corpus).texts("train"), engine, separator, max_tokens)


def filled_share(
    first_documents: Callable[[], EncodedDocuments], context_length: int, mode: WindowMode
) -> float:
    """Share of the places in windows that hold a token: 1 but for windows that are padded.

    `first_documents` gives those that the share is judged by (`training_documents` with
    LOOKED_AT); it is called only for windows that are padded.

    Raises: DataError as `slm.data.layout.lay_out`.
    """
    if mode != "one_document":
        return 1.0
    return 1.0 - first_documents().lay_out(context_length, mode).totals.padded_share


@dataclass(frozen=True)
class TrainingSize:
    """How much a training split is. `counted`: by its token files, not judged by a part of it."""

    tokens: int
    bytes: int
    counted: bool

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text that a token stands for, separators counted as tokens."""
        return self.bytes / self.tokens


def training_size(
    workspace: Workspace,
    corpus: Artefact,
    tokenizer: Artefact,
    engine: TextTokenizer,
    *,
    separator: Separator | None = None,
) -> TrainingSize:
    """Tokens of the training split in this tokenizer.

    Without token files, the first documents are encoded, and the rest taken to be like them.

    Raises: DataError when the corpus is damaged.
    """
    separator = separator or separator_of(tokenizer)
    n_bytes = int(open_corpus(corpus).counts("train")["bytes"])
    known = matching_tokens(workspace.tokens.list(), corpus, tokenizer, separator)
    if known is not None:
        return TrainingSize(int(known.details["train"]["tokens"]), n_bytes, counted=True)
    texts = _Weighed(open_corpus(corpus).texts("train"))
    seen = encode_documents(texts, engine, separator, _SIZED_TOKENS)
    if seen.whole:
        return TrainingSize(seen.ids_N.size, n_bytes, counted=True)
    n_bytes_seen = sum(texts.sizes[: seen.lengths_D.size - 1])  # the last may be cut short
    n_tokens_seen = int(seen.lengths_D[:-1].sum())
    if n_bytes_seen == 0:  # one document fills it all
        n_tokens_seen, n_bytes_seen = seen.ids_N.size, len(_text_bytes(engine, seen.ids_N))
    return TrainingSize(round(n_bytes * n_tokens_seen / n_bytes_seen), n_bytes, counted=False)


class _Weighed:
    """Passes texts on, and remembers how many bytes each has."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts, self.sizes = texts, list[int]()

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.sizes.append(len(text.encode()))
            yield text


def _text_bytes(tokenizer: TextTokenizer, ids_N: NDArray[np.int64]) -> bytes:
    return b"".join(map(tokenizer.token_bytes, ids_N.tolist()))


def encode_documents(
    texts: Iterable[str],
    tokenizer: TextTokenizer,
    separator: Separator,
    max_tokens: int | None = None,
) -> EncodedDocuments:
    """The texts as ids, the first max_tokens of them."""
    between = separator_ids(tokenizer, separator)
    room = np.iinfo(np.int64).max if max_tokens is None else max_tokens
    rows: list[NDArray[np.int64]] = []
    whole = True
    for row in _rows(texts, tokenizer, between, max_tokens):
        if room <= 0:
            whole = False
            break
        rows.append(row[:room])
        whole = row.size <= room
        room -= row.size
    if not rows:
        raise DataError("There is no document to cut windows from. Add text.")
    lengths_D = np.array([row.size for row in rows], dtype=np.int64)
    marked = end_id(tokenizer, separator) is not None
    return EncodedDocuments(np.concatenate(rows), lengths_D, len(between), marked, whole)


def stored_documents(tokens: Artefact, max_tokens: int | None = None) -> EncodedDocuments:
    """The training split of token files whose documents end with a special token.

    Raises: DataError when they are missing or damaged.
    """
    from slm.data.batches import TokenFile  # brings torch

    end = tokens.details["document_end"]
    file = TokenFile(tokens.folder / "train.bin", end)
    ids_N = file.ids(0, max_tokens)
    ends_D = np.flatnonzero(ids_N == end)
    if ends_D.size == 0 or ends_D[-1] < ids_N.size - 1:
        ends_D = np.append(ends_D, ids_N.size - 1)
    lengths_D = np.diff(ends_D, prepend=-1)
    return EncodedDocuments(ids_N, lengths_D, 1, marked=True, whole=ids_N.size == len(file))


def _rows(
    texts: Iterable[str], tokenizer: TextTokenizer, between: list[int], max_tokens: int | None
) -> Iterator[NDArray[np.int64]]:
    """The ids of each text and the separator, a few texts at a time."""
    longest = None if max_tokens is None else max_tokens * _CHARACTERS_A_TOKEN
    pending = (text[:longest] for text in texts)
    end = np.array(between, dtype=np.int64)
    while batch := list(islice(pending, _BATCH)):
        for ids in tokenizer.encode_batch(batch):
            yield np.concatenate([np.asarray(ids, dtype=np.int64), end])
