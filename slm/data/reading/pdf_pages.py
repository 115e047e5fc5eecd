"""PDF: the text of its pages, one page in memory at a time.

Knows pages and their letters; pictures of pages (scans) hold none, and that is told.
"""

import re
from collections.abc import Iterator
from typing import Any

from slm.data.reading.content import Content, Tally
from slm.errors import DataError

_SOFT_HYPHEN = re.compile("[\x02\ufffe\u00ad]\n?")
_PASSWORD = 4
_SECURITY = 5


def pdf_lines(content: Content, tally: Tally) -> Iterator[str]:
    """The lines of a PDF, page after page. A page without text is counted in the tally.

    Raises: DataError when it is damaged, wants a password, or has no text on any page.
    """
    import pypdfium2 as pdfium

    with _opened(content) as document:
        found = False
        for number in range(len(document)):
            try:
                text = _page_text(document, number)
            except pdfium.PdfiumError as error:
                tally.note(f"{content.name}, page {number + 1:,}: cannot be read ({error})")
                tally.pages_without_text += 1
                continue
            lines = _SOFT_HYPHEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
            if not lines.strip():
                tally.pages_without_text += 1
                continue
            found = True
            yield from (line + "\n" for line in lines.split("\n"))
        if not found:
            raise DataError(
                f"{content.name} has no text on its {len(document):,} "
                f"{'page' if len(document) == 1 else 'pages'}; they are probably scanned "
                "pictures. Let a program for text recognition (OCR) read them, and give its text."
            )


def _page_text(document: Any, number: int) -> str:
    page = document[number]
    letters = page.get_textpage()
    text: str = letters.get_text_bounded()
    letters.close()
    page.close()
    return text


def page_count(content: Content) -> int:
    """How many pages there are.

    Raises: DataError as `pdf_lines`.
    """
    with _opened(content) as document:
        return len(document)


def _opened(content: Content) -> Any:
    import pypdfium2 as pdfium

    content.require_bytes()
    try:
        return pdfium.PdfDocument(content.whole())
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in {_PASSWORD, _SECURITY} or "assword" in str(error):
            raise DataError(
                f"{content.name} is locked with a password. Save a copy without one."
            ) from None
        raise DataError(
            f"{content.name} is a damaged PDF ({error}). Open it in a PDF reader and save or "
            "print it again as PDF."
        ) from None
