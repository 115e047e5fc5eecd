"""What changed between two texts, as pieces that stayed, went, or came.

Knows two strings. First words are compared, then the characters within words that took
each other's place. The time stays near linear: the shortest script of edits (Myers) is
sought only while it is short; beyond that, words that occur once in both texts (the anchors
of patience diff) cut the texts into parts, and a part without anchors counts as replaced.

Source: Myers 1986, "An O(ND) difference algorithm and its variations"; the anchors are
Bram Cohen's patience diff.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

Kind = Literal["same", "removed", "added"]

_MOST_EDITS = 400
_MOST_LETTER_EDITS = 40
_LONGEST_WORDS = 200  # characters within which replaced words are compared by character
_TOKEN = re.compile(r"\w+|[^\S\n]|\n|[^\w\s]")


class Segment(NamedTuple):
    """A piece of one or both texts."""

    kind: Kind
    text: str


def diff(before: str, after: str) -> list[Segment]:
    """The pieces in order; where text was replaced, what went stands before what came.

    Without the added pieces they are `before`, without the removed ones `after`.

    >>> [tuple(piece) for piece in diff("the big cat", "the cats")]
    [('same', 'the '), ('removed', 'big '), ('same', 'cat'), ('added', 's')]
    """
    pieces = _Pieces()
    for kind, old, new in _blocks(_TOKEN.findall(before), _TOKEN.findall(after), _MOST_EDITS):
        if kind == "same":
            pieces.add("same", "".join(old))
        else:
            _replace(pieces, "".join(old), "".join(new))
    return pieces.done()


def excerpt(before: str, after: str, *, context: int = 60, limit: int = 600) -> tuple[str, str]:
    """The same passage of both texts around their first difference.

    At most `context` characters that stayed stand before it. It ends after about `limit`
    characters, where both texts agree again; a change that does not end is cut at twice the
    limit. Only four times the limit is looked at.
    """
    window = 4 * limit
    agreed = common_prefix(before, after)
    start = max(0, agreed - context)
    if start and not before[start - 1].isspace():  # rather begin with a whole word
        start = 1 + max(start - 1, before.find(" ", start, agreed))
    pieces = diff(before[start : start + window], after[start : start + window])
    is_cut = start + window < max(len(before), len(after))
    kept: list[Segment] = []
    size = agree = 0  # `agree`: how many pieces end where both texts agree after a change
    for piece in pieces:
        if piece.kind == "same" and kept and kept[-1].kind != "same":
            agree = len(kept)
            if size + len(piece.text) > limit:
                kept.append(Segment("same", piece.text[: max(context, limit - size)]))
                return _both(kept)
        if size > 2 * limit and piece.kind != "added":
            is_cut = True
            break
        kept.append(piece)
        size += len(piece.text)
    if is_cut and agree:  # a change at a cut may only seem one
        kept = kept[:agree]
    old, new = _both(kept)
    return old[: 2 * limit], new[: 2 * limit]


def common_prefix(one: str, other: str) -> int:
    """How many characters two texts begin with alike (halving, since slices compare fast).

    >>> common_prefix("abcd", "abxd")
    2
    """
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


class _Pieces:
    """Segments as they come, neighbours of a kind joined, removed before added."""

    def __init__(self) -> None:
        self._done: list[Segment] = []
        self._removed: list[str] = []
        self._added: list[str] = []

    def add(self, kind: Kind, text: str) -> None:
        if not text:
            return
        if kind == "removed":
            self._removed.append(text)
        elif kind == "added":
            self._added.append(text)
        else:
            self._flush()
            if self._done and self._done[-1].kind == "same":
                text = self._done.pop().text + text
            self._done.append(Segment("same", text))

    def done(self) -> list[Segment]:
        self._flush()
        return self._done

    def _flush(self) -> None:
        if self._removed:
            self._done.append(Segment("removed", "".join(self._removed)))
        if self._added:
            self._done.append(Segment("added", "".join(self._added)))
        self._removed, self._added = [], []


def _replace(pieces: _Pieces, old: str, new: str) -> None:
    """Words that took each other's place: by character where most of them stayed."""
    if old and new and len(old) + len(new) <= 2 * _LONGEST_WORDS:
        blocks = list(_blocks(old, new, _MOST_LETTER_EDITS))
        stayed = sum(len(part) for kind, part, _ in blocks if kind == "same")
        if 2 * stayed >= min(len(old), len(new)):
            for kind, part, other in blocks:
                if kind == "same":
                    pieces.add("same", "".join(part))
                else:
                    pieces.add("removed", "".join(part))
                    pieces.add("added", "".join(other))
            return
    pieces.add("removed", old)
    pieces.add("added", new)


Block = tuple[Literal["same", "changed"], Sequence[str], Sequence[str]]


def _blocks(old: Sequence[str], new: Sequence[str], most_edits: int) -> Iterator[Block]:
    """Stretches of both sequences in order: equal, or one in place of the other.

    Parts wait on a stack, not in recursion, so that many anchors cannot exhaust it.
    """
    waiting = [(0, len(old), 0, len(new))]
    while waiting:
        a, b, c, d = waiting.pop()
        start = 0
        while a + start < b and c + start < d and old[a + start] == new[c + start]:
            start += 1
        if start:
            yield "same", old[a : a + start], new[c : c + start]
            a, c = a + start, c + start
        end = 0
        while b - end > a and d - end > c and old[b - end - 1] == new[d - end - 1]:
            end += 1
        if end:
            if b - end > a or d - end > c:
                waiting.append((b - end, b, d - end, d))
                waiting.append((a, b - end, c, d - end))
            else:
                yield "same", old[a:b], new[c:d]
            continue
        if a == b or c == d:
            if a < b or c < d:
                yield "changed", old[a:b], new[c:d]
            continue
        matches = _shortest_script(old[a:b], new[c:d], most_edits)
        if matches is not None:
            yield from _between(old[a:b], new[c:d], matches)
            continue
        anchors = _anchors(old[a:b], new[c:d])
        if not anchors:
            yield "changed", old[a:b], new[c:d]
            continue
        cuts = [(a, c), *((a + i, c + j) for i, j in anchors), (b, d)]
        for (a, c), (b, d) in reversed(list(pairwise(cuts))):
            waiting.append((a, b, c, d))


def _between(
    old: Sequence[str], new: Sequence[str], matches: Sequence[tuple[int, int]]
) -> Iterator[Block]:
    """The blocks that pairs of equal places make."""
    at = to = 0
    for i, j in [*matches, (len(old), len(new))]:
        if i > at or j > to:
            yield "changed", old[at:i], new[to:j]
        if i < len(old):
            yield "same", old[i : i + 1], new[j : j + 1]
        at, to = i + 1, j + 1


def _shortest_script(
    old: Sequence[str], new: Sequence[str], most_edits: int
) -> list[tuple[int, int]] | None:
    """Places that stay in a shortest script of removals and additions; None when it is longer
    than `most_edits`. Takes time and memory in the square of the edits (Myers 1986, §3)."""
    n, m = len(old), len(new)
    if abs(n - m) > most_edits:
        return None
    furthest = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(most_edits + 1):
        history.append(furthest.copy())
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            y = x - k
            while x < n and y < m and old[x] == new[y]:
                x, y = x + 1, y + 1
            furthest[k] = x
            if x >= n and y >= m:
                return _walk_back(history, n, m)
    return None


def _walk_back(history: list[dict[int, int]], n: int, m: int) -> list[tuple[int, int]]:
    """The equal places on the way that `_shortest_script` found."""
    matches: list[tuple[int, int]] = []
    x, y = n, m
    for edits in range(len(history) - 1, -1, -1):
        furthest = history[edits]
        k = x - y
        down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
        before_k = k + 1 if down else k - 1
        before_x = furthest[before_k]
        before_y = before_x - before_k
        while x > max(before_x, 0) and y > max(before_y, 0):
            x, y = x - 1, y - 1
            matches.append((x, y))
        x, y = before_x, before_y
    matches.reverse()
    return matches


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Words that occur once in both, where they are in the same order: as many as can be."""
    once_old = {word for word, times in Counter(old).items() if times == 1}
    once_new = {word for word, times in Counter(new).items() if times == 1}
    places = {word: j for j, word in enumerate(new) if word in once_new and word in once_old}
    pairs = [(i, places[word]) for i, word in enumerate(old) if word in places]
    tops: list[int] = []  # the least end of a rising run, by its length
    at: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(tops, j)
        before.append(at[length - 1] if length else -1)
        if length == len(tops):
            tops.append(j)
            at.append(index)
        else:
            tops[length], at[length] = j, index
    rising: list[tuple[int, int]] = []
    index = at[-1] if at else -1
    while index >= 0:
        rising.append(pairs[index])
        index = before[index]
    rising.reverse()
    return rising


def _both(pieces: Sequence[Segment]) -> tuple[str, str]:
    """The text before and the text after that pieces stand for."""
    before = "".join(piece.text for piece in pieces if piece.kind != "added")
    return before, "".join(piece.text for piece in pieces if piece.kind != "removed")
