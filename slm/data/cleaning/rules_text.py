"""Rules that rewrite characters and blanks: a text in, the cleaned text out.

Each sees one text and remembers nothing. A text that needs nothing is given back
as it came, the same object, so that whoever counts changes need not compare.
"""

import re
import unicodedata

from ftfy import TextFixerConfig, fix_encoding
from ftfy.badness import is_bad

_SINGLE_QUOTES = re.compile("[‘’‚‛]")
_DOUBLE_QUOTES = re.compile("[“”„‟«»]")
_ODD_ASCII_SPACES = dict.fromkeys(map(ord, "\t\v\f\r\x1c\x1d\x1e\x1f"), " ")
_ODD_SPACES = re.compile(
    "[\t\v\f\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
_INNER_BLANKS = re.compile(r"(?<=\S)  +(?=\S)")
_TRAILING_BLANKS = re.compile(r"(?<! ) +$", re.MULTILINE)  # a run is tried once, so in linear time
_ASCII_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), 127))
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n){2,}")
_FIX_ENCODING = TextFixerConfig(explain=False)


def unicode_nfc(text: str) -> str:
    """Letter plus accent as one character.

    Source: Unicode Standard Annex 15, form C.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def unicode_nfkc(text: str) -> str:
    """As NFC; ligatures, full-width letters, superscripts become plain characters too.

    >>> unicode_nfkc("ﬁne ２×１０³")
    'fine 2×103'

    Source: Unicode Standard Annex 15, form KC.
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def mojibake(text: str) -> str:
    """Letters of a text that was read in a wrong encoding, put right line by line.

    Only sequences that ftfy takes for misread UTF-8 change; curly quotes, ligatures and
    everything else stay.

    >>> mojibake("The cafÃ© is open\\nnaïve stays")
    'The café is open\\nnaïve stays'
    """
    if text.isascii() or not is_bad(text):
        return text
    lines = text.split("\n")
    return "\n".join(
        line if line.isascii() else fix_encoding(line, _FIX_ENCODING) for line in lines
    )


def straight_quotes(text: str) -> str:
    """Curly and angled quotation marks as ' and \"."""
    if text.isascii():
        return text
    return _DOUBLE_QUOTES.sub('"', _SINGLE_QUOTES.sub("'", text))


def whitespace(text: str) -> str:
    """Tabs and odd spaces as blanks, one between words; indentation stays."""
    if "\t" in text:
        text = text.expandtabs(4)
    ascii_only = text.isascii()  # translate is many times faster than a pattern, on ASCII alone
    text = text.translate(_ODD_ASCII_SPACES) if ascii_only else _ODD_SPACES.sub(" ", text)
    if "  " in text:
        text = _INNER_BLANKS.sub(" ", text)
    return _TRAILING_BLANKS.sub("", text) if " \n" in text or text.endswith(" ") else text


def control_characters(text: str) -> str:
    """No invisible control characters but newline and tab; line ends as newlines."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_ASCII_CONTROLS) if text.isascii() else _CONTROLS.sub("", text)


def blank_lines(text: str) -> str:
    """One blank line in a row at most; none at both ends."""
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


def lower_case(text: str) -> str:
    """Every letter small."""
    return text.lower()
