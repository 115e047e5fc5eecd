"""What several views of the Data page say alike. Knows neither Streamlit nor files."""

from collections.abc import Mapping
from typing import Any

from slm.data.catalogue import EMBEDDED, PUBLISHED
from slm.data.corpus import CORPUS_PREFIX
from slm.data.hub.data_sets import PREFIX
from ui.texts import tr
from ui.view_models.upload import findings_sentence

_BEGINNING_CHARACTERS = 60


def beginning(text: str) -> str:
    r"""The first words of a document on one line.

    >>> beginning("One\n\n two.")
    'One two.'
    """
    line = " ".join(text[: 4 * _BEGINNING_CHARACTERS].split())
    return line if len(line) <= _BEGINNING_CHARACTERS else line[:_BEGINNING_CHARACTERS] + "…"


def corpus_facts(details: Mapping[str, Any]) -> str:
    """Where a corpus is from and how its documents were told apart; foreign text."""
    source = str(details.get("config", {}).get("source", tr("unknown")))
    known = EMBEDDED.get(source) or PUBLISHED.get(source)
    name = known.title if known else source.replace("\\", "/").rsplit("/uploads/", 1)[-1]
    if not known and "/" in name and not name.startswith(PREFIX):
        name = name.rsplit("/", 1)[-1]
    if source.startswith(CORPUS_PREFIX):
        name = tr("the texts of another corpus, as they came")
    parts = [
        tr("Source: {name}.").format(name=name),
        str(details.get("how_split", "")),
        findings_sentence(details),
    ]
    return " ".join(part for part in parts if part)
