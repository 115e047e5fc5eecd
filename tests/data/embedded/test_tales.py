"""Tales are sound English of one mould each, and know what they say."""

import re
from collections import Counter

import pytest

from slm.data.embedded.tales import PLOTS, Tale, generate
from slm.data.embedded.tales_grammar import with_article
from slm.data.embedded.tales_words import NAMES

PRONOUN_OF = dict(NAMES)
HIS = {"he", "him", "his", "himself"}
HERS = {"she", "her", "hers", "herself"}
FORMS = {"he": HIS, "she": HERS}


def words_of(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+", text)


def pronouns_of(text: str) -> set[str]:
    return (HIS | HERS) & {word.lower() for word in words_of(text)}


@pytest.fixture(scope="module")
def tales() -> list[Tale]:
    return [generate(seed) for seed in range(6_000)]


def test_a_seed_always_gives_the_same_tale():
    """The text was written down once; another machine or version must give it again."""
    assert generate(11) == generate(11)
    assert generate(11).text == PINNED_11
    assert generate(11) != generate(12)


def test_every_plot_is_told(tales):
    told = Counter(tale.facts.plot for tale in tales)
    assert set(told) == {plot.name for plot in PLOTS}
    assert min(told.values()) > 6_000 / len(PLOTS) / 2


def test_names_are_those_of_the_facts_and_come_back(tales):
    for tale in tales:
        counts = Counter(word for word in words_of(tale.text) if word in PRONOUN_OF)
        assert set(counts) == {tale.facts.who, tale.facts.friend}, tale.text
        assert counts[tale.facts.who] >= 2, tale.text
    often = [tale.text.count(tale.facts.who) >= 4 for tale in tales]
    assert sum(often) > 0.85 * len(tales)


def test_pronouns_agree_with_the_characters(tales):
    for tale in tales:
        facts = tale.facts
        assert facts.pronoun == PRONOUN_OF[facts.who]
        assert facts.friend_pronoun == PRONOUN_OF[facts.friend]
        allowed = FORMS[facts.pronoun] | FORMS[facts.friend_pronoun]
        assert pronouns_of(tale.text) <= allowed, tale.text


def test_until_the_friend_comes_every_pronoun_is_the_hero_s(tales):
    for tale in tales:
        alone = tale.text[: tale.text.index(tale.facts.friend)]
        alone = alone[: max(alone.rfind(stop) for stop in ".!?") + 1]
        assert pronouns_of(alone) <= FORMS[tale.facts.pronoun], tale.text


def test_the_facts_stand_in_the_text(tales):
    for tale in tales:
        facts = tale.facts
        for fact in (facts.kind, facts.friend_kind, facts.place.removeprefix("the ")):
            assert re.search(rf"\b{fact}\b", tale.text), (fact, tale.text)


def test_the_wanted_thing_comes_back_and_the_spot_is_named(tales):
    for tale in tales:
        noun = tale.facts.wanted.split(" ", 1)[1]
        assert len(re.findall(rf"\b{noun}\b", tale.text)) >= 2, tale.text
        assert tale.facts.wanted in tale.text
        assert tale.facts.found in tale.text


def test_lists_and_ways_are_told_twice_word_by_word(tales):
    """What an induction head can learn from: six words or more, the same again later."""
    repeating = 0
    for tale in tales:
        words = tale.text.lower().split()
        runs = Counter(tuple(words[i : i + 6]) for i in range(len(words) - 5))
        repeating += max(runs.values()) > 1
    assert repeating > 0.35 * len(tales)


def test_tales_are_short_and_of_many_words(tales):
    lengths = sorted(len(tale.text.split()) for tale in tales)
    assert lengths[0] >= 50 and lengths[-1] <= 160
    assert 85 <= lengths[len(lengths) // 2] <= 105
    vocabulary = Counter(word.lower() for tale in tales for word in words_of(tale.text))
    assert sum(count >= 5 for count in vocabulary.values()) >= 1_000


@pytest.mark.parametrize(
    "fault",
    [
        r"[{}<>\[\]|\x01-\x03¶]",  # left over from a template
        r"  | \n|\n | [,.;:!?]",  # blanks
        r"[.!?]\s+[a-z]",  # a sentence without its capital
        r"[.,!?;:][.,;:]|[!?,][!?]",  # doubled stops
        r"\b[Aa] [aeiouAEIOU]|\b[Aa]n [^aeiouAEIOU]",  # a apple, an pear
        r'\w"|""|\b(\w+) \1\b',  # a quotation without a stop; a word twice
        r"[a-z][A-Z]",
    ],
)
def test_no_tale_has_a_fault_of_form(tales, fault):
    for tale in tales:
        assert not (found := re.search(fault, tale.text)), (found, tale.text)


def test_tales_begin_and_end_like_sentences_and_quotes_pair(tales):
    for tale in tales:
        assert re.match(r'"?[A-Z]', tale.text)
        assert re.search(r'[.!?]"?$', tale.text), tale.text
        for paragraph in tale.text.split("\n\n"):
            assert paragraph.count('"') % 2 == 0, tale.text


def test_a_cloze_has_one_right_answer(tales):
    for tale in tales:
        assert tale.cloze, tale.text
        for cloze in tale.cloze:
            assert tale.text.startswith(cloze.prompt + cloze.answer)
            assert cloze.answer.lower() in cloze.prompt.lower(), cloze
            assert len(cloze.choices) == len(set(cloze.choices)) == 4
            assert cloze.choices.count(cloze.answer) == 1
            present = [choice for choice in cloze.choices if choice in tale.text]
            others = {tale.facts.who, tale.facts.friend} if cloze.contrast else {cloze.answer}
            assert set(present) == others | {cloze.answer}


def test_the_right_answers_stand_in_every_place_and_ask_about_every_fact(tales):
    clozes = [cloze for tale in tales for cloze in tale.cloze]
    places = Counter(cloze.choices.index(cloze.answer) for cloze in clozes)
    assert min(places.values()) > 0.23 * len(clozes)
    about = Counter(cloze.about for cloze in clozes)
    assert set(about) == {"who", "friend", "wanted", "found", "place", "list"}


def test_names_tell_nothing_of_the_plot(tales):
    """Half the heroes are "she" in each plot: names are drawn apart from it."""
    for plot in PLOTS:
        heroes = [tale.facts.pronoun for tale in tales if tale.facts.plot == plot.name]
        assert 0.35 < heroes.count("she") / len(heroes) < 0.65


def test_no_tale_is_told_twice_in_ten_thousand(tales):
    more = (generate(seed) for seed in range(6_000, 10_000))
    assert len({tale.text for tale in (*tales, *more)}) == 10_000


@pytest.mark.slow
def test_fewer_than_one_in_a_thousand_of_a_hundred_thousand_are_told_twice():
    assert len({generate(seed).text for seed in range(100_000)}) > 99_900


def test_articles_go_by_the_first_letter():
    assert with_article("orange kite") == "an orange kite"
    assert with_article("kite") == "a kite"


PINNED_11 = (
    "Have you heard of Carl? He was a friendly puppy and lived on a farm. One afternoon he "
    "baked a cinnamon bun. It was still warm. Carl took the cinnamon bun to a secret place "
    "behind the barn.\n\n"
    'Just then Edith the knight came along. "Carl, I have not eaten all day," said Edith.'
    ' Carl looked at the bun. Carl looked at Edith. Then Carl cut the bun in two. "This '
    'half is for you, Edith." Edith had two red apples, and they ate behind the barn '
    "until the last crumb was gone. From that day on Carl and Edith were the best of "
    "friends."
)
