"""Passages that several plots share, and what a plot is. Knows no single story."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Literal, NamedTuple

from slm.data.embedded.tales_grammar import Template, compile_template, read_blocks

_SNIPPET_LINES = """
opening: [Once upon a time there was {a_kind} named {hero}, who lived {at}.
  |Once upon a time, {at}, there lived {a_kind} named {hero}.
  |{At} there once was {a_kind} called {hero}.|{Hero} was {a_kind} who lived {at}.
  |{Hero} was {a_kind} and lived in {home} {at}.
  |There was once {a_kind} {at}. Everyone called {him} {hero}.
  |Long ago, {at}, lived {a_kind} named {hero}.
  |When the moon was young, {a_kind} named {hero} lived {at}.
  |This is the tale of {hero}, {a_kind} who lived {at}.|In {home} {at} lived {a_kind} named {hero}.
  |Have you heard of {hero}? {He} was {a_kind} and lived {at}.
  |{Scene} {At} lived {a_kind} named {hero}.|{Hero}, {a_kind}, lived {at}.
  |{Hero} lived {at} and loved to {hobby}. {He} was {a_kind}.|{A_kind} named {hero} lived {at}.]

day: [One day|One morning|One afternoon|One fine day|One spring morning|One summer day
  |One day in autumn|Early one morning|One Sunday]

oneday: [one day|one morning|one evening|one windy day|one Friday|one winter day]

friend: [{His} best friend was {friend}, {a_fkind}.
  |{He} had a good friend, {a_fkind} named {friend}.
  |{Friend} the {fkind} was {his} best friend.|Next door lived {friend}, {a_fkind}.]

glad: [{Hero} smiled from ear to ear|{Hero} jumped for joy|{Hero} beamed
  |{Hero} danced in a circle
  |{Hero} was so happy that {he} laughed out loud]

sad: [{Hero} felt like crying|A tear ran down {hero}'s cheek|{Hero} hung {his} head
  |{Hero}'s heart was heavy|{Hero} sat down and sighed]

wished: [{Hero} wished for nothing so much as {a_thing}|{Hero} had one great wish: {a_thing}
  |More than anything in the world, {hero} wanted {a_thing}
  |Every night {hero} dreamed of {a_thing}
  |"If only I had {a_thing}!" said {hero}]

owned: [{Hero} had {a_thing} and loved to {use}|{Hero} had {a_thing}
  |On {his} birthday {hero} got {a_thing}|The best thing {he} had was {a_thing}
  |{He} owned {a_thing}, {his} greatest joy
  |Nothing was dearer to {hero} than {his} {thing}]

bond: [From that day on {hero} and {friend} were the best of friends.
  |And {hero} and {friend} were friends for the rest of their lives.
  |Since then, where {hero} goes, {friend} goes too.
  |After that, nobody ever saw {hero} without {=friend}.]

thanked: "Thank you, {?hero}," said {friend}.

thanks: ["Thank you, {friend}," said {=hero}.
  |"Oh, thank you, {friend}!" cried {=hero}.
  |"You are a true friend, {friend}," said {=hero}.
  |"What would I do without you, {friend}?" asked {=hero}.
  |{Hero} threw both arms around {=friend}.]
"""


def _fields(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Field and value of each line "field: value"."""
    return [(field, value) for field, _, value in (line.partition(": ") for line in lines)]


SNIPPETS = dict(chain.from_iterable(_fields(block) for block in read_blocks(_SNIPPET_LINES)))
"""Passages by name; those about feelings and belongings come without their full stop."""

PARAGRAPH = compile_template("\n\n")
_Spot = Literal["hidden", "open", "home"]


class Plot(NamedTuple):
    """One kind of story.

    Its beats follow each other; each is told in one of several ways. `spot` says what sort of
    spot it needs: one that hides a thing, one where friends meet, or one at home. A tale takes
    one of the `cases`, if there are any, into its cast.
    """

    name: str
    spot: _Spot
    beats: tuple[tuple[Template, ...], ...]
    cases: tuple[Mapping[str, Template], ...]


def plot(name: str, spot: _Spot, beats: str, cases: str = "") -> Plot:
    """The plot that is spelled so.

    Beats are parted by blank lines; each line of a beat is one way to tell it, and the line "-"
    skips it. A beat "¶" starts a paragraph. Cases are parted by blank lines too; each line of a
    case is a field and its template.
    """
    return Plot(
        name,
        spot,
        tuple(tuple(_way(line) for line in beat) for beat in read_blocks(beats)),
        tuple(
            {field: compile_template(value, SNIPPETS) for field, value in _fields(case)}
            for case in read_blocks(cases)
        ),
    )


def _way(line: str) -> Template:
    if line == "¶":
        return PARAGRAPH
    return compile_template("" if line == "-" else line, SNIPPETS)
