"""By its name, which column of a table is the text: one list for files and for the Hub.

The rule has three steps. A column of text with a usual name is the text; else the only
column of text is. Where there are several, a file takes the one with the longest cells
(`reading.tables`), for its first rows are at hand and shown; the Hub, of which one row is
known, asks (`hub.columns`).
"""

from collections.abc import Sequence

TEXT_COLUMNS = ("text", "story", "content", "document", "body", "passage", "article", "sentence")
"""Usual names, the most usual first."""


def usual_column(names: Sequence[str]) -> str | None:
    """The first column with a usual name, whatever its capitals; None where there is none.

    >>> usual_column(["title", "Story", "content"])
    'Story'
    """
    for usual in TEXT_COLUMNS:
        for name in names:
            if name.strip().casefold() == usual:
                return name
    return None
