"""Short tales for children, made from a seed, that know their own facts. Sees no tokens.

A tale draws its names, kinds, place and things independently of its plot and of each other, so
that nothing but the tale itself can tell a reader what comes where a name comes back. Several
plots also repeat a list, a way or a spell word by word.

The same seed gives the same tale everywhere: only random.Random.random() is drawn from, whose
sequence Python documents as stable.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from slm.data.embedded import tales_places as places
from slm.data.embedded import tales_words as words
from slm.data.embedded.tales_grammar import (
    Cast,
    expand,
    find_blanks,
    in_a_row,
    pick,
    pick_distinct,
    with_article,
)
from slm.data.embedded.tales_plots_brave import FEAR, JOURNEY, NIGHT, SEED, STORM
from slm.data.embedded.tales_plots_friends import HELP, NEWCOMER, QUARREL, SHARE, SURPRISE, TRUTH
from slm.data.embedded.tales_plots_things import CHEST, EARN, ERRAND, LOST, MEND, NOTE
from slm.data.embedded.tales_shared import Plot

PLOTS: tuple[Plot, ...] = (
    LOST,
    EARN,
    MEND,
    CHEST,
    NOTE,
    ERRAND,
    HELP,
    SHARE,
    SURPRISE,
    QUARREL,
    NEWCOMER,
    TRUTH,
    STORM,
    FEAR,
    JOURNEY,
    SEED,
    NIGHT,
)

_CHOICES = 4
_NAME_SKEW = 3
"""Few names are common, most are rare, as in any town: the first seven name nearly every other."""
_COLOURS = ("red", "yellow", "white", "pink", "orange", "purple")
_TAME = tuple(kind for kind in words.KINDS if not kind.wild)
_THING_OF = {thing.noun: thing for thing in words.THINGS}
_TASKS = tuple(dict.fromkeys(chain.from_iterable(tasks for _, tasks in words.TRADES)))
_SPOTS = {
    "hidden": tuple(chain.from_iterable(place.hidden for place in places.PLACES)),
    "open": tuple(chain.from_iterable(place.open_ for place in places.PLACES)),
    "home": places.HOME_SPOTS,
}

Draw = Callable[[], float]


@dataclass(frozen=True)
class Facts:
    """What is true in a tale.

    plot is the name of its kind of story. The hero is `who`, a `kind`; the other named character
    is `friend`, a `friend_kind`; their pronouns are "he" or "she". `wanted` is what the tale turns
    about ("red kite", "plum cake"); `found` is the spot where it, or what it needed, came to light
    ("under the stone bridge").
    """

    plot: str
    who: str
    kind: str
    pronoun: str
    friend: str
    friend_kind: str
    friend_pronoun: str
    place: str
    wanted: str
    found: str


class Cloze(NamedTuple):
    """A question put by stopping: which of the choices comes next after the prompt?

    The tale begins with prompt + answer, character for character (the prompt keeps its last
    space), and has named the answer before. The other choices stand nowhere in the tale, save
    that `contrast` marks a question whose wrong choices include the tale's other character.
    Score prompt + choice as one text, since a token may span both. `about` is one of who, friend,
    wanted, found, place, list.
    """

    prompt: str
    answer: str
    choices: tuple[str, ...]
    about: str
    contrast: bool = False


class Tale(NamedTuple):
    """A story, what is true in it, and questions that it answers."""

    text: str
    facts: Facts
    cloze: tuple[Cloze, ...]


def generate(seed: int) -> Tale:
    """The tale that belongs to a seed (0 or more): 17 plots, mostly 60 to 140 words.

    >>> tale = generate(7)
    >>> tale.facts.who in tale.text and tale == generate(7)
    True
    """
    draw = random.Random(seed).random
    plot = pick(PLOTS, draw)
    cast, facts = _cast(plot, draw)
    parts = (expand(pick(ways, draw), draw) for ways in plot.beats)
    source = " ".join(part for part in parts if part).replace(" \n\n ", "\n\n")
    text, blanks = find_blanks(source.format_map(cast))
    cloze = [
        _cloze(text, field, start, stop, plot, facts, draw)
        for field, start, stop in blanks
        if text.find(text[start:stop]) < start
    ]
    return Tale(text, facts, tuple(cloze))


def _cast(plot: Plot, draw: Draw) -> tuple[Cast, Facts]:
    """Who and what a tale is about, as fields for its templates."""
    place = pick(places.PLACES, draw)
    kind, friend_kind = pick_distinct(words.KINDS if place.wild else _TAME, 2, draw)
    (hero, he), (friend, she) = pick_distinct(words.NAMES, 2, lambda: draw() ** _NAME_SKEW)
    spots = {"hidden": place.hidden, "open": place.open_, "home": places.HOME_SPOTS}
    spot = pick(spots[plot.spot], draw)
    trade, tasks = pick(words.TRADES, draw)
    case = pick(plot.cases, draw) if plot.cases else {}
    thing, *others = pick_distinct(words.THINGS, 4, draw)
    noun, adjective, use = thing.noun, pick(thing.adjectives, draw), thing.use
    if "noun" in case:
        noun = expand(case["noun"], draw)
        known = _THING_OF.get(noun)
        adjective = pick(known.adjectives if known else _COLOURS, draw)
    bare = [f"{pick(other.adjectives, draw)} {other.noun}" for other in others]
    items = [with_article(item) for item in bare]
    a_thing = with_article(f"{adjective} {noun}")
    wants = items[:2]
    wants.insert(int(draw() * 3), a_thing)
    ways = pick_distinct(words.ROUTE, 3, draw)
    spell = pick_distinct(words.MAGIC_WORDS, 3, draw)
    done = pick_distinct(tasks, 3, draw)
    food, dish = pick(words.FOODS, draw)
    wanted = food if plot is SHARE else f"{adjective} {noun}"
    hero_noun = kind.he if he == "he" else kind.she
    friend_noun = friend_kind.he if she == "he" else friend_kind.she
    cast = Cast(
        words.PRONOUNS[he],
        hero=hero,
        kind=hero_noun,
        a_kind=with_article(f"{pick(kind.adjectives, draw)} {hero_noun}"),
        hands=kind.hands,
        hand=kind.hands[:-1],
        home=pick(kind.homes, draw),
        hobby=pick(words.HOBBIES, draw),
        friend=friend,
        fkind=friend_noun,
        a_fkind=with_article(f"{pick(friend_kind.adjectives, draw)} {friend_noun}"),
        fhands=friend_kind.hands,
        fhand=friend_kind.hands[:-1],
        place=place.name,
        at=place.at,
        scene=pick(place.scenes, draw),
        spot=spot,
        thing=f"{adjective} {noun}",
        a_thing=a_thing,
        noun=noun,
        a_noun=with_article(noun),
        adjective=adjective,
        use=use,
        food=food,
        a_food=with_article(food),
        dish=dish,
        trade=trade,
        route=in_a_row(ways),
        tasks=in_a_row(done),
        pair=in_a_row(items[:2]),
        wants=in_a_row(wants),
        spell=", ".join(spell),
    )
    for pronoun, form in words.PRONOUNS[she].items():
        cast[f"f{pronoun}"] = form
    rows = {
        "way": ways,
        "word": spell,
        "task": done,
        "want": wants,
        "item": items,
        "bare": bare,
    }
    for field, row in rows.items():
        for number, value in enumerate(row, 1):
            cast[f"{field}{number}"] = value
    for field, template in case.items():
        if field != "noun":
            cast[field] = expand(template, draw).format_map(cast)
    facts = Facts(
        plot=plot.name,
        who=hero,
        kind=hero_noun,
        pronoun=he,
        friend=friend,
        friend_kind=friend_noun,
        friend_pronoun=she,
        place=place.name,
        wanted=wanted,
        found=spot,
    )
    return cast, facts


def _cloze(
    text: str, mark: str, start: int, stop: int, plot: Plot, facts: Facts, draw: Draw
) -> Cloze:
    """The question that a marked field asks, with wrong choices of its own sort."""
    answer = text[start:stop]
    contrast = mark[0] == "="
    field = mark.lstrip("=").lower().rstrip("123")
    choices = [answer]
    if contrast:
        choices.append(facts.friend if field == "hero" else facts.who)
    while len(choices) < _CHOICES:
        wrong = _another(field, plot, draw)
        if wrong not in choices and wrong not in text:
            choices.append(wrong)
    choices.insert(int(draw() * _CHOICES), choices.pop(0))
    return Cloze(text[:start], answer, tuple(choices), _ABOUT[field], contrast)


_ABOUT = {
    "hero": "who",
    "friend": "friend",
    "thing": "wanted",
    "a_thing": "wanted",
    "noun": "wanted",
    "dish": "wanted",
    "place": "place",
    "spot": "found",
    "stuff": "found",
    "item": "list",
    "bare": "list",
    "want": "list",
    "way": "list",
    "task": "list",
    "word": "list",
}


def _another(field: str, plot: Plot, draw: Draw) -> str:
    """A value that a field of this sort might have had in some tale."""
    match field:
        case "hero" | "friend":
            return pick(words.NAMES, draw)[0]
        case "spot":
            return pick(_SPOTS[plot.spot], draw)
        case "place":
            return pick(places.PLACES, draw).name
        case "dish":
            return pick(words.FOODS, draw)[1]
        case "stuff":
            return expand(pick(plot.cases, draw)["stuff"], draw)
        case "way":
            return pick(words.ROUTE, draw)
        case "task":
            return pick(_TASKS, draw)
        case "word":
            return pick(words.MAGIC_WORDS, draw)
    thing = pick(words.THINGS, draw)
    if field == "noun":
        return thing.noun
    phrase = f"{pick(thing.adjectives, draw)} {thing.noun}"
    return phrase if field in ("thing", "bare") else with_article(phrase)
