"""How often each chunk stands in a text of any size: all that a trainer needs to know of it.

`patterns.count_chunks` for large corpora: on all cores, and in bounded memory. Texts go
through the processes a block at a time. New words never cease to turn up, so the distinct
chunks are kept within a budget: when it is full, the rarest are forgotten until half of it is
free. They are those that a merge would come to last, and how much text that was is told.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

from slm import children
from slm.errors import TokenizerError
from slm.tokenizer.patterns import chunks
from slm.tokenizer.together import text_blocks

BUDGET_CHARACTERS = 16 * 2**20
LONGEST_CHUNK = 2**20
"""Characters. A longer one, as in text without any blank, is counted in pieces of this length."""
_BLOCK_CHARACTERS = 2**20
_ALONE_BLOCKS = 12  # less than this is counted sooner than another process has started


@dataclass
class ChunkCounts:
    """How often each chunk stands in the text, and how many bytes of it were forgotten."""

    pattern: str
    counts: Counter[str] = field(default_factory=Counter)
    forgotten_bytes: int = 0
    budget: int = BUDGET_CHARACTERS

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of the text that the counts stand for."""
        return sum(len(chunk.encode()) * times for chunk, times in self.counts.items())

    def count(self, texts: Iterable[str]) -> None:
        """Count the chunks of some more texts."""
        for text in texts:
            found = chunks(text, self.pattern)
            if len(text) > LONGEST_CHUNK:
                found = list(chain.from_iterable(map(_pieces, found)))
            self.counts.update(found)
        self._keep_to_budget()

    def add(self, counts: Mapping[str, int], forgotten_bytes: int) -> None:
        """Take over what was counted elsewhere."""
        self.counts.update(counts)
        self.forgotten_bytes += forgotten_bytes
        self._keep_to_budget()

    def _keep_to_budget(self) -> None:
        """Forget the rarest chunks, of equally rare ones the longest, when they are too many."""
        if sum(map(len, self.counts)) <= self.budget:
            return
        left = self.budget // 2
        by_use = sorted(self.counts.items(), key=lambda item: (-item[1], len(item[0]), item[0]))
        for chunk, times in by_use:
            left -= len(chunk)
            if left < 0:
                self.forgotten_bytes += times * len(chunk.encode())
                del self.counts[chunk]


def count_text(texts: Iterable[str], pattern: str, *, processes: int = 1) -> ChunkCounts:
    """The counts of all the texts, by as many processes; small texts need but one.

    >>> count_text(["hug pug", "hug"], "gpt2").counts
    Counter({'hug': 2, ' pug': 1})

    Raises: TokenizerError when one of the processes ends before its time.
    """
    found = ChunkCounts(pattern)
    blocks = text_blocks(texts, _BLOCK_CHARACTERS)
    for number, block in enumerate(blocks, start=1):
        found.count(block)
        if number == _ALONE_BLOCKS and processes > 1:
            with _counters(pattern, processes) as counters:
                _deal(blocks, counters)
                for counter in counters:
                    found.add(*_answer(counter))
    return found


def _deal(blocks: Iterable[Sequence[str]], counters: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Give the blocks to the processes in turn, and tell them that there are no more."""
    for number, block in enumerate(blocks):
        counter = counters[number % len(counters)]
        try:
            _stream(counter.stdin).write(json.dumps(block).encode() + b"\n")
        except OSError:
            raise _ended(counter) from None
    for counter in counters:
        _stream(counter.stdin).close()


def _answer(counter: "subprocess.Popen[bytes]") -> tuple[dict[str, int], int]:
    line = _stream(counter.stdout).readline()
    if not line.endswith(b"\n"):
        raise _ended(counter)
    counts, forgotten_bytes = json.loads(line)
    return counts, forgotten_bytes


def _ended(counter: "subprocess.Popen[bytes]") -> TokenizerError:
    return TokenizerError(
        f"A process that counted chunks ended with status {counter.wait()}; most often memory was "
        "short. Close other programs, or train on less text."
    )


@contextmanager
def _counters(pattern: str, processes: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Processes that count what they are given. They end with their input, so also with us."""
    command = [sys.executable, "-m", "slm.tokenizer.counting", pattern]
    environment = children.environment({"OMP_NUM_THREADS": "1"})
    started: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(processes):
            started.append(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
                )
            )
        yield started
    finally:
        for counter in started:
            counter.kill()
            counter.wait()
            for stream in (counter.stdin, counter.stdout):
                _close(_stream(stream))


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:  # what was not yet written has nobody to read it
        return


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _serve(pattern: str, given: IO[bytes], answer: IO[bytes]) -> None:
    """Count a list of texts a line, then answer with all counts in one line.

    A line that is torn, or an answer that nobody reads: the parent is gone.
    """
    found = ChunkCounts(pattern)
    for line in given:
        if not line.endswith(b"\n"):
            os._exit(1)
        found.count(json.loads(line))
    try:
        answer.write(json.dumps([found.counts, found.forgotten_bytes]).encode() + b"\n")
        answer.flush()
    except BrokenPipeError:
        os._exit(1)


def _pieces(chunk: str) -> list[str]:
    return [chunk[start : start + LONGEST_CHUNK] for start in range(0, len(chunk), LONGEST_CHUNK)]


if __name__ == "__main__":
    _serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
