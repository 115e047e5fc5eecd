"""The cleaning rules by name: what each does to one text.

Sees a text at a time and never the corpus as a whole, except that exact
duplicates are remembered by their hashes for the length of a pass.
"""

import hashlib
import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser

MIN_CHARACTERS = 20

Apply = Callable[[str], str | None]


@dataclass(frozen=True)
class Rule:
    """One way to clean. `start` gives a function for one pass over a corpus: text in,
    cleaned text out, or None to drop the document."""

    name: str
    title: str
    description: str
    start: Callable[[], Apply]

    def apply(self, text: str) -> str | None:
        """The rule on a single text."""
        return self.start()(text)


_SINGLE_QUOTES = re.compile("[‘’‚‛]")
_DOUBLE_QUOTES = re.compile("[“”„‟«»]")
_ODD_ASCII_SPACES = dict.fromkeys(map(ord, "\t\v\f\r\x1c\x1d\x1e\x1f"), " ")
_ODD_SPACES = re.compile(
    "[\t\v\f\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
_INNER_BLANKS = re.compile(r"(?<=\S)  +(?=\S)")
_TRAILING_BLANKS = re.compile(r" +$", re.MULTILINE)
_ASCII_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), 127))
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n){2,}")
_TAG = re.compile(r"<[a-zA-Z/!?]")
_BLOCK_TAGS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figure"),
        *(
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "li",
            "main",
            "nav",
        ),
        *("ol", "p", "pre", "section", "table", "tr", "ul"),
    )
)
_SILENT_TAGS = frozenset({"script", "style", "template", "noscript"})


def _straight_quotes(text: str) -> str:
    if text.isascii():
        return text
    return _DOUBLE_QUOTES.sub('"', _SINGLE_QUOTES.sub("'", text))


def _whitespace(text: str) -> str:
    text = text.expandtabs(4)
    ascii_only = text.isascii()  # translate is many times faster than a pattern, on ASCII alone
    text = text.translate(_ODD_ASCII_SPACES) if ascii_only else _ODD_SPACES.sub(" ", text)
    if "  " in text:
        text = _INNER_BLANKS.sub(" ", text)
    return _TRAILING_BLANKS.sub("", text) if " \n" in text or text.endswith(" ") else text


def _control_characters(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_ASCII_CONTROLS) if text.isascii() else _CONTROLS.sub("", text)


def _blank_lines(text: str) -> str:
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


class _TextOfPage(HTMLParser):
    """Collects a page's text: blocks on lines of their own, scripts and styles left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._silent += tag in _SILENT_TAGS
        if tag in _BLOCK_TAGS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT_TAGS and self._silent > 0
        if tag in _BLOCK_TAGS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)

    def parse_html_declaration(self, i: int) -> int:
        """As the base class, but `<![` that declares nothing is a comment, as in browsers."""
        try:
            return super().parse_html_declaration(i)
        except AssertionError:
            return self.parse_bogus_comment(i)


def _strip_html(text: str) -> str:
    if not _TAG.search(text):
        return html.unescape(text)
    page = _TextOfPage()
    page.feed(text)
    page.close()
    return "".join(page.parts).strip()


def _exact_duplicates() -> Apply:
    seen: set[bytes] = set()

    def drop_seen(text: str) -> str | None:
        digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
        if digest in seen:
            return None
        seen.add(digest)
        return text

    return drop_seen


def _each(apply: Apply) -> Callable[[], Apply]:
    """The start of a rule that remembers nothing."""
    return lambda: apply


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "unicode_nfc",
            "One form for each character",
            "Letters written as letter plus accent become one character (Unicode NFC).",
            _each(lambda text: unicodedata.normalize("NFC", text)),
        ),
        Rule(
            "strip_html",
            "Text of web pages",
            "HTML tags, scripts and styles go; entities such as &amp; become their characters.",
            _each(_strip_html),
        ),
        Rule(
            "control_characters",
            "No control characters",
            "Invisible control characters go, newline and tab excepted; line ends become newlines.",
            _each(_control_characters),
        ),
        Rule(
            "straight_quotes",
            "Straight quotes",
            "Curly and angled quotation marks become ' and \".",
            _each(_straight_quotes),
        ),
        Rule(
            "whitespace",
            "Single blanks",
            "Tabs and odd spaces become blanks, runs within a line one; indentation stays.",
            _each(_whitespace),
        ),
        Rule(
            "blank_lines",
            "One blank line at most",
            "Several blank lines in a row become one; those at both ends go.",
            _each(_blank_lines),
        ),
        Rule(
            "lower_case",
            "Lower case",
            "Every letter becomes small: a smaller vocabulary, and no names by their capitals.",
            _each(str.lower),
        ),
        Rule(
            "min_length",
            "No scraps",
            f"Documents of fewer than {MIN_CHARACTERS} characters are dropped.",
            _each(lambda text: text if len(text.strip()) >= MIN_CHARACTERS else None),
        ),
        Rule(
            "exact_duplicates",
            "No exact duplicates",
            "A document that came before, character for character, is dropped.",
            _exact_duplicates,
        ),
    )
}
"""All rules, in the order in which they work best."""

DEFAULT_RULES = ("unicode_nfc", "control_characters", "exact_duplicates")
"""Rules that harm no text: indentation, line breaks and capitals stay as they are."""
