"""Validation text that stands in the training text too: whole documents, and long stretches.

A stretch leaks when 13 words in a row stand somewhere in the training split, capitals and
punctuation left aside (Brown et al. 2020, appendix C). Shorter and longer stretches are
counted beside it, since 13 words are much of a short tale. What is held is a hash for each
stretch of the validation split; the training split is read past it once.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm.data.corpus import Corpus
from slm.data.hashes import counted, found_at, run_starts
from slm.data.lookup import find_documents, split_ids
from slm.data.profile import ReadAgain, StoppedError
from slm.data.words import Block, block_of, blocks, windows
from slm.jobs import Reporter, silent

STRETCH_WORDS = 13
LENGTHS = (3, 5, 8, 13, 21, 34)
MOSTLY = 0.8
"""A document leaks mostly when this share of its stretches stands in the training split."""
MAX_VAL_WORDS = 4_000_000
"""Of a larger validation split only the first documents are judged."""
N_TWINS = 20
_NOBODY = -1


@dataclass(frozen=True)
class Twin:
    """A validation document and the training document that shares most stretches with it.

    Ids are places in the corpus. `share` of the validation document's stretches stand
    anywhere in the training split; `longest_words` is the longest run of words that the two
    have in common, `longest` its text as it stands in the validation document.
    """

    val_id: int
    train_id: int
    share: float
    longest_words: int
    longest: str


@dataclass(frozen=True)
class Leakage:
    """What of the validation split was also trained on.

    `leaked_documents` stand in the training split as they are, `mostly_leaked` have at least
    80% of their stretches of 13 words there; `judged_documents` of the `examined_documents` are
    long enough to have one. `leaked_words` of `val_words` lie in a shared stretch. `shares`
    gives, for each length of a stretch, the share of the validation split's stretches that
    the training split has.
    """

    val_documents: int
    leaked_documents: int
    examined_documents: int
    judged_documents: int
    mostly_leaked: int
    val_words: int
    leaked_words: int
    shares: tuple[tuple[int, float], ...]
    twins: tuple[Twin, ...]

    @property
    def fraction(self) -> float:
        """Share of the validation documents that stand whole in the training split, 0 to 1."""
        return self.leaked_documents / self.val_documents if self.val_documents else 0.0

    @property
    def leaked_share(self) -> float:
        """Share of the validation split's words that lie in a shared stretch, 0 to 1."""
        return self.leaked_words / self.val_words if self.val_words else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Leakage":
        """The report that `to_json` wrote."""
        plain = {name: values[name] for name in cls.__dataclass_fields__}
        plain["shares"] = tuple((int(n), float(share)) for n, share in plain["shares"])
        plain["twins"] = tuple(Twin(**each) for each in plain["twins"])
        return cls(**plain)


def leakage(train: Iterable[str], val: Iterable[str], report: Reporter = silent) -> Leakage:
    """How much of the validation texts was also trained on. `val` is read twice.

    Ids of twins are places in `val` and in `train`; their longest stretches are left to
    `corpus_leakage`.

    >>> leakage(["a", "b"], ["b", "c"]).fraction
    0.5

    Raises: StoppedError when asked to stop.
    """
    copies = _Copies()
    stretches = _Stretches()
    for block in blocks(copies.hold(val)):
        stretches.hold(block)
    stretches.sort()
    for block in blocks(copies.look(train, report)):
        stretches.look(block)
    for block in blocks(val):
        if not stretches.judge(block):
            break
    return stretches.result(copies)


def corpus_leakage(corpus: Corpus, report: Reporter = silent) -> Leakage:
    """The same of a corpus; twins carry ids of the corpus and the longest stretch they share.

    Raises:
        DataError: the corpus is damaged.
        StoppedError: asked to stop.
    """
    found = leakage(corpus.texts("train"), ReadAgain(lambda: corpus.texts("val")), report)
    ids = {split: split_ids(corpus, split) for split in ("train", "val")}
    twins = []
    for twin in found.twins:
        val_id, train_id = int(ids["val"][twin.val_id]), int(ids["train"][twin.train_id])
        texts = [document.text for document in find_documents(corpus, [val_id, train_id])]
        n_words, longest = longest_shared(texts[0], texts[-1])
        twins.append(Twin(val_id, train_id, twin.share, n_words, longest))
    return replace(found, twins=tuple(twins))


def longest_shared(one: str, other: str) -> tuple[int, str]:
    """The longest run of words that two texts share: its length, and its text in the first.

    >>> longest_shared("Once, the red fox ran.", "A man saw the RED fox.")
    (3, 'the red fox')
    """
    first, second = block_of(one), block_of(other)
    low, high, begin = 0, min(len(first.hashes), len(second.hashes)), 0
    while low < high:  # a run of n words holds one of n - 1
        n = (low + high + 1) // 2
        hashes, places = windows(first, n)
        shared = places[np.isin(hashes, windows(second, n)[0])]
        if len(shared):
            low, begin = n, int(shared[0])
        else:
            high = n - 1
    if not low:
        return 0, ""
    return low, one[first.starts[begin] : first.ends[begin + low - 1]]


@dataclass
class _Copies:
    """Whole documents: how often each stands in the validation split, and which leaked."""

    held: dict[bytes, int] = field(default_factory=dict)
    leaked: set[bytes] = field(default_factory=set)
    documents: int = 0

    def hold(self, texts: Iterable[str]) -> Iterable[str]:
        for text in texts:
            self.documents += 1
            key = _digest(text)
            self.held[key] = self.held.get(key, 0) + 1
            yield text

    def look(self, texts: Iterable[str], report: Reporter) -> Iterable[str]:
        for count, text in enumerate(texts):
            if count % 1_000 == 0:
                if report.should_stop():
                    raise StoppedError
                report(None, f"Comparing the splits: {count:,} documents", documents=count)
            if (key := _digest(text)) in self.held:
                self.leaked.add(key)
            yield text


@dataclass
class _Stretches:
    """Runs of words of each length: held from the validation split, looked for in the other."""

    tables: dict[int, NDArray[np.uint64]] = field(default_factory=dict)
    found: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    owner: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    words: int = 0
    examined: int = 0
    judged: int = 0
    mostly: int = 0
    leaked_words: int = 0
    hits: dict[int, list[int]] = field(default_factory=lambda: {n: [0, 0] for n in LENGTHS})
    twins: list[Twin] = field(default_factory=list)
    _parts: dict[int, list[NDArray[np.uint64]]] = field(
        default_factory=lambda: {n: [] for n in LENGTHS}
    )
    _held_words: int = 0

    def hold(self, block: Block) -> None:
        """Take the stretches of a block of the validation split, while there is room."""
        if self._held_words >= MAX_VAL_WORDS:
            return
        self._held_words += len(block.hashes)
        for n in LENGTHS:
            self._parts[n].append(counted(windows(block, n)[0])[0])

    def sort(self) -> None:
        """All stretches were given: make them ready to be looked for."""
        for n, parts in self._parts.items():
            self.tables[n] = counted(np.concatenate([np.empty(0, np.uint64), *parts]))[0]
            self.found[n] = np.zeros(len(self.tables[n]), np.bool_)
        self._parts.clear()
        self.owner = np.full(len(self.tables[STRETCH_WORDS]), _NOBODY, np.int64)

    def look(self, block: Block) -> None:
        """Mark the stretches that a block of the training split has."""
        for n in LENGTHS:
            hashes, firsts = windows(block, n)
            if n == STRETCH_WORDS:
                self._own(hashes, block.documents[firsts])
                continue
            places, known = found_at(self.tables[n], np.sort(hashes))
            self.found[n][places[known]] = True

    def _own(self, hashes: NDArray[np.uint64], documents: NDArray[np.int64]) -> None:
        """Note the first document that has each stretch of 13 words."""
        order = np.argsort(hashes)
        places, known = found_at(self.tables[STRETCH_WORDS], hashes[order])
        places, documents = places[known], documents[order[known]]
        fresh = self.owner[places] == _NOBODY
        self.owner[places[fresh]] = documents[fresh]
        self.found[STRETCH_WORDS][places] = True

    def judge(self, block: Block) -> bool:
        """Count what of a block of the validation split was found; False when there is no more."""
        if self.words >= MAX_VAL_WORDS:
            return False
        self.words += len(block.hashes)
        self.examined += int(block.piece_firsts.sum())
        for n in LENGTHS:
            hashes, firsts = windows(block, n)
            places, _ = found_at(self.tables[n], hashes)
            shared = self.found[n][places]
            self.hits[n][0] += int(shared.sum())
            self.hits[n][1] += len(shared)
            if n == STRETCH_WORDS:
                self._judge_documents(block, firsts, shared, self.owner[places])
        return True

    def _judge_documents(
        self,
        block: Block,
        firsts: NDArray[np.int64],
        shared: NDArray[np.bool_],
        owners: NDArray[np.int64],
    ) -> None:
        edges = np.zeros(len(block.hashes) + 1, np.int64)
        np.add.at(edges, firsts[shared], 1)
        np.add.at(edges, firsts[shared] + STRETCH_WORDS, -1)
        self.leaked_words += int(np.count_nonzero(np.cumsum(edges)))
        if not len(firsts):
            return
        documents = block.documents[firsts]
        runs = run_starts(documents)
        shares = np.add.reduceat(shared, runs, dtype=np.int64) / np.diff(runs, append=len(shared))
        self.judged += len(runs)
        self.mostly += int(np.count_nonzero(shares >= MOSTLY))
        ends = np.append(runs[1:], len(shared))
        for row in np.argsort(-shares, kind="stable")[:N_TWINS]:
            if shares[row] > 0:
                inside = slice(runs[row], ends[row])
                train = int(np.bincount(owners[inside][shared[inside]]).argmax())
                twin = Twin(int(documents[runs[row]]), train, float(shares[row]), 0, "")
                self.twins.append(twin)
        best = sorted(self.twins, key=lambda twin: -twin.share)
        apart = {(twin.train_id, twin.share): twin for twin in reversed(best)}  # one of copies
        self.twins = sorted(apart.values(), key=lambda twin: (-twin.share, twin.val_id))[:N_TWINS]

    def result(self, copies: _Copies) -> Leakage:
        """Everything that was counted."""
        return Leakage(
            val_documents=copies.documents,
            leaked_documents=sum(copies.held[key] for key in copies.leaked),
            examined_documents=self.examined,
            judged_documents=self.judged,
            mostly_leaked=self.mostly,
            val_words=self.words,
            leaked_words=self.leaked_words,
            shares=tuple(
                (n, hits / all_ if all_ else 0.0) for n, (hits, all_) in self.hits.items()
            ),
            twins=tuple(self.twins),
        )


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
