"""The words of HTML pages, without what only a screen needs.

Knows elements and paragraphs; not where the page is from. Nothing that a page names
is fetched or run. Pages are parsed as browsers do, by Lexbor through selectolax.

Source: HTML Living Standard, §13.2 (parsing) and §3.2.7 (innerText: where lines break).
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slm.data.reading.content import Content, Tally
from slm.data.reading.decoding import Decoded, decode_bytes

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MAX_DEPTH = 400
"""Elements inside one another; browsers stop at about 500, and a parser slows down."""


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SILENT = _tags(
    "head script style noscript template iframe object svg math canvas audio video select "
    "textarea button"
)
_BLOCKS = _tags(
    "address article aside blockquote body caption center dd details dialog div dl dt "
    "fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main "
    "nav ol p pre section summary table tbody tfoot thead tr ul"
)
_PARAGRAPHS = _tags("p h1 h2 h3 h4 h5 h6 blockquote pre table ul ol dl figure")
_STRENGTH = {"": 0, " ": 1, "\t": 2, "\n": 3, "\n\n": 4}
_MARKS = {
    **dict.fromkeys(_BLOCKS, "\n"),
    **dict.fromkeys(_PARAGRAPHS, "\n\n"),
    **dict.fromkeys(("td", "th"), "\t"),
}
_CLOSE_THEMSELVES = _tags(
    "area base br col embed hr img input link meta source track wbr p li dt dd tr td th thead "
    "tbody tfoot option optgroup rp rt"
)
_DRAWN = _tags(  # what may stand inside <svg> without leading back to HTML
    "g defs path rect circle ellipse line polyline polygon use stop image text tspan symbol marker "
    "pattern mask filter clippath lineargradient radialgradient animate"
)
_INLINE = _tags(
    "a abbr b br code em font i img input kbd link meta s small span strong sub sup title u"
)
ELEMENTS = frozenset({*_SILENT, *_BLOCKS, *_INLINE, "td", "th"})
"""Names by which a page is told from a text that is none."""

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*+)[^<>]*+>")
_DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{2,40})""", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n\f]+")


def html_text(content: Content, tally: Tally) -> Decoded:
    """The words of an HTML page: each block on a line of its own, paragraphs apart by a blank line.

    Raises: DataError when it is empty or binary.
    """
    data = content.whole()
    declared = _DECLARED.search(data[:4_096])
    decoded = decode_bytes(data, content.name, tally, declared[1].decode() if declared else None)
    return Decoded(page_text(decoded.text) + "\n", decoded.encoding, decoded.replaced)


def page_text(html: str) -> str:
    """What a page shows, as text: blocks on lines of their own, no tags, scripts or styles.

    >>> page_text("<p>One <b>bold</b> word<script>x()</script><p>Tea &amp; cake")
    'One bold word\\n\\nTea & cake'
    """
    from selectolax.lexbor import LexborHTMLParser

    return "".join(_pieces(LexborHTMLParser(_flattened(html)).root)).strip("\n")


def _pieces(root: "LexborNode | None") -> Iterator[str]:
    """Texts and what stands between them, in reading order.

    Walks without recursion, however deep the page. What stands between two texts is
    the strongest of the marks that were passed: a blank, a tab, a line end, a blank line.
    """
    node, preformatted = root, 0
    mark = ""
    while node is not None:
        tag = node.tag or ""
        if tag == "-text":
            text = node.text_content or ""
            if not preformatted:
                inner = " ".join(_BLANKS.split(text))
                bare = inner.strip(" ")
                if bare:
                    yield mark or (" " if inner[0] == " " else "")
                    yield bare
                mark = _stronger(mark if not bare else "", " " if inner[-1:] == " " else "")
            elif text:
                yield from (mark, text)
                mark = ""
        elif tag == "br":
            mark = "\n\n" if "\n" in mark else "\n"
        elif tag not in _SILENT:
            mark = _stronger(mark, _MARKS.get(tag, ""))
            if (child := node.first_child) is not None:
                preformatted += tag == "pre"
                node = child
                continue
        while (following := node.next) is None:
            node = node.parent
            if node is None:
                return
            tag = node.tag or ""
            mark = _stronger(mark, _MARKS.get(tag, ""))
            preformatted -= tag == "pre"
        node = following


def _stronger(mark: str, other: str) -> str:
    return other if _STRENGTH[other] > _STRENGTH[mark] else mark


def _flattened(html: str) -> str:
    """The page without the tags that are nested deeper than MAX_DEPTH; their text stays.

    A parser's time grows with the square of the depth, so that 100,000 nested
    elements, less than 1 MB, would take most of a minute. Elements that close themselves
    (`<path/>`, in drawings alone) are no depth: else what follows a drawing of many lines
    would lose its tags.
    """
    depth, drawing = 0, False

    def keep(tag: re.Match[str]) -> str:
        nonlocal depth, drawing
        closing, name = tag[1], tag[2].lower()
        closed = tag[0].endswith("/>")
        if name == "svg":
            drawing = not closing and not closed
        elif name not in _DRAWN:
            drawing = False
        if name in _CLOSE_THEMSELVES or (drawing and closed):
            return tag[0]
        if not closing:
            depth += 1
        kept = depth <= MAX_DEPTH
        if closing and depth:
            depth -= 1
        return tag[0] if kept else " "

    return _TAG.sub(keep, html)
