"""The library of sources in words: cards to choose from, a search, the settings behind a choice.

Knows neither Streamlit nor files.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from slm.data.catalogue import EMBEDDED, PUBLISHED, find_sources
from slm.data.corpus import CORPUS_PREFIX
from slm.data.hub.data_sets import PREFIX, check_hub_name
from slm.data.source_info import SourceInfo
from slm.data.sources import SourceConfig
from ui.texts import counted, tr
from ui.view_models.jobs import count, size

UPLOAD = "upload"
PASTE = "paste"
OWN = "corpus"
HUB = "hub"
GENERATED = frozenset({"tales", "tales-with-echoes"})
REACHES = {"all": tr("All"), "here": tr("No network"), "hub": tr("Hub")}
FIRST_DOCUMENTS = 10_000
"""How many documents are asked of the Hub until the visitor says otherwise."""
_PAGE = "https://huggingface.co/datasets/"


@dataclass(frozen=True)
class SourceCard:
    """A source to choose. `facts` are language, licence and size in one line."""

    key: str
    title: str
    facts: str
    description: str
    good_for: str
    needs_network: bool
    variants: tuple[str, ...] = ()
    page: str = ""

    @property
    def network(self) -> str:
        """What the network is needed for, in a sentence."""
        if self.needs_network:
            return tr("Nothing is fetched from the Hub until you ask for it.")
        return tr("Needs no network.")


_YOURS = (
    SourceCard(
        UPLOAD,
        tr("A file of yours"),
        tr("any language · your licence"),
        tr("A file from your computer: text, tables, pages, or an archive of them."),
        tr("Anything: a novel, notes, another language."),
        needs_network=False,
    ),
    SourceCard(
        PASTE,
        tr("Pasted text"),
        tr("any language · your licence"),
        tr("Text that you type or paste."),
        tr("A quick trial on a page of text."),
        needs_network=False,
    ),
    SourceCard(
        OWN,
        tr("A corpus of yours, cleaned anew"),
        tr("the text as it came, before any rule"),
        tr(
            "The documents of a saved corpus in their first form; the corpus itself stays as it is."
        ),
        tr("Other rules on the same text, and taking a rule back."),
        needs_network=False,
    ),
)
_OTHER = SourceCard(
    HUB,
    tr("Another data set of the Hub"),
    tr("language, licence and size as its page says"),
    tr("Any public data set of the Hugging Face Hub that has a column of text."),
    tr("More text than a first model needs, in many languages."),
    needs_network=True,
)


def source_cards() -> dict[str, SourceCard]:
    """Every source that a visitor can choose: embedded, the visitor's own, those of the Hub."""
    known = [_card(info) for info in EMBEDDED.values()]
    published = [_card(info) for info in PUBLISHED.values()]
    return {card.key: card for card in (*known, *_YOURS, *published, _OTHER)}


def matching(query: str, reach: str, chosen: str | None = None) -> list[str]:
    """Keys of the sources that a search leaves, and the chosen one in any case, last.

    >>> matching("indentation", "here")
    ['python-code']
    """
    cards = source_cards()
    found: Collection[str] = {info.key for info in find_sources(query)}
    words = query.casefold().split()
    keys = [
        key
        for key, card in cards.items()
        if (reach == "all" or card.needs_network == (reach == "hub"))
        and (key in found or _in_card(words, card))
    ]
    return keys if chosen not in cards or chosen in keys else [*keys, str(chosen)]


def found_line(shown: int, query: str) -> str:
    """How many sources a search left.

    >>> found_line(1, "x"), found_line(3, " ")
    ('1 source fits.', '')
    """
    if not query.strip():
        return ""
    return counted("{n} source fits.", "{n} sources fit.", shown)


def key_of(label: str | None) -> str | None:
    """The key behind what an address says: a source's title, or its key."""
    cards = source_cards()
    by_title = {card.title: key for key, card in cards.items()}
    return label if label in cards else by_title.get(label or "")


def source_config(
    choice: str,
    *,
    hub_name: str = "",
    hub_config: str = "",
    hub_split: str = "",
    text_column: str = "",
    variant: str | None = None,
    offline: bool = False,
) -> SourceConfig | None:
    """The settings behind a named source or a data set of the Hub; None while a name is missing.

    Raises: HubError for a name that is not owner/name.
    """
    if choice != HUB:
        config = PUBLISHED[choice].variants.get(variant or "") if choice in PUBLISHED else None
        return SourceConfig(source=choice, hub_config=config, hub_offline=offline)
    name = hub_name.strip().removeprefix(_PAGE).removeprefix(PREFIX).rstrip("/")
    if not name:
        return None
    return SourceConfig(
        source=PREFIX + check_hub_name(name),
        hub_config=hub_config.strip() or None,
        hub_split=hub_split.strip() or "train",
        text_column=text_column.strip() or None,
        hub_offline=offline,
    )


def own_config(corpus_id: str | None) -> SourceConfig | None:
    """The settings that read a corpus of the workspace anew."""
    return SourceConfig(source=CORPUS_PREFIX + corpus_id) if corpus_id else None


def hub_source(argv: Collection[str]) -> SourceConfig | None:
    """What a job's command line reads of the Hub; None for any other source."""
    given: Mapping[str, str] = dict(
        part.removeprefix("--").split("=", 1)
        for part in argv
        if part.startswith("--") and "=" in part
    )
    source = given.get("source", "")
    if source not in PUBLISHED and not source.startswith(PREFIX):
        return None
    return SourceConfig(
        source=source,
        hub_config=given.get("hub-config"),
        hub_split=given.get("hub-split", "train"),
        text_column=given.get("text-column"),
        hub_revision=given.get("hub-revision"),
    )


def default_name(choice: str, source: str, corpus_name: str = "") -> str:
    """What to call the corpus until the visitor says otherwise."""
    last = source.replace("\\", "/").rsplit("/", 1)[-1]
    if choice in {UPLOAD, PASTE}:
        return last.rsplit(".", 1)[0] or tr("My text")
    if choice == OWN:
        return tr("{corpus_name}, cleaned anew").format(corpus_name=corpus_name or tr("My corpus"))[
            :80
        ]
    if choice == HUB:
        return last or tr("Hub text")
    return source_cards()[choice].title


def missing(choice: str) -> str:
    """What the visitor still has to give before there is text."""
    return {
        UPLOAD: tr("Choose a file above. The file itself is kept as it was."),
        PASTE: tr("Paste some text above."),
        OWN: tr("Choose a corpus of yours above; there is none before you have saved one."),
        HUB: tr("Name a data set of the Hub above, as owner/name."),
    }.get(choice, "Choose a source.")


def _card(info: SourceInfo) -> SourceCard:
    many = (
        tr("{documents} documents").format(documents=count(info.documents))
        if info.documents
        else ""
    )
    large = size(info.megabytes * 1e6) if info.megabytes else ""
    how_much = ", ".join(part for part in (many, large) if part)
    facts = [
        info.language,
        info.licence,
        tr("about {how_much}").format(how_much=how_much) if how_much else "",
    ]
    return SourceCard(
        info.key,
        info.title,
        " · ".join(fact for fact in facts if fact),
        tr(info.description),
        tr(info.good_for),
        info.needs_network,
        tuple(info.variants),
        _PAGE + info.hub_name if info.hub_name else "",
    )


def _in_card(words: Collection[str], card: SourceCard) -> bool:
    said = f"{card.title} {card.facts} {card.description} {card.good_for}".casefold()
    return all(word in said for word in words)
