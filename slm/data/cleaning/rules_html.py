"""The rule that takes the text out of a web page.

Knows HTML's elements. Pages are parsed as browsers do, by Lexbor through selectolax.
"""

import html
import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

_MAX_DEPTH = 1_000  # parsing takes quadratic time in depth; browsers stop at 512
_SILENT = frozenset(
    ("script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object")
)
_PARAGRAPHS = frozenset(
    ("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre")
)
_LINES = frozenset(
    (
        *("address", "article", "aside", "dd", "details", "div", "dt", "fieldset", "figcaption"),
        *("figure", "footer", "form", "header", "hr", "li", "main", "nav", "section", "tr"),
    )
)
_CELLS = frozenset(("td", "th"))
_INLINE = (
    *("a", "abbr", "b", "body", "br", "button", "code", "em", "font", "html", "i", "img", "input"),
    *("kbd", "link", "meta", "s", "small", "span", "strong", "sub", "sup", "title", "u"),
)
_ELEMENTS = "|".join(sorted({*_SILENT, *_PARAGRAPHS, *_LINES, *_CELLS, *_INLINE}))
_TAG = re.compile(rf"</?(?:{_ELEMENTS})(?:[\s/][^<>]*)?>|<!(?:--|doctype\b)", re.IGNORECASE)
_ANY_TAG = re.compile(r"<(/?)[a-zA-Z][^<>]*?(/?)>")
_CLOSE_THEMSELVES = re.compile(  # elements whose end a page may leave out, and empty ones
    r"</?(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"
    r"|p|li|dt|dd|tr|td|th|thead|tbody|tfoot|option|optgroup|rp|rt)\b",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"[ \t\n\f\r]+")


def strip_html(text: str) -> str:
    """The text of a page: blocks on lines of their own, no tags, scripts or styles.

    A text counts as a page when it holds a tag of HTML, so that `a < b` and `List<int>` stay
    as they are; of other texts only character references (`&amp;`) change.

    >>> strip_html("<p>One <b>bold</b> word</p><script>x()</script><p>Tea &amp; cake")
    'One bold word\\n\\nTea & cake'
    >>> strip_html("if a < b and c > d: List<int>")
    'if a < b and c > d: List<int>'

    Source: HTML Living Standard, §13.2 (parsing) and §3.2.7 (innerText: where lines break).
    """
    if not _TAG.search(text):
        return html.unescape(text) if "&" in text else text
    if _depth(text) > _MAX_DEPTH:
        return html.unescape(_ANY_TAG.sub("\n", text)).strip()
    root = LexborHTMLParser(text).root
    return "" if root is None else _inner_text(root)


def _inner_text(root: LexborNode) -> str:
    """What a browser shows of a page, without its layout."""
    parts: list[str] = []
    breaks = 0  # line breaks that are due before the next text
    as_typed = 0  # open <pre> elements
    blank = False  # whether a blank is due before the next text of the line
    for node, opens in _walk(root):
        tag = node.tag or ""
        if tag == "-text":
            if not opens:
                continue
            text = node.text_content or ""
            shown = text if as_typed else _BLANKS.sub(" ", text)
            if not as_typed:
                blank = blank or shown.startswith(" ")
                ends_blank = shown.endswith(" ")
                shown = shown.strip(" ")
            if shown:
                at_start = bool(breaks) or not parts or parts[-1].endswith("\n")
                parts.append("\n" * breaks if parts else "")
                parts.append(" " if blank and not at_start else "")
                parts.append(shown)
                breaks, blank = 0, False
            blank = blank or (not as_typed and ends_blank)
        elif tag == "br":
            breaks += opens
        elif tag in _CELLS:
            blank = True
        elif tag in _PARAGRAPHS:
            breaks = max(breaks, 2)
            as_typed += (tag == "pre") * (1 if opens else -1)
        elif tag in _LINES:
            breaks = max(breaks, 1)
    return "".join(parts).strip("\n")


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Every node of a tree as it opens (True) and as it closes, but for what is never shown."""
    node, end = root, root.mem_id
    while True:
        yield node, True
        child = None if node.tag in _SILENT else node.first_child
        if child is not None:
            node = child
            continue
        while True:
            yield node, False
            if node.mem_id == end:
                return
            if node.next is not None:
                node = node.next
                break
            assert node.parent is not None
            node = node.parent


def _depth(text: str) -> int:
    """How deep the tags nest at most, as they stand; those that close by themselves left out."""
    depth = deepest = 0
    for tag in _ANY_TAG.finditer(text):
        if _CLOSE_THEMSELVES.match(tag[0]):
            continue
        if tag[1]:
            depth -= depth > 0
        elif not tag[2]:
            depth += 1
            deepest = max(deepest, depth)
    return deepest
