"""Training and encoding while somebody watches: how far it is, what it found, and when to stop.

What a job's card is told (the `facts` of its stage):

    doing    counting, joining, measuring or encoding
    merges   merges so far            wanted   merges in all
    newest   the last few merges, the newest first: left, right, joined (each byte as the
             character of that number) and count
    curve    bytes of training text per token after some of the merges: [merges, ratio]
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from slm import machine
from slm.jobs import Reporter, StoppedError
from slm.tokenizer.bpe import Merge, require_merges
from slm.tokenizer.counting import ChunkCounts, count_text
from slm.tokenizer.learning import Learned, learn

TRAINING, WRITING = "training", "token files"
"""The stages of the verb `tokenize`."""
_TOLD_BYTES = 2**20
_MERGES_A_REPORT = 32
_NEWEST = 8
_CURVE_POINTS = 60
_BYTES_AS_LONG_AS_A_MERGE = 1_000  # counting 1 kB takes about as long as one merge
_LEARNED = 0.98  # of the whole; the rest is saving and measuring


@dataclass
class Progress:
    """Tells how much of the text went by, and leaves by StoppedError when asked to stop.

    The text is the first `share` of the whole work; `facts` are told each time.
    """

    report: Reporter
    doing: str
    message: str
    n_bytes: int
    share: float = 1.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    _seen: int = 0
    _told: int = 0

    def watch(self, texts: Iterable[str]) -> Iterator[str]:
        """The same texts."""
        self._tell()
        for text in texts:
            self._seen += len(text.encode(errors="replace"))
            if self._seen - self._told > _TOLD_BYTES:
                self._tell()
            yield text
        self._tell()

    def _tell(self) -> None:
        if self.report.should_stop():
            raise StoppedError
        self._told = self._seen
        fraction = self.share * min(1.0, self._seen / self.n_bytes) if self.n_bytes else None
        of = f"{self._seen / 1e6:,.1f} of {self.n_bytes / 1e6:,.1f} MB"
        self.report(fraction, f"{self.message}: {of}", doing=self.doing, **self.facts)


def learn_merges(
    texts: Iterable[str],
    n_bytes: int,
    n_merges: int,
    special_tokens: Sequence[str],
    pattern: str,
    report: Reporter,
) -> list[Merge]:
    """The merges of `bpe.train_bpe`, found the fast way: count the chunks, then join.

    Raises:
        StoppedError: asked to stop.
        TokenizerError: the texts give fewer merges.
    """
    share = _LEARNED * n_bytes / (n_bytes + n_merges * _BYTES_AS_LONG_AS_A_MERGE)
    counting = Progress(report, "counting", "Counting chunks", n_bytes, share, {"wanted": n_merges})
    found = count_text(counting.watch(texts), pattern, processes=machine.own_cores())
    steps = islice(learn(found.counts), n_merges)
    merges = [step.merge for step in _follow(steps, n_merges, found, share, report)]
    require_merges(len(merges), n_merges, special_tokens)
    return merges


def _follow(
    steps: Iterable[Learned],
    wanted: int,
    found: ChunkCounts,
    share: float,
    report: Reporter,
) -> Iterator[Learned]:
    """The same steps; every few of them it is told what was joined and what it saves."""
    newest: deque[list[Any]] = deque(maxlen=_NEWEST)
    curve: list[tuple[int, float]] = [(0, 1.0)]
    n_bytes = found.bytes
    stride = max(1, wanted // _CURVE_POINTS)
    done = 0

    def tell() -> None:
        if report.should_stop():
            raise StoppedError
        fraction = share + (_LEARNED - share) * done / wanted if wanted else share
        report(
            fraction,
            f"Joining pairs: {done:,} of {wanted:,}",
            doing="joining",
            chunks=len(found.counts),
            merges=done,
            wanted=wanted,
            newest=list(newest),
            curve=curve.copy(),
        )

    tell()
    for done, step in enumerate(steps, start=1):
        merge = step.merge
        pieces = (*merge.pair, merge.bytes)
        newest.appendleft([*(piece.decode("latin-1") for piece in pieces), merge.count])
        if done % stride == 0:
            curve.append((done, round(n_bytes / step.tokens, 4)))
        if done % _MERGES_A_REPORT == 0:
            tell()
        yield step
    tell()
