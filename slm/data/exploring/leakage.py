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

from slm.data.corpus import Corpus
from slm.data.exploring.lookup import find_documents, split_ids
from slm.data.exploring.profiling import ReadAgain
from slm.data.exploring.stretches import Stretches, Twin
from slm.data.exploring.words import block_of, blocks, windows
from slm.jobs import Reporter, StoppedError, silent


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
    stretches = Stretches()
    for block in blocks(copies.hold(val)):
        stretches.hold(block)
    stretches.sort()
    for block in blocks(copies.look(train, report)):
        stretches.look(block)
    for block in blocks(val):
        if not stretches.judge(block):
            break
    return Leakage(
        val_documents=copies.documents,
        leaked_documents=sum(copies.held[key] for key in copies.leaked),
        examined_documents=stretches.examined,
        judged_documents=stretches.judged,
        mostly_leaked=stretches.mostly,
        val_words=stretches.words,
        leaked_words=stretches.leaked_words,
        shares=stretches.shares(),
        twins=tuple(stretches.twins),
    )


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


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
