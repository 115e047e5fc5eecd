"""What a person wants to know of a source before choosing it, as plain facts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class SourceInfo:
    """Facts of a source; what nobody has confirmed is None or empty.

    `documents` is about how many, `megabytes` about how large its files are, `domain` what
    it is about. `variants` maps what a visitor may choose, mostly languages, to configurations
    of the Hub; the first is the default.
    """

    key: str
    title: str
    description: str
    licence: str
    language: str
    good_for: str
    documents: int | None = None
    megabytes: int | None = None
    domain: str = ""
    hub_name: str | None = None
    hub_config: str | None = None
    hub_split: str = "train"
    text_column: str | None = None
    variants: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_network(self) -> bool:
        """Whether its text must be fetched from the Hub."""
        return self.hub_name is not None

    def searchable(self) -> str:
        """Its facts in lower case, for a search."""
        parts = (self.title, self.description, self.licence, self.language, self.good_for)
        return " ".join(
            [*parts, self.key, self.domain, self.hub_name or "", *self.variants]
        ).casefold()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "needs_network": self.needs_network}


def by_key(*infos: SourceInfo) -> dict[str, SourceInfo]:
    """The same infos, by their keys."""
    return {info.key: info for info in infos}
