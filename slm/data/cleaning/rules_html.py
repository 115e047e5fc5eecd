"""The rule that takes the text out of a web page, where a text is one.

Knows what makes a text a page; what a page shows, `reading.markup` says.
"""

import html
import re

from slm.data.reading.markup import ELEMENTS, page_text

_NAMES = "|".join(sorted(ELEMENTS - {"summary"}))  # stands in the comments of C# too
_TAG = re.compile(rf"</?(?:{_NAMES})(?:[\s/][^<>]*)?>|<!(?:--|doctype\b)", re.IGNORECASE)


def strip_html(text: str) -> str:
    """The text of a page: blocks on lines of their own, no tags, scripts or styles.

    A text counts as a page when it holds a tag of HTML, so that `a < b` and `List<int>` stay
    as they are; of other texts only character references (`&amp;`) change.

    >>> strip_html("<p>One <b>bold</b> word</p><script>x()</script><p>Tea &amp; cake")
    'One bold word\\n\\nTea & cake'
    >>> strip_html("if a < b and c > d: List<int>")
    'if a < b and c > d: List<int>'
    """
    if _TAG.search(text):
        return page_text(text)
    return html.unescape(text) if "&" in text else text
