"""The notation in which tales are written. Knows no story, no word and no character.

A template is English with three marks:

    [red|blue|]   one of these, drawn evenly; they nest, and one may be empty
    <friend>      a snippet from a shared table, put in place when the template is compiled
    {hero}        a field of the cast; {Hero} the same with a capital letter;
                  {?hero} the same, and a good place to ask a reader what comes next
                  {=hero} the same, where even the other character would be wrong
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

Template: TypeAlias = "tuple[str | Choice, ...]"
"""Literal text and choices, in order."""

_SNIPPET = re.compile(r"<(\w+)>")
_CONTINUED = re.compile(r"\n +(\|?)")
_MARK = re.compile("\x01(=?\\w+)\x02([^\x03]*)\x03")


class Choice(NamedTuple):
    """A place where one of several templates goes."""

    options: tuple[Template, ...]


class Blank(NamedTuple):
    """A marked field of a finished text: text[start:stop] is its value."""

    field: str
    start: int
    stop: int


class Cast(dict[str, str]):
    """Fields of one tale, which also answer with a capital letter or a mark."""

    def __missing__(self, key: str) -> str:
        if key[0] in "?=":
            return f"\x01{key.lstrip('?')}\x02{self[key[1:]]}\x03"
        if key[0].isupper():
            value = self[key[0].lower() + key[1:]]
            return value[0].upper() + value[1:]
        raise KeyError(key)


def pick(options: Sequence[T], draw: Callable[[], float]) -> T:
    """One of the options; draw gives a number in [0, 1), as random.Random.random does."""
    return options[int(draw() * len(options))]


def pick_distinct(options: Sequence[T], n: int, draw: Callable[[], float]) -> list[T]:
    """n different options, in random order; there must be clearly more than n."""
    taken: list[int] = []
    while len(taken) < n:
        index = int(draw() * len(options))
        if index not in taken:
            taken.append(index)
    return [options[index] for index in taken]


def read_blocks(text: str) -> list[list[str]]:
    """The lines of each block; blank lines part blocks, and an indented line goes on the last.

    >>> read_blocks("one\\n  and more\\ntwo\\n\\nthree")
    [['one and more', 'two'], ['three']]
    """
    blocks = [block.strip("\n") for block in text.split("\n\n")]
    return [_CONTINUED.sub(_joint, block).split("\n") for block in blocks if block]


def _joint(match: re.Match[str]) -> str:
    """What stands between a line and its continuation: nothing before a |, else a space."""
    return match[1] or " "


def compile_template(source: str, snippets: Mapping[str, str] | None = None) -> Template:
    """The template that source spells.

    >>> compile_template("a [red|blue] hat")
    ('a ', Choice(options=(('red',), ('blue',))), ' hat')
    """
    table = snippets or {}
    while "<" in source:
        source = _SNIPPET.sub(lambda match: table[match[1]], source)
    options, end = _read_options(source, 0)
    assert end == len(source), f"unmatched ] at {end} in {source!r}"
    return options[0] if len(options) == 1 else (Choice(tuple(options)),)


def _read_options(source: str, at: int) -> tuple[list[Template], int]:
    """The |-separated templates from `at` up to a closing bracket or the end."""
    options: list[Template] = []
    parts: list[str | Choice] = []
    start = at
    while at < len(source) and source[at] != "]":
        if source[at] in "[|" and at > start:
            parts.append(source[start:at])
        if source[at] == "[":
            inner, at = _read_options(source, at + 1)
            assert at < len(source), f"unclosed [ in {source!r}"
            parts.append(Choice(tuple(inner)))
            start = at + 1
        elif source[at] == "|":
            options.append(tuple(parts))
            parts = []
            start = at + 1
        at += 1
    if at > start:
        parts.append(source[start:at])
    options.append(tuple(parts))
    return options, at


def expand(template: Template, draw: Callable[[], float]) -> str:
    """The template with every choice made; fields are still to be filled."""
    return "".join(
        [
            part if isinstance(part, str) else expand(pick(part.options, draw), draw)
            for part in template
        ]
    )


def find_blanks(marked: str) -> tuple[str, list[Blank]]:
    """The text without its marks, and where the marked fields stand in it."""
    text = ""
    blanks: list[Blank] = []
    read = 0
    for match in _MARK.finditer(marked):
        text += marked[read : match.start()]
        blanks.append(Blank(match[1], len(text), len(text) + len(match[2])))
        text += match[2]
        read = match.end()
    return text + marked[read:], blanks


def with_article(phrase: str) -> str:
    """The phrase after "a" or "an", by its first letter (no word of the tales needs more).

    >>> with_article("orange kite"), with_article("red kite")
    ('an orange kite', 'a red kite')
    """
    return f"an {phrase}" if phrase[0] in "aeiou" else f"a {phrase}"


def in_a_row(items: Sequence[str]) -> str:
    """The items as a sentence lists them.

    >>> in_a_row(["a bell", "a hat", "a cup"])
    'a bell, a hat and a cup'
    """
    return f"{', '.join(items[:-1])} and {items[-1]}"
