"""The language reference that ships inside Python, one document a topic. Knows no tokens."""

from collections.abc import Iterator

from slm.errors import DataError


def documents() -> Iterator[tuple[str, str]]:
    """Each topic's text and where it is from, in the order of the topics' names.

    Raises: DataError when this Python ships without its documentation.
    """
    try:  # about 0.7 MB, and no part of the standard library that one may rely on
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError(
            "This Python has no module pydoc_data, so the python-docs corpus is not to be had. "
            "Use tales or a file, or install Python from python.org."
        ) from None
    for name in sorted(topics):
        text = topics[name].strip("\n")
        yield f"{text}\n", f"pydoc_data.topics: {name}"
