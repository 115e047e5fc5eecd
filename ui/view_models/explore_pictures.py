"""The pictures of a text: their bars and points with what a click on them does, and what they say.

Knows neither Streamlit nor files. A **click** is a short text that a mark of a chart carries:
"only=words:10-19" narrows the documents, "find=the" searches a word and "character=é" a
character, "document=17" opens one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slm.data.documents import StoredDocument
from slm.data.exploring.characters import KINDS, kind_of
from slm.data.exploring.document_table import DocumentTable
from slm.data.exploring.profile import Phrases, Profile
from slm.data.exploring.statistics import Histogram, Spread
from slm.data.exploring.vocabulary import PowerLaw
from ui.texts import counted, tr
from ui.view_models.explore import beginning, shown_character
from ui.view_models.jobs import count
from ui.view_models.language_names import language_name

BARS = 20
MEASURES = {
    "characters": tr("Characters"),
    "words": tr("Words"),
    "sentences": tr("Sentences"),
    "sentence": tr("Words per sentence"),
}


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: its name, its value, and what a click on it does."""

    name: str
    value: float
    click: str


@dataclass(frozen=True)
class Bin:
    """A bar of a histogram between two edges."""

    low: float
    high: float
    count: int
    click: str


def length_bins(profile: Profile, measure: str) -> list[Bin]:
    """Bars of how long documents are; words per sentence lead nowhere."""
    if measure == "sentence":
        return _bins(profile.sentence_words.histogram, "")
    spreads = {
        "characters": profile.document_characters,
        "words": profile.document_words,
        "sentences": profile.document_sentences,
    }
    return _bins(spreads[measure].histogram, measure)


def _bins(histogram: Histogram, kind: str) -> list[Bin]:
    return [
        Bin(low, high, number, f"only={kind}:{int(low)}-{int(high) - 1}" if kind else "")
        for low, high, number in zip(
            histogram.edges, histogram.edges[1:], histogram.counts, strict=False
        )
    ]


def length_note(profile: Profile, measure: str) -> str:
    """The spread of a length in a sentence."""
    if measure == "sentence":
        return tr(
            "{sentence_words} in {sentences:,} sentences. A sentence ends at "
            ". ! ? or their likes before a blank, or at an empty line; "
            "abbreviations end one too."
        ).format(
            sentence_words=_spread(profile.sentence_words, "words"), sentences=profile.sentences
        )
    spreads: Mapping[str, Spread] = {
        "characters": profile.document_characters,
        "words": profile.document_words,
        "sentences": profile.document_sentences,
    }
    return tr("{spreads} in a document.").format(spreads=_spread(spreads[measure], measure))


def _spread(spread: Spread, unit: str) -> str:
    many = {
        "characters": counted("{n:,} character", "{n:,} characters", spread.greatest),
        "words": counted("{n:,} word", "{n:,} words", spread.greatest),
        "sentences": counted("{n:,} sentence", "{n:,} sentences", spread.greatest),
    }
    return tr(
        "{least:,} to {greatest}, half of them at most {median:,.0f}, on average {mean:,.1f}"
    ).format(
        least=spread.least,
        greatest=many[unit],
        median=spread.median,
        mean=spread.mean,
    )


def word_bars(profile: Profile) -> list[Bar]:
    """The most frequent words; a click searches."""
    return [Bar(word, float(times), f"find={word}") for word, times in profile.top_words[:BARS]]


def phrase_bars(phrases: Phrases) -> list[Bar]:
    """The most frequent phrases; a click searches."""
    return [Bar(phrase, float(times), f"find={phrase}") for phrase, times in phrases.top[:BARS]]


def zipf_note(profile: Profile) -> str:
    """What the fall of word counts by rank says."""
    ten = sum(times for _, times in profile.top_words[:10]) / (profile.words or 1)
    once = profile.words_once / (profile.different_words or 1)
    said = tr(
        "The 10 most frequent words make up {ten:.0%} of the text; "
        "{once:.0%} of the {different_words} different words occur once."
    ).format(ten=ten, once=once, different_words=count(profile.different_words))
    if profile.zipf is None:
        return tr("{said} There is too little text for a line.").format(said=said)
    law = profile.zipf
    return tr(
        "{said} Zipf slope {exponent} (natural text: near −1), least "
        "squares on both logarithms from rank {first:,} to {last:,}, "
        "words that occur 10 times or more; R² {r2:.3f}. A straight line "
        "here is no proof of a power law."
    ).format(said=said, exponent=_signed(law.exponent), first=law.first, last=law.last, r2=law.r2)


def heaps_note(profile: Profile) -> str:
    """What the growth of the vocabulary says."""
    if profile.heaps is None:
        return tr("There is too little text for a line.")
    law = profile.heaps
    again = _share_of_growth(law)
    return tr(
        "Heaps' law: V = {factor:.2f} · N^{exponent:.3f}, fitted from "
        "{first:,} words on; R² {r2:.3f}. Twice the text would bring "
        "about {again:.0%} more different words. A click opens the "
        "document that stands there."
    ).format(factor=law.factor, exponent=law.exponent, first=law.first, r2=law.r2, again=again)


def _share_of_growth(law: PowerLaw) -> float:
    return float(2**law.exponent) - 1


def fitted(law: PowerLaw | None) -> list[tuple[float, float]]:
    """The two ends of a fitted line; on logarithmic axes it is straight between them."""
    return [(float(x), law.at(x)) for x in (law.first, law.last)] if law else []


def growth_clicks(profile: Profile, table: DocumentTable) -> list[tuple[int, int, str]]:
    """Words read, different words, and the document that stands there."""
    return [
        (read, different, f"document={table.id_at_word(read) + 1}")
        for read, different in profile.growth
    ]


def phrases_note(phrases: Phrases) -> str:
    """How many phrases there are, and how exact the counts are."""
    fewest = tr("At least ") if phrases.undercount else ""
    exact = (
        tr(
            "A count may be too small by {undercount:,} at most, because "
            "rare phrases were let go on the way."
        ).format(undercount=phrases.undercount)
        if phrases.undercount
        else tr("Counts are exact.")
    )
    return tr(
        "{fewest}{distinct:,} different phrases of {n} words that stand "
        "side by side in a sentence. {exact} A click searches for the "
        "phrase as it is written here, with one blank between words."
    ).format(fewest=fewest, distinct=phrases.distinct, n=phrases.n, exact=exact)


def script_bars(profile: Profile) -> list[Bar]:
    """Documents by the script of most of their letters; a click shows them."""
    return [
        Bar(name.replace("_", " "), float(number), f"only=script:{name}")
        for name, number in profile.document_scripts[:BARS]
    ]


def kind_bars(profile: Profile) -> list[Bar]:
    """Share of each kind of character; a click shows the characters of that kind."""
    counts = dict(profile.kinds)
    total = sum(counts.values()) or 1
    return [Bar(kind, counts[kind] / total, f"kind={kind}") for kind in KINDS if counts.get(kind)]


def character_bars(profile: Profile, kind: str = "") -> list[Bar]:
    """The most frequent characters, of one kind where one is chosen; a click searches."""
    chosen = [row for row in profile.top_characters if not kind or kind_of(row[0]) == kind]
    return [
        Bar(shown_character(character), float(times), f"character={character}")
        for character, times in chosen[:BARS]
    ]


def characters_note(profile: Profile) -> str:
    """How many characters there are, and whose letters."""
    scripts = profile.scripts[:4]
    letters = sum(times for _, times in profile.scripts) or 1
    listed = ", ".join(f"{name.replace('_', ' ')} {n / letters:.1%}" for name, n in scripts)
    return tr("{different_characters:,} different characters. Letters by script: {listed}.").format(
        different_characters=profile.different_characters, listed=listed or "none"
    )


def language_bars(profile: Profile) -> list[Bar]:
    """Documents by guessed language; a click shows them."""
    return [
        Bar(language_name(code), float(number), f"only=language:{code}")
        for code, number in profile.languages[:BARS]
    ]


LANGUAGES_NOTE = tr(
    "A guess of py3langid from the first 600 characters of each document. Texts with fewer than "
    "20 letters and doubtful ones are called unknown; code, names and mixed text are guessed badly."
)


@dataclass(frozen=True)
class GroupRow:
    """A group of copies in a list."""

    documents: int
    begins: str
    click: str


def group_rows(sizes: Sequence[int], firsts: Sequence[StoredDocument], kind: str) -> list[GroupRow]:
    """The largest groups with the beginning of their first document."""
    return [
        GroupRow(int(number), beginning(document.text, 90), f"only={kind}:{group}")
        for group, (number, document) in enumerate(zip(sizes, firsts, strict=False))
    ]


def copies_note(profile: Profile, kind: str) -> str:
    """How many copies there are, and how they were found."""
    copies = profile.exact_copies if kind == "copies" else profile.near_copies
    share = copies.surplus / (profile.documents or 1)
    if not copies.groups:
        found = tr("No two documents are the same")
    else:
        found = tr(
            "{documents:,} documents stand in {groups} of copies; with one "
            "of each, {surplus:,} would go ({share:.1%})"
        ).format(
            documents=copies.documents,
            groups=counted("{n:,} group", "{n:,} groups", copies.groups),
            surplus=copies.surplus,
            share=share,
        )
    if kind == "copies":
        return tr("{found}, character for character.").format(found=found)
    return tr(
        "{found}. Near copies share about 80% of their stretches of 5 "
        "words or more, exact copies among them; an estimate by MinHash, "
        "which misses a few. {compared_documents:,} documents were long "
        "enough."
    ).format(found=found, compared_documents=profile.compared_documents)


def strange_note(profile: Profile) -> str:
    """What bits per character mean here."""
    return tr(
        "{bits_per_character:.2f} bits per character on average, under a "
        "model of this text's own characters (each predicted from the "
        "two before). To the right stands what it predicts badly: "
        "another language, tables, broken text; to the left what repeats "
        "itself. Documents of fewer than 20 characters are left out."
    ).format(bits_per_character=profile.bits_per_character)


def strange_bins(table: DocumentTable) -> list[Bin]:
    """Bars of bits per character."""
    bins = _bins(table.bits_histogram(), "bits")
    return [Bin(each.low / 100, each.high / 100, each.count, each.click) for each in bins]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
