"""The training text of a model, indexed so that any stretch of it is found at once.

    <workspace>/copy_indexes/<key>/
        tokens.npy  suffixes.npy   the text as ids, and its suffixes in order (`suffix_array`)
        starts.npy                 where its documents begin
        held_out.npy               the beginning of the held-out text, to compare with
        manifest.json              what it is made of, with the files' sizes and hashes

The key says which text in which tokens, so what was made once is found again by any run of
that text. Derived: deleting the folder loses nothing but time; the newest few are kept. A
model that was trained elsewhere is compared with any corpus here, encoded as the model reads.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm import files, locks
from slm.data.batches import TokenFile
from slm.data.corpus import open_corpus
from slm.data.splitting import Split
from slm.errors import DataError, NoMemoryError, WorkspaceError
from slm.evaluation.suffix_array import BATCH_BYTES, BYTES_PER_TOKEN, SuffixArray
from slm.jobs import Reporter, StageOf, StoppedError, silent
from slm.lab.reports import run_tokens
from slm.machine import available_memory
from slm.tokenizer.definition import TOKENIZER_FILE
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.protocol import TextTokenizer
from slm.tokenizer.together import encode_together, text_blocks, with_ends
from slm.workspace import Artefact, Workspace

FOLDER = "copy_indexes"
MAX_TOKENS = 20_000_000
KEPT = 6
SCHEMA = 1

_HELD_OUT_TOKENS = 200_000
_BLOCK_TOKENS = 2**20
_BLOCK_CHARACTERS = 2**19
_STARTS, _HELD_OUT, _LOCK = "starts.npy", "held_out.npy", ".lock"
_STAGES = {"reading": 1.0, "sorting": 3.0}

Ids = NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class Text:
    """A training text in a model's tokens.

    own      whether it is what the model was trained on
    corpus   where its documents are; None when they are gone
    tokens   the token files that the run was trained on; None where the corpus is encoded
    run      the model whose tokenizer cuts it
    """

    run: Artefact
    corpus: Artefact | None
    tokens: Artefact | None
    own: bool
    max_tokens: int = MAX_TOKENS

    @property
    def name(self) -> str:
        """What to call it; foreign text."""
        named = self.corpus or self.tokens
        assert named is not None
        return named.name

    @property
    def key(self) -> str:
        """The name of the folder of its index."""
        corpus = None if self.corpus is None else self.corpus.manifest.digest
        if self.tokens is not None:
            cut: str = self.tokens.manifest.digest
        else:
            cut = files.sha256_of(self.run.folder / "tokenizer" / TOKENIZER_FILE)
        made_of = [SCHEMA, corpus, cut, self.tokens is not None, self.max_tokens]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]


def choose_text(
    workspace: Workspace, run: Artefact, corpus: str = "", max_tokens: int = MAX_TOKENS
) -> Text:
    """The text to look for copies in: the model's own, or that of a corpus by name or id.

    Raises: DataError when the model was trained elsewhere and no corpus is named, or its
    training text is gone; WorkspaceError when there is no such corpus.
    """
    if corpus:
        return Text(run, workspace.corpora.get(corpus), None, own=False, max_tokens=max_tokens)
    if run.imported:
        raise DataError(
            f"{run.name!r} was trained elsewhere, on text that is not here. Choose a corpus of "
            "this workspace to compare with."
        )
    parent = run.manifest.parents.get("corpus")
    known = workspace.corpora.find(parent.id) if parent is not None else None
    same = known is not None and parent is not None and not known.problem
    found = known if same and known and known.as_parent() == parent else None
    try:
        tokens = run_tokens(workspace, run)
    except DataError:
        if found is None:
            raise DataError(
                f"The training text of {run.name!r} is gone. Choose another corpus to compare with."
            ) from None
        return Text(run, found, None, own=True, max_tokens=max_tokens)
    return Text(run, found, tokens, own=True, max_tokens=max_tokens)


@dataclass(frozen=True)
class CopyIndex:
    """An indexed training text.

    array         its ids and the order of its suffixes
    starts_D      where each document begins
    held_out_N    held-out ids of the same corpus, to compare with
    document_end  the id between documents; None where nothing marks them
    marked        whether documents are told apart
    of_tokens     tokens of the whole text, of which the first are indexed
    """

    key: str
    array: SuffixArray
    starts_D: NDArray[np.int64]
    held_out_N: NDArray[np.int64]
    document_end: int | None
    marked: bool
    of_tokens: int
    folder: Path

    def document_at(self, place: int) -> tuple[int, int, int]:
        """Number of the document that holds this token, where it begins, where it ends."""
        number = int(np.searchsorted(self.starts_D, place, side="right")) - 1
        last = number + 1 == self.starts_D.size
        stop = len(self.array) if last else int(self.starts_D[number + 1])
        return number, int(self.starts_D[number]), stop


def open_index(workspace: Workspace, text: Text) -> CopyIndex | None:
    """The saved index of a text; None when there is none that can be read."""
    folder = workspace.root / FOLDER / text.key
    try:
        kept = files.read_json(folder / files.MANIFEST)
        if kept.get("schema") != SCHEMA:
            return None
        end = kept["document_end"]
        starts_D, held_out_N = (
            np.load(folder / name, allow_pickle=False) for name in (_STARTS, _HELD_OUT)
        )
        return CopyIndex(
            text.key,
            SuffixArray.open(folder),
            starts_D,
            held_out_N.astype(np.int64),
            None if end is None else int(end),
            bool(kept["marked"]),
            int(kept["of_tokens"]),
            folder,
        )
    except (WorkspaceError, DataError, OSError, ValueError, KeyError, TypeError):
        return None


def build_index(workspace: Workspace, text: Text, report: Reporter = silent) -> CopyIndex | None:
    """The index of a text, made first where it is missing; None when stopped.

    Raises: DataError for a text without tokens or a damaged corpus; NoMemoryError;
    WorkspaceError for a full disk.
    """
    found = open_index(workspace, text)
    if found is not None:
        return found
    folder = workspace.root / FOLDER / text.key
    files.make_folder(folder.parent)
    lock = locks.FileLock(folder.with_suffix(_LOCK))
    if not lock.acquire(patience_seconds=600):
        raise WorkspaceError("Another program is building this index. Wait until it has ended.")
    try:
        found = open_index(workspace, text)
        if found is None:
            _make(folder, text, report)
            _keep_newest(folder)
    except StoppedError:
        report(None, "Stopped; nothing was saved")
        return None
    finally:
        lock.release()
    found = found or open_index(workspace, text)
    assert found is not None
    report(1.0, f"{len(found.array):,} tokens indexed", stage="sorting")
    return found


@dataclass(frozen=True)
class _Row:
    """A split as ids: the first of `of_tokens`, and where documents begin."""

    ids_N: Ids
    starts_D: NDArray[np.int64]
    document_end: int | None
    marked: bool
    of_tokens: int


def _make(folder: Path, text: Text, report: Reporter) -> None:
    report.plan(_STAGES)
    reading, sorting = StageOf(report, "reading"), StageOf(report, "sorting")
    read = _read_tokens if text.tokens is not None else _encode
    row = read(text, "train", text.max_tokens, reading)
    if not row.ids_N.size:
        raise DataError(f"{text.name!r} has no training text. Choose another corpus.")
    held_out = read(text, "val", _HELD_OUT_TOKENS, silent)
    files.remove_folder(folder)
    fields = {
        "schema": SCHEMA,
        "text": text.name,
        "corpus": text.corpus.id if text.corpus is not None else None,
        "document_end": row.document_end,
        "marked": row.marked,
        "tokens": int(row.ids_N.size),
        "of_tokens": row.of_tokens,
    }
    with files.commit_folder(folder, fields) as staging:
        np.save(staging / _STARTS, row.starts_D)
        np.save(staging / _HELD_OUT, held_out.ids_N)
        SuffixArray.write(staging, row.ids_N, sorting)


def _read_tokens(text: Text, split: Split, max_tokens: int, report: Reporter) -> _Row:
    """The ids that the run was trained on, in as few bytes as they fit into."""
    assert text.tokens is not None
    end = text.tokens.details.get("document_end")
    file = TokenFile(text.tokens.folder / f"{split}.bin", end)
    n = min(len(file), max_tokens)
    _require_memory(n)
    ids_N = np.empty(n, dtype=_narrow(file.vocab_size))
    for start in range(0, n, _BLOCK_TOKENS):
        ids_N[start : start + _BLOCK_TOKENS] = file.ids(start, min(n, start + _BLOCK_TOKENS))
        _require_wanted(report, start / n)
    begins = file.document_ends() + 1
    starts_D = np.concatenate([[0], begins[begins < n]]).astype(np.int64)
    return _Row(ids_N, starts_D, end, end is not None, len(file))


def _encode(text: Text, split: Split, max_tokens: int, report: Reporter) -> _Row:
    """A split of the corpus as the model would read it, the end-of-text token behind each text."""
    assert text.corpus is not None
    corpus = open_corpus(text.corpus)
    tokenizer = load_tokenizer(text.run.folder / "tokenizer")
    end = [] if tokenizer.eos_id is None else [tokenizer.eos_id]
    rows: list[Ids] = []
    lengths: list[int] = []
    held = 0
    total = max(1, int(corpus.counts(split)["characters"]))
    read = 0
    for ids, parts, characters in _blocks(corpus.texts(split), tokenizer, end):
        rows.append(ids.astype(_narrow(tokenizer.vocab_size)))
        lengths += parts
        held, read = held + ids.size, read + characters
        _require_wanted(report, min(1.0, read / total))
        if held >= max_tokens:
            break
    _require_memory(min(held, max_tokens))
    ids_N = np.concatenate(rows)[:max_tokens] if rows else np.empty(0, np.uint16)
    begins = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    of_tokens = held if read >= total else round(held * total / read)
    return _Row(ids_N, begins[begins < max(1, ids_N.size)], tokenizer.eos_id, True, of_tokens)


def _blocks(
    texts: Iterator[str], tokenizer: TextTokenizer, end: list[int]
) -> Iterator[tuple[Ids, list[int], int]]:
    """Ids with ends, tokens of each text with its end, and characters, a block at a time."""
    for block in text_blocks(texts, _BLOCK_CHARACTERS):
        ids, lengths = encode_together(tokenizer, block)
        parts = [length + len(end) for length in lengths]
        yield with_ends(ids, lengths, end), parts, sum(map(len, block))


def _narrow(vocab_size: int) -> Any:
    return np.uint16 if vocab_size <= 2**16 else np.uint32


def _require_memory(n: int) -> None:
    needed, free = n * (BYTES_PER_TOKEN + 4) + BATCH_BYTES, available_memory()
    if needed > free:
        raise NoMemoryError(
            f"An index of {n:,} tokens takes {needed / 1e9:.1f} GB of memory while it is built, "
            f"and {free / 1e9:.1f} GB are free. Close other programs, or index fewer tokens."
        )


def _require_wanted(report: Reporter, fraction: float) -> None:
    report(fraction, "Reading the training text")
    if report.should_stop():
        raise StoppedError


def _keep_newest(new: Path) -> None:
    """Remove the oldest indexes; one that is open elsewhere may have to stay."""
    made = [path for path in new.parent.iterdir() if (path / files.MANIFEST).is_file()]
    made.sort(key=lambda path: (path / files.MANIFEST).stat().st_mtime, reverse=True)
    for old in made[KEPT:]:
        with suppress(WorkspaceError, PermissionError):  # Windows holds on to mapped files
            files.remove_folder(old)
            old.with_suffix(_LOCK).unlink(missing_ok=True)
