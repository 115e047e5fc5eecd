"""Many texts at once: their ids in one array, on all cores, a block of texts in memory at a time.

Between the engine and the file no id becomes a Python number. Knows any tokenizer; those that
encode by themselves into arrays (`EncodesTogether`) also run side by side.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import numpy as np

from slm.tokenizer.protocol import EncodesTogether, Ids, TextTokenizer, well_formed

_BLOCK_CHARACTERS = 2**19


@dataclass
class Tally:
    """What went into a token file. `tokens` counts what ends the documents too."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0


def encode_together(tokenizer: TextTokenizer, texts: Sequence[str]) -> tuple[Ids, list[int]]:
    """The ids of all texts in a row, and how many each text has."""
    if isinstance(tokenizer, EncodesTogether):
        return tokenizer.encode_together(texts)
    rows = tokenizer.encode_batch(texts)
    lengths = [len(row) for row in rows]
    return np.fromiter(chain.from_iterable(rows), np.uint32, sum(lengths)), lengths


def with_ends(ids: Ids, lengths: Sequence[int], end: Sequence[int]) -> Ids:
    """`ids` with those of `end` behind each text.

    >>> with_ends(np.array([5, 6, 7], np.uint32), [2, 1], [9]).tolist()
    [5, 6, 9, 7, 9]
    """
    places = np.repeat(np.cumsum(lengths, dtype=np.int64), len(end))
    filled: Ids = np.insert(ids, places, np.tile(np.array(end, np.uint32), len(lengths)))
    return filled


def id_blocks(
    texts: Iterable[str],
    tokenizer: TextTokenizer,
    end: Sequence[int],
    tally: Tally,
    *,
    threads: int | None = None,
) -> Iterator[Ids]:
    """The ids of the texts in order, each followed by those of `end`; all are counted in `tally`.

    A few blocks are under way at a time, whatever the length of the whole.
    """
    threads = threads or os.cpu_count() or 1
    if not isinstance(tokenizer, EncodesTogether):
        threads = 1  # its library shares the work among the cores already

    def encode(block: list[str]) -> tuple[Ids, Tally]:
        ids, lengths = encode_together(tokenizer, block)
        ids = with_ends(ids, lengths, end)
        n_bytes = sum(len(well_formed(text).encode()) for text in block)
        return ids, Tally(len(block), n_bytes, ids.size)

    def ready(under_way: "deque[Future[tuple[Ids, Tally]]]") -> Ids:
        ids, counted = under_way.popleft().result()
        tally.documents += counted.documents
        tally.bytes += counted.bytes
        tally.tokens += counted.tokens
        return ids

    with ThreadPoolExecutor(threads) as pool:
        under_way: deque[Future[tuple[Ids, Tally]]] = deque()
        for block in text_blocks(texts, _BLOCK_CHARACTERS):
            under_way.append(pool.submit(encode, block))
            if len(under_way) > threads:
                yield ready(under_way)
        while under_way:
            yield ready(under_way)


def text_blocks(texts: Iterable[str], characters: int) -> Iterator[list[str]]:
    """The texts in order, as many at a time as come to so many characters.

    >>> list(text_blocks(["aa", "b", "ccc"], 3))
    [['aa', 'b'], ['ccc']]
    """
    block: list[str] = []
    size = 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= characters:
            yield block
            block, size = [], 0
    if block:
        yield block
