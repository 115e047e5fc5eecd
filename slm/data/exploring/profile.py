"""What a corpus is, in numbers: everything that the Data page draws, as it is saved.

Counted by `profiling.py`; words and sentences are those of `words.py`, which states its rules.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from slm.data.exploring.statistics import Histogram, Spread
from slm.data.exploring.vocabulary import PowerLaw

SCHEMA = 2


@dataclass(frozen=True)
class Phrases:
    """Phrases of n words. A count may be too small by `undercount`, `distinct` by more."""

    n: int
    total: int
    distinct: int
    undercount: int
    top: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Copies:
    """Groups of documents that are the same, or nearly, and the documents in them."""

    groups: int
    documents: int

    @property
    def surplus(self) -> int:
        """Documents that would go if one of each group stayed."""
        return self.documents - self.groups


@dataclass(frozen=True)
class Profile:
    """What a corpus is. `sampled_from` is the count of all documents where only some were
    read, None where the numbers are exact."""

    documents: int
    characters: int
    bytes: int
    words: int
    sentences: int
    sampled_from: int | None
    document_characters: Spread
    document_words: Spread
    document_sentences: Spread
    sentence_words: Spread
    kinds: tuple[tuple[str, int], ...]
    scripts: tuple[tuple[str, int], ...]
    different_characters: int
    top_characters: tuple[tuple[str, int], ...]
    different_words: int
    words_once: int
    unlisted_words: int
    top_words: tuple[tuple[str, int], ...]
    rank_frequency: tuple[tuple[int, int, str], ...]
    zipf: PowerLaw | None
    growth: tuple[tuple[int, int], ...]
    heaps: PowerLaw | None
    phrases: tuple[Phrases, ...]
    exact_copies: Copies
    near_copies: Copies
    compared_documents: int
    languages: tuple[tuple[str, int], ...]
    document_scripts: tuple[tuple[str, int], ...]
    bits_per_character: float

    @property
    def share(self) -> float:
        """Share of the documents that were read, 0 to 1."""
        return self.documents / self.sampled_from if self.sampled_from else 1.0

    def in_short(self) -> dict[str, Any]:
        """The figures that fit on a screen."""
        return {
            "documents": self.documents,
            "characters": self.characters,
            "words": self.words,
            "sentences": self.sentences,
            "different_words": self.different_words,
            "median_words": self.document_words.median,
            "zipf_slope": self.zipf.exponent if self.zipf else None,
            "heaps_exponent": self.heaps.exponent if self.heaps else None,
            "exact_copies": self.exact_copies.surplus,
            "near_copies": self.near_copies.surplus,
            "languages": dict(self.languages[:5]),
            "bits_per_character": self.bits_per_character,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Profile":
        """The profile that `to_json` wrote.

        Raises: KeyError or TypeError for one of another schema; it is derived: make it anew.
        """
        plain = {name: _tuples(values[name]) for name in cls.__dataclass_fields__}
        for name in (
            "document_characters",
            "document_words",
            "document_sentences",
            "sentence_words",
        ):
            bins = Histogram(**plain[name].pop("histogram"))
            plain[name] = Spread(**plain[name], histogram=bins)
        for name in ("zipf", "heaps"):
            plain[name] = PowerLaw(**plain[name]) if plain[name] else None
        for name in ("exact_copies", "near_copies"):
            plain[name] = Copies(**plain[name])
        plain["phrases"] = tuple(Phrases(**each) for each in plain["phrases"])
        return cls(**plain)


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    if isinstance(value, Mapping):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
