"""The words of Word documents (docx): paragraphs, lists and tables in reading order.

A docx is a zip of XML parts. Knows paragraphs; nothing that a document names is
fetched: no entity, no picture, no template.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from docx.table import Table
from lxml import etree

from slm import zips
from slm.data.reading.content import Content
from slm.errors import DataError

MAX_UNPACKED = 500_000_000
"""Bytes of all the parts of a document."""

_FOREIGN = (OpcError, etree.LxmlError, *zips.DAMAGE, OSError, AttributeError, TypeError)
"""What is raised for damaged documents; the last ones where parts are missing or odd."""


def docx_lines(content: Content) -> Iterator[str]:
    """The lines of a Word document: paragraphs apart by a blank line, list items and rows not.

    Raises: DataError when it is damaged, locked, or unpacks to more than is allowed.
    """
    data = content.whole()
    try:
        _require_small(data, content.name)
        document = docx.Document(io.BytesIO(data))
        yield from _docx_blocks(document)
    except _FOREIGN as error:
        raise DataError(
            f"{content.name} is a damaged or locked Word document ({type(error).__name__}). "
            "Open it in a word processor and save it again as .docx, without a password."
        ) from error


def _require_small(data: bytes, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        total = sum(info.file_size for info in archive.infolist())
    if total > MAX_UNPACKED:
        raise DataError(
            f"{name} unpacks to {total / 1e6:,.0f} MB; {MAX_UNPACKED / 1e6:,.0f} MB are allowed. "
            "Save its text as .txt."
        )


def _docx_blocks(document: Any) -> Iterator[str]:
    after_item = False
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            yield "\n"
            yield from _docx_rows(block)
            after_item = False
            continue
        text = block.text.strip()
        if not text:
            continue
        properties = block._p.pPr
        is_item = properties is not None and properties.numPr is not None
        if not (is_item and after_item):
            yield "\n"
        yield text + "\n"
        after_item = is_item


def _docx_rows(table: Any) -> Iterator[str]:
    """A table's rows as lines, cells apart by a tab. A merged cell is told once."""
    for row in table.rows:
        seen: set[int] = set()
        cells = []
        for cell in row.cells:
            if id(cell._tc) not in seen:
                seen.add(id(cell._tc))
                cells.append(" ".join(cell.text.split()))
        if any(cells):
            yield "\t".join(cells) + "\n"
