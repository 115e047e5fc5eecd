"""Text files into documents: which encoding, and where one document ends.

Knows bytes, lines and paragraphs; not where the file came from or what happens
to its text. Line ends become a plain newline; nothing else is changed.
"""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from slm.errors import DataError

SEPARATOR = "<|endoftext|>"  # a line of its own between documents, as GPT-2's corpora have it
SUFFIXES = (".txt", ".text", ".md", ".markdown")
MIN_CHARACTERS = 40  # less than this is a slip, not a text
CHUNK_CHARACTERS = 2_000
LONG_LINE_CHARACTERS = 200
MIN_SECTIONS = 10
_READ_WHOLE_BYTES = 64 * 2**20
_PROBE_BYTES = 4 * 2**20
_MAX_CONTROL_SHARE = 0.02
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n[^\S\n]*\n\s*")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

Rule = Literal["separator", "lines", "sections", "chunks"]

HOW_SPLIT: dict[Rule, str] = {
    "separator": f"A document ends at each line that holds only {SEPARATOR}.",
    "lines": "Each line is a document: most lines are long and none is blank.",
    "sections": "A document ends at two or more blank lines.",
    "chunks": "No document marks were found: paragraphs are gathered into documents of at most "
    f"{CHUNK_CHARACTERS:,} characters.",
}


class Decoded(NamedTuple):
    """A file's text, the encoding it was read with, and how many places had to become U+FFFD."""

    text: str
    encoding: str
    replaced: int


@dataclass(frozen=True)
class SplitText:
    """The documents of one text, and in words how they were told apart."""

    documents: Iterator[str]
    how_split: str


def decode_upload(data: bytes, filename: str) -> Decoded:
    """The text of a file of unknown encoding.

    A byte order mark decides; else UTF-8 if it fits, or fits better than not;
    else Windows-1252, which reads almost any bytes.

    Raises:
        DataError: empty, blank, too short, or binary (with the place of the first NUL).
    """
    if not data:
        raise DataError(f"{filename} is empty. Choose a file that holds text.")
    encoding = detect_encoding(data)
    if not encoding.startswith("utf-16") and (place := data.find(0)) >= 0:
        raise DataError(
            f"{filename} is not text: NUL at byte {place:,}. "
            "Choose a text file; if it is text, save it as UTF-8."
        )
    text = _plain_newlines(data.decode(encoding, errors="replace"))
    controls = len(_CONTROL.findall(text))
    if controls > _MAX_CONTROL_SHARE * len(text):
        raise DataError(
            f"{filename} is not text: {controls:,} of its {len(text):,} characters are control "
            "characters. Choose a text file; if it is text, save it as UTF-8."
        )
    if not text.strip():
        raise DataError(
            f"{filename} holds only blanks: {len(data):,} bytes without a letter. "
            "Choose a file that holds text."
        )
    if len(text.strip()) < MIN_CHARACTERS:
        raise DataError(
            f"{filename} holds {len(text.strip())} characters; a corpus needs at least "
            f"{MIN_CHARACTERS}, and a good one 100,000. Choose a longer text."
        )
    return Decoded(text, encoding, text.count("\ufffd") - _own_marks(data, encoding))


def detect_encoding(data: bytes) -> str:
    """The codec to read `data` with: utf-8, utf-8-sig, utf-16 or cp1252.

    Bytes that are UTF-8 but for some damage stay UTF-8 when more characters
    outside ASCII are whole than broken.

    >>> detect_encoding("naïve café".encode("cp1252")), detect_encoding("naïve".encode())
    ('cp1252', 'utf-8')
    """
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(data)
    broken = text.count("\ufffd")
    if not broken:
        return "utf-8"
    whole = len(text) - len(text.encode("ascii", errors="ignore")) - broken
    return "utf-8" if whole > broken else "cp1252"


def choose_rule(text: str) -> Rule:
    """How a text tells its documents apart.

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


def split_text(text: str, rule: Rule | None = None) -> SplitText:
    """The documents of a text, none of them blank; the rule is chosen by the text if not given."""
    rule = rule or choose_rule(text)
    return SplitText(split_lines(io.StringIO(text), rule), HOW_SPLIT[rule])


def split_lines(lines: Iterable[str], rule: Rule) -> Iterator[str]:
    """Documents from lines, with at most one document in memory."""
    if rule == "chunks":
        yield from _chunks(_paragraphs(lines))
        return
    held: list[str] = []
    blanks = 0
    for line in lines:
        bare = line.strip()
        if rule == "separator":
            ends = bare == SEPARATOR
        else:
            ends = rule == "lines" or (not bare and blanks == 1)
        blanks = 0 if bare else blanks + 1
        if bare != SEPARATOR or rule != "separator":
            held.append(line)
        if ends:
            yield from _joined(held)
            held = []
    yield from _joined(held)


def read_text_file(path: Path) -> SplitText:
    """The documents of a local text file of any size.

    Up to 64 MB is read whole and checked whole; a larger file is judged by its
    first 4 MB and then read line by line.

    Raises:
        DataError: as `decode_upload`, now or while the documents are read.
    """
    if path.stat().st_size <= _READ_WHOLE_BYTES:
        return split_text(decode_upload(path.read_bytes(), path.name).text)
    with path.open("rb") as stream:
        probe = stream.read(_PROBE_BYTES)
    encoding = detect_encoding(probe)
    even_probe = probe[: len(probe) // 2 * 2]
    rule = choose_rule(decode_upload(even_probe, path.name).text)
    return SplitText(split_lines(_lines_of(path, encoding), rule), HOW_SPLIT[rule])


def _lines_of(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            if "\0" in line:
                raise DataError(
                    f"{path.name} is not text: NUL in line {number:,}. "
                    "Choose a text file; if it is text, save it as UTF-8."
                )
            yield line


def _plain_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _own_marks(data: bytes, encoding: str) -> int:
    """U+FFFD that stood in the file before it was decoded."""
    if encoding == "cp1252":
        return 0
    return data.decode(encoding, errors="ignore").count("\ufffd")


def _joined(lines: list[str]) -> Iterator[str]:
    """The lines as one text without the blank lines around it; nothing if all are blank."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    if filled:
        yield "".join(lines[filled[0] : filled[-1] + 1]).rstrip("\n")


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Paragraphs without the blank lines around them; very long ones in parts."""
    held: list[str] = []
    size = 0
    for line in lines:
        if not line.strip():
            yield from _joined(held)
            held, size = [], 0
            continue
        for part in _parts(line):
            if size + len(part) > CHUNK_CHARACTERS:
                yield from _joined(held)
                held, size = [], 0
            held.append(part)
            size += len(part)
    yield from _joined(held)


def _parts(line: str) -> Iterator[str]:
    """A line cut after a sentence, else at a blank, else anywhere, where it is too long."""
    start = 0
    while len(line) - start > CHUNK_CHARACTERS:
        end = start + CHUNK_CHARACTERS
        cut = max(line.rfind(mark, start + CHUNK_CHARACTERS // 2, end) for mark in ".!?")
        if cut < 0:
            cut = line.rfind(" ", start + 1, end)
        stop = end if cut < 0 else cut + 1
        yield line[start:stop]
        start = stop
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
