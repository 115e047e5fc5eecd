"""Text for benchmarks, as much as is wanted, with no network.

Without a file: the embedded tales and Python's documentation and standard library. Where
there is less than wanted it is read again, and each time round another twentieth of its words
is replaced by words that were made up for that round: a text that only repeats itself would
have no new words to count, and a tokenizer's caches would know it by heart.
"""

import random
import re
from collections.abc import Iterable, Iterator
from itertools import chain, count, zip_longest
from pathlib import Path

from slm.data.reading.text_files import SEPARATOR
from slm.data.sources import SourceConfig, read_documents

EMBEDDED = ("tales", "python-docs", "python-code")
_CHARACTERS = 2_000
_SHARE = 20  # one word in so many is replaced
_WORD = re.compile(r"[A-Za-z]{4,}")
_SYLLABLES = [c + v + e for c in "bdfghklmnprstvwz" for v in "aeiou" for e in ("", "n", "r", "s")]


def documents(n_bytes: int, path: Path | None = None) -> Iterator[str]:
    """Documents on one line each, of about `n_bytes` in all; the same in every run."""
    for turn in count():
        words = random.Random(turn)
        invented = ["".join(words.choices(_SYLLABLES, k=words.randint(2, 4))) for _ in range(4_000)]
        taken = 0
        for line in _lines(path):
            document = _changed(line, words, invented) if turn else line
            taken += 1
            yield document
            n_bytes -= len(document.encode()) + 1
            if n_bytes <= 0:
                return
        if not taken:
            raise SystemExit("The text is empty.")


def write(path: Path, n_bytes: int, source: Path | None = None) -> int:
    """Write the documents as lines of a file, if it is not there; its size in bytes."""
    if not path.exists():
        with path.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{document}\n" for document in documents(n_bytes, source))
    return path.stat().st_size


def _lines(path: Path | None) -> Iterator[str]:
    """Lines of the file, or of the embedded corpora in turn, gathered to about 2,000 characters."""
    if path is not None:
        yield from _gathered([path.read_text("utf-8")])
        return
    configs = [SourceConfig(source=name, max_megabytes=12) for name in EMBEDDED]
    sources = [_gathered(document.text for document in read_documents(c)) for c in configs]
    yield from filter(None, chain.from_iterable(zip_longest(*sources)))


def _gathered(documents: Iterable[str]) -> Iterator[str]:
    for document in documents:
        held: list[str] = []
        size = 0
        for line in filter(None, map(str.strip, document.splitlines())):
            if line == SEPARATOR:
                continue
            held.append(line)
            size += len(line)
            if size >= _CHARACTERS:
                yield " ".join(held)
                held, size = [], 0
        if held:
            yield " ".join(held)


def _changed(line: str, words: random.Random, invented: list[str]) -> str:
    """The line with about one word in twenty replaced."""
    found = list(_WORD.finditer(line))
    chosen = {words.randrange(len(found)) for _ in range(-(-len(found) // _SHARE))} if found else ()
    pieces, end = [], 0
    for place in sorted(chosen):
        pieces += [line[end : found[place].start()], words.choice(invented)]
        end = found[place].end()
    return "".join([*pieces, line[end:]])
