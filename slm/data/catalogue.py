"""Corpora that are known by name: what a person wants to know before choosing one."""

from slm.data.catalogue_hub import PUBLISHED as PUBLISHED
from slm.data.source_info import SourceInfo as SourceInfo
from slm.data.source_info import by_key

EMBEDDED: dict[str, SourceInfo] = by_key(
    SourceInfo(
        key="tales",
        title="Tales",
        description="Short tales told by a generator: a wish, a problem, a turn, an ending.",
        licence="MIT, as this program",
        language="English",
        good_for="A first model: a small vocabulary, and facts that a model can get right.",
        documents=12_000,
        domain="stories",
    ),
    SourceInfo(
        key="tales-with-echoes",
        title="Tales with echo games",
        description="Three tales, then a game: random words or signs, said again word by word.",
        licence="MIT, as this program",
        language="English",
        good_for="A model with an induction head: the games can only be won by looking back.",
        documents=12_000,
        domain="stories",
    ),
    SourceInfo(
        key="python-docs",
        title="Python documentation",
        description="The language reference that ships inside Python, a topic a document.",
        licence="PSF-2.0",
        language="English",
        good_for="Technical prose, and tokenizers that meet both words and code.",
        documents=80,
        domain="reference",
    ),
    SourceInfo(
        key="python-code",
        title="Python source code",
        description="The standard library of the Python that runs here, a file a document.",
        licence="PSF-2.0",
        language="Python",
        good_for="Indentation, brackets and names: what attention heads match and copy.",
        documents=600,
        domain="code",
    ),
)
"""Corpora that need no network."""


def find_sources(query: str = "", *, embedded_only: bool = False) -> list[SourceInfo]:
    """The sources in whose facts every word of the query occurs, in the catalogue's order.

    >>> [info.key for info in find_sources("german stories")]
    ['tinystories-languages', 'tinystories-novelist']
    """
    known = [*EMBEDDED.values(), *([] if embedded_only else PUBLISHED.values())]
    words = query.casefold().split()
    return [info for info in known if all(word in info.searchable() for word in words)]
