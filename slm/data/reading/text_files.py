"""Lines into documents: where one document ends and the next begins.

Knows lines and paragraphs; not where they came from or what happens to their text.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from slm.data.reading.content import Tally

SEPARATOR = "<|endoftext|>"  # a line of its own between documents, as GPT-2's corpora have it
CHUNK_CHARACTERS = 2_000
MAX_DOCUMENT = 8 * 2**20
"""Characters; a longer document is cut, so that none fills the memory."""
LONG_LINE_CHARACTERS = 200
MIN_SECTIONS = 10
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n[^\S\n]*\n\s*")

Rule = Literal["separator", "lines", "paragraphs", "sections", "chunks", "file"]
SplitRule = Literal["auto", "separator", "lines", "paragraphs", "sections", "chunks", "file"]
"""A rule, or `auto`: the rule that the text itself suggests."""
RULES: tuple[Rule, ...] = get_args(Rule)

HOW_SPLIT: dict[Rule, str] = {
    "separator": f"A document ends at each line that holds only {SEPARATOR}.",
    "lines": "Each line is a document: most lines are long and none is blank.",
    "paragraphs": "Each paragraph is a document; it ends at a blank line.",
    "sections": "A document ends at two or more blank lines.",
    "chunks": "No document marks were found: paragraphs are gathered into documents of at most "
    f"{CHUNK_CHARACTERS:,} characters.",
    "file": "Each file is a document.",
}
_AS_ASKED: dict[Rule, str] = {
    "lines": "Each line is a document.",
    "chunks": f"Paragraphs are gathered into documents of at most {CHUNK_CHARACTERS:,} characters.",
}


def how_split(rule: Rule, *, asked: bool) -> str:
    """In words how documents are told apart, by a rule that was found or asked for.

    >>> how_split("lines", asked=True)
    'Each line is a document.'
    """
    return _AS_ASKED.get(rule, HOW_SPLIT[rule]) if asked else HOW_SPLIT[rule]


def choose_rule(text: str) -> Rule:
    """How a text tells its documents apart; its beginning is enough.

    >>> choose_rule("One.\\n<|endoftext|>\\nTwo.\\n")
    'separator'
    """
    lines = text.split("\n")
    if any(line.strip() == SEPARATOR for line in lines):
        return "separator"
    filled = [line for line in lines if line.strip()]
    gaps = len(lines) - len(filled) - (1 if text.endswith("\n") else 0)
    long = sum(len(line) > LONG_LINE_CHARACTERS for line in filled)
    if len(filled) > 1 and not gaps and long > len(filled) / 2:
        return "lines"
    sections = [section for section in _BLANK_LINES.split(text) if section.strip()]
    if len(sections) >= MIN_SECTIONS and max(map(len, sections)) < len(text) / 4:
        return "sections"
    return "chunks"


def split_lines(lines: Iterable[str], rule: Rule, tally: Tally | None = None) -> Iterator[str]:
    """Documents from lines, none of them blank, with at most one document in memory.

    The tally counts documents and lines that had to be cut where they had no mark.
    """
    tally = tally or Tally()
    if rule == "chunks":
        yield from _chunks(_paragraphs(lines, tally))
        return
    held: list[str] = []
    blanks = size = 0
    for line in lines:
        bare = line.strip()
        if rule == "separator":
            ends = bare == SEPARATOR
        elif rule == "lines":
            ends = line.endswith("\n")  # a very long line comes in pieces
        else:
            ends = not bare and (rule == "paragraphs" or (rule == "sections" and blanks == 1))
        blanks = 0 if bare else blanks + 1
        if rule != "separator" or bare != SEPARATOR:
            held.append(line)
            size += len(line)
        if size > MAX_DOCUMENT and not ends:
            tally.documents_cut += 1
            ends = True
        if ends:
            yield from _joined(held)
            held, size = [], 0
    yield from _joined(held)


def _joined(lines: list[str]) -> Iterator[str]:
    """The lines as one text without the blank lines around it; nothing if all are blank."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    if filled:
        yield "".join(lines[filled[0] : filled[-1] + 1]).rstrip("\n")


def _paragraphs(lines: Iterable[str], tally: Tally) -> Iterator[str]:
    """Paragraphs without the blank lines around them; very long ones in parts."""
    held: list[str] = []
    size = 0
    for line in lines:
        if not line.strip():
            yield from _joined(held)
            held, size = [], 0
            continue
        for part in _parts(line, tally):
            if size + len(part) > CHUNK_CHARACTERS:
                yield from _joined(held)
                held, size = [], 0
            held.append(part)
            size += len(part)
    yield from _joined(held)


def _parts(line: str, tally: Tally) -> Iterator[str]:
    """A line cut after a sentence, else at a blank, else anywhere, where it is too long."""
    start = 0
    blunt = False
    while len(line) - start > CHUNK_CHARACTERS:
        end = start + CHUNK_CHARACTERS
        cut = max(line.rfind(mark, start + CHUNK_CHARACTERS // 2, end) for mark in ".!?")
        if cut < 0:
            cut = line.rfind(" ", start + 1, end)
        blunt = blunt or cut < 0
        stop = end if cut < 0 else cut + 1
        yield line[start:stop]
        start = stop
    tally.lines_cut += blunt
    yield line[start:]


def _chunks(paragraphs: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for paragraph in paragraphs:
        if held and size + len(paragraph) > CHUNK_CHARACTERS:
            yield "\n\n".join(held)
            held, size = [], 0
        held.append(paragraph)
        size += len(paragraph) + 2
    if held:
        yield "\n\n".join(held)
