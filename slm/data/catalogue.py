"""Corpora that are known by name: what a person wants to know before choosing one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceInfo:
    """What a person wants to know before choosing a source; `documents` is about how many."""

    key: str
    title: str
    description: str
    licence: str
    language: str
    good_for: str
    documents: int
    hub_name: str | None = None
    hub_config: str | None = None
    hub_split: str = "train"


def _by_key(*infos: SourceInfo) -> dict[str, SourceInfo]:
    return {info.key: info for info in infos}


EMBEDDED: dict[str, SourceInfo] = _by_key(
    SourceInfo(
        key="tales",
        title="Tales",
        description="Short tales told by a generator: a wish, a problem, a turn, an ending.",
        licence="MIT, as this program",
        language="English",
        good_for="A first model: a small vocabulary, and facts that a model can get right.",
        documents=12_000,
    ),
    SourceInfo(
        key="tales-with-echoes",
        title="Tales with echo games",
        description="Three tales, then a game: random words or signs, said again word by word.",
        licence="MIT, as this program",
        language="English",
        good_for="A model with an induction head: the games can only be won by looking back.",
        documents=12_000,
    ),
    SourceInfo(
        key="python-docs",
        title="Python documentation",
        description="The language reference that ships inside Python, a topic a document.",
        licence="PSF-2.0",
        language="English",
        good_for="Technical prose, and tokenizers that meet both words and code.",
        documents=80,
    ),
    SourceInfo(
        key="python-code",
        title="Python source code",
        description="The standard library of the Python that runs here, a file a document.",
        licence="PSF-2.0",
        language="Python",
        good_for="Indentation, brackets and names: what attention heads match and copy.",
        documents=600,
    ),
)
"""Corpora that need no network."""

PUBLISHED: dict[str, SourceInfo] = _by_key(
    SourceInfo(
        key="tinystories",
        title="TinyStories",
        description="Stories in the words of a small child, written by GPT-3.5 and GPT-4 "
        "(Eldan and Li 2023).",
        licence="CDLA-Sharing-1.0",
        language="English",
        good_for="Small models that write whole stories.",
        documents=2_119_719,
        hub_name="roneneldan/TinyStories",
    ),
    SourceInfo(
        key="wikitext-2",
        title="WikiText-2",
        description="Good articles of Wikipedia (Merity et al. 2016), 2 million words.",
        licence="CC BY-SA",
        language="English",
        good_for="Perplexities to compare with published ones.",
        documents=600,
        hub_name="Salesforce/wikitext",
        hub_config="wikitext-2-raw-v1",
    ),
    SourceInfo(
        key="wikitext-103",
        title="WikiText-103",
        description="The same kind of articles, 103 million words.",
        licence="CC BY-SA",
        language="English",
        good_for="Larger models, and long documents.",
        documents=28_475,
        hub_name="Salesforce/wikitext",
        hub_config="wikitext-103-raw-v1",
    ),
)
"""Well-known corpora of the Hub, by a short name."""
