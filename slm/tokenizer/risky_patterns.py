"""Which regular expressions may take for ever: looked for before any of them runs.

A published tokenizer brings its own. A repeated group that holds a repetition of its own, or
a choice, can be matched in exponentially many ways, and an engine that backtracks may try
them all; so may one with back references. Published tokenizers need none of these.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 20_000
_COUNTED = re.compile(r"\{(\d*)(,?)(\d*)\}")


def regexes_in(values: Any) -> Iterator[str]:
    """Every regular expression that a tokenizer.json holds, however deep."""
    pending = [values]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            found = value.get("Regex")
            if isinstance(found, str):
                yield found
            pending.extend(part for key, part in value.items() if key not in ("vocab", "merges"))
        elif isinstance(value, list):
            pending.extend(value)


def risk_of(pattern: str) -> str | None:
    """Why the pattern may take exponential time, in words; None when it cannot.

    >>> risk_of(r" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s+(?!\\S)|\\s+") is None
    True
    >>> risk_of("(a+)+$")
    'it repeats a group that repeats something itself'
    >>> risk_of("(a|ab)*c")
    'it repeats a group with a choice in it'
    """
    if len(pattern) > LONGEST:
        return f"it has {len(pattern):,} characters"
    groups: list[set[str]] = [set()]  # for each open group what stands in it
    closed: set[str] | None = None  # of the group that has just ended
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        if letter == "\\":
            following = pattern[place + 1 : place + 2]
            if (following.isdigit() and following != "0") or following in ("k", "g"):
                return "it refers back to what a group matched"
            place, closed = place + 2, None
        elif letter == "[":
            place, closed = _end_of_class(pattern, place), None
        elif letter == "(":
            groups.append(set())
            place, closed = place + 1, None
        elif letter == ")":
            closed = groups.pop() if len(groups) > 1 else set()
            groups[-1] |= closed
            place += 1
        elif letter == "|":
            groups[-1].add("choice")
            place, closed = place + 1, None
        elif (repeated := _repetition(pattern, place)) is not None:
            end, unbounded = repeated
            possessive = pattern[end : end + 1] == "+"
            if unbounded and not possessive:
                if closed and "repetition" in closed:
                    return "it repeats a group that repeats something itself"
                if closed and "choice" in closed:
                    return "it repeats a group with a choice in it"
                groups[-1].add("repetition")
            place, closed = end + (pattern[end : end + 1] in ("+", "?")), None
        else:
            place, closed = place + 1, None
    return None


def _repetition(pattern: str, place: int) -> tuple[int, bool] | None:
    """Where the repetition that begins here ends, and whether it is many; None for none.

    A count past a hundred is as good as unbounded.
    """
    letter = pattern[place]
    if letter in "*+":
        return place + 1, True
    if letter == "?":
        return place + 1, False
    counted = _COUNTED.match(pattern, place) if letter == "{" else None
    if counted is None or not (counted[1] or counted[3]):
        return None
    endless = bool(counted[2]) and not counted[3]
    return counted.end(), endless or max(len(counted[1]), len(counted[3])) > 2


def _end_of_class(pattern: str, place: int) -> int:
    """Behind the `]` that ends a character class; classes may hold classes."""
    depth = 0
    first = place
    while place < len(pattern):
        letter = pattern[place]
        if letter == "\\":
            place += 1
        elif letter == "[":
            depth += 1
            first = place
        elif letter == "]" and place > first + 1 + (pattern[first + 1 : first + 2] == "^"):
            depth -= 1
            if not depth:
                return place + 1
        place += 1
    return place
