"""Bytes into text: which encoding, what is no text at all, and how much had to be replaced.

Knows bytes and characters; not documents. A file is read twice, in blocks: once to
find out what it is, once for its text. Line ends become a plain newline; nothing
else is changed.
"""

import codecs
import io
import re
import threading
from collections.abc import Iterator
from typing import NamedTuple

from slm.data.reading.content import Content, Tally
from slm.errors import DataError

MIN_CHARACTERS = 40  # less than this is a slip, not a text
MAX_LINE = 16 * 2**20
"""Characters; a longer line is read in pieces, so that no line fills the memory."""

_BLOCK_BYTES = 2**20
_SAMPLE_BYTES = 32_768
_PROBE_BYTES = 4_096
_MAX_CONTROL_SHARE = 0.02
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_BEFORE_BYTES, _AFTER_BYTES = 200, 400  # of a passage around a character outside ASCII
_MARKS = (  # UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-16", "utf-32")
_FALLBACK = "cp1252"
_CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "iso8859_2"),
    *("koi8_r", "cp866", "mac_roman", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"),
)
_WESTERN = (
    *("àâæçéèêëîïôœùûüÿ", "äöüß", "áéíóúüñ", "áâãàçéêíóôõú", "àèéìíîòóùú"),
    *("åäöæøé", "áðéíóúýþæö", "éëïóöü"),
)
_CENTRAL = (*("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ"),)
_LATIN: dict[str, tuple[str, ...]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": ("çğıöşüâîû",),
    "mac_roman": _WESTERN,
}
"""The special letters of the languages that are written in each of the Latin encodings."""
_PUNCTUATION = frozenset("’‘“”„‚«»–—…¿¡§°€·©®\xa0")
_current = threading.local()  # the tally of whoever decodes at this moment


class Decoded(NamedTuple):
    """A file's text, the encoding it was read with, and how many places had to become U+FFFD."""

    text: str
    encoding: str
    replaced: int


class Text(NamedTuple):
    """A file's lines, to be read once, and the encoding they are read with."""

    lines: Iterator[str]
    encoding: str


def open_text(content: Content, tally: Tally) -> Text:
    """The lines of a file of unknown encoding, in bounded memory.

    A byte order mark decides; else UTF-8 if it fits, or fits better than not; else
    what `charset_normalizer` finds most likely, Windows-1252 where it cannot tell.
    Places that cannot be decoded become U+FFFD and are counted in the tally.

    Raises:
        DataError: empty, or binary (with the place of the first NUL).
    """
    encoding = encoding_of(content)
    return Text(_lines(content, encoding, tally), encoding)


def decode_bytes(data: bytes, name: str, tally: Tally, declared: str | None = None) -> Decoded:
    """The text of bytes that cannot be read in blocks, such as a page of HTML.

    An encoding that the file itself declares is tried before one is guessed.

    Raises: DataError when it is empty or binary.
    """
    content = Content.of_bytes(data, name)
    before = tally.replaced_characters
    encoding = encoding_of(content)
    if declared and encoding not in {codec for _, codec in _MARKS} and _fits(data, declared):
        encoding = codecs.lookup(declared).name
    text = "".join(_lines(content, encoding, tally))
    return Decoded(text, encoding, tally.replaced_characters - before)


def decode_upload(data: bytes, filename: str) -> Decoded:
    """The text of a file in memory.

    Raises:
        DataError: empty, blank, too short, or binary.
    """
    tally = Tally()
    lines, encoding = open_text(Content.of_bytes(data, filename), tally)
    text = "".join(lines)
    require_text(text, filename)
    return Decoded(text, encoding, tally.replaced_characters)


def require_text(text: str, name: str, *, whole: bool = True) -> None:
    """Check that the text, or its beginning, is one.

    Raises: DataError for control characters; and if it is the whole, for a blank or short text.
    """
    controls = len(_CONTROL.findall(text))
    if controls > _MAX_CONTROL_SHARE * len(text):
        first = "" if whole else "first "
        raise DataError(
            f"{name} is not text: {controls:,} of its {first}{len(text):,} characters are "
            "control characters. Choose a text file; if it is text, save it as UTF-8."
        )
    filled = len(text.strip())
    if whole and not filled:
        raise DataError(
            f"{name} holds only blanks: {len(text.encode(errors='replace')):,} bytes without a "
            "letter. Choose a file that holds text."
        )
    if whole and filled < MIN_CHARACTERS:
        raise DataError(
            f"{name} holds {filled} characters; a corpus needs at least "
            f"{MIN_CHARACTERS}, and a good one 100,000. Choose a longer text."
        )


def detect_encoding(data: bytes) -> str:
    """The codec to read `data` with.

    Bytes that are UTF-8 but for some damage stay UTF-8 when more characters
    outside ASCII are whole than broken.

    >>> detect_encoding("naïve café".encode("cp1252")), detect_encoding("naïve".encode())
    ('cp1252', 'utf-8')
    """
    return _detect(Content.of_bytes(data, "text"))[0]


def encoding_of(content: Content) -> str:
    """The codec to read a file with.

    Raises: DataError when it is empty or holds a NUL.
    """
    content.require_bytes()
    encoding, nul = _detect(content)
    if nul is not None:
        raise DataError(
            f"{content.name} is not text: NUL at byte {nul:,}. "
            "Text holds no such zero bytes; pictures, programs and packed files do. "
            "Choose a text file; if it is text, save it as UTF-8."
        )
    return encoding


def _lines(content: Content, encoding: str, tally: Tally) -> Iterator[str]:
    with content.open() as raw, io.TextIOWrapper(raw, encoding, errors=_COUNT) as stream:
        while True:
            _current.tally = tally  # another reader may have had its turn since the last line
            line = stream.readline(MAX_LINE)
            if not line:
                return
            yield line


def _detect(content: Content) -> tuple[str, int | None]:
    """The encoding, and where the first NUL is if the encoding has none."""
    with content.open() as stream:
        block = stream.read(_BLOCK_BYTES)
        marked = next((codec for mark, codec in _MARKS if block.startswith(mark)), None)
        if (marked or "").startswith(_WIDE):
            return marked or "", None
        if wide := _wide_without_mark(block[:_PROBE_BYTES]):
            return wide, None
        check, place, sample = _Utf8Check(), 0, bytearray()
        while block:
            if (nul := block.find(0)) >= 0:
                return marked or "utf-8", place + nul
            check.feed(block)
            if len(sample) < _SAMPLE_BYTES and not block.isascii():
                sample += _passages(block)
            place += len(block)
            block = stream.read(_BLOCK_BYTES)
    if marked or check.fits():
        return marked or "utf-8", None
    return _likely(bytes(sample)), None


def _passages(block: bytes) -> bytes:
    """What stands around its characters outside ASCII, as much as a guess needs."""
    found, end = bytearray(), 0
    while len(found) < _SAMPLE_BYTES and (special := _NOT_ASCII.search(block, end)):
        first = max(end, special.start() - _BEFORE_BYTES)
        begin = block.rfind(b"\n", first, special.start()) + 1 or first
        after = special.start() + _AFTER_BYTES
        end = block.find(b"\n", special.start(), after) + 1 or min(after, len(block))
        found += block[begin:end]
    return bytes(found)


def _fits(data: bytes, declared: str) -> bool:
    """Whether the declared encoding is one of text and reads every byte."""
    try:
        data.decode(declared)
    except (LookupError, UnicodeError):
        return False
    return True


class _Utf8Check:
    """Counts characters outside ASCII, whole and broken, block by block."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._decoder = codecs.getincrementaldecoder("utf-8")(_COUNT)
        self._special = 0
        self._pending = False

    def feed(self, block: bytes) -> None:
        if not self._pending and block.isascii():
            return
        self._count(block, final=False)

    def fits(self) -> bool:
        self._count(b"", final=True)
        broken = self._tally.replaced_characters
        return not broken or self._special - broken > broken

    def _count(self, block: bytes, *, final: bool) -> None:
        _current.tally = self._tally
        text = self._decoder.decode(block, final)
        self._special += len(text) - len(text.encode("ascii", errors="ignore"))
        self._pending = bool(self._decoder.getstate()[0])


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 without a mark shows as a NUL at every other byte, since most text has ASCII in it."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if half < MIN_CHARACTERS // 2:
        return None
    if odd > 0.4 * half and even < 0.01 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.01 * half:
        return "utf-16-be"
    return None


def _likely(sample: bytes) -> str:
    """The most likely encoding of passages that are no UTF-8.

    `charset_normalizer` tells the scripts apart. The Latin encodings differ in few
    letters; of them the one wins whose letters one language knows, Windows-1252 first.
    """
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample, cp_isolation=list(_CANDIDATES)).best()
    if best is None or best.encoding in _LATIN:
        return max(_LATIN, key=lambda codec: _known_letters(sample, codec))
    return best.encoding


def _known_letters(sample: bytes, codec: str) -> int:
    """How many characters outside ASCII one language knows: its letters, and punctuation."""
    text = sample.decode(codec, errors="replace").casefold()
    special = [character for character in text if character > "\x7f"]
    marks = sum(character in _PUNCTUATION for character in special)
    return marks + max(
        sum(character in letters for character in special) for letters in _LATIN[codec]
    )


def _replace_and_count(error: UnicodeError) -> tuple[str, int]:
    """What Python's own "replace" does, and a count."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    _current.tally.replaced_characters += 1
    return "\ufffd", error.end


_COUNT = "slm-replace-and-count"
codecs.register_error(_COUNT, _replace_and_count)
