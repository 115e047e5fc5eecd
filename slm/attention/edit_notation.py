"""Edits of a model as a line of text, for links and the command line.

    0.3:off          head 3 of layer 0 is silent
    1.*:uniform      every head of layer 1 looks at everything alike
    2.ff:x0.5        half of what the feed-forward part of layer 2 gives
    1.2:mean         head 2 of layer 1 gives its mean
    0.1@2:0,0.5,0.5  query 2 of head 1 of layer 0 looks at tokens 1 and 2 alike

Spaces part them; of two edits of the same part the later one counts, so that
`1.*:off` and then `1.0:x1` leave only one head of a layer.
"""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from slm.attention.interventions import ACTS, Change, Edit, PaintedRow, require_sound
from slm.errors import DataError
from slm.model.config import ModelConfig

_FEED_FORWARD, _EVERY = "ff", "*"
_WORD = re.compile(r"(\d{1,6})\.(\d{1,6}|\*|ff)(?:@(\d{1,6}))?:(\S+)", re.ASCII)
_MOST = 20_000  # characters that are read


def write_edits(edits: Iterable[Change], n_heads: int | None = None) -> str:
    """The edits as one line, sorted. With `n_heads`, a whole layer that is alike is `*`.

    >>> write_edits([Edit(1, 0), Edit(1, 1), Edit(0, None, "scale", 0.5)], n_heads=2)
    '0.ff:x0.5 1.*:off'
    """
    words = []
    ordered = sorted(edits, key=_order)
    for (layer, _, what), same in groupby(ordered, lambda edit: _order(edit)[:3]):
        heads = [edit.head for edit in same]
        if n_heads is not None and n_heads > 1 and heads == list(range(n_heads)):
            words.append(f"{layer}.{_EVERY}{what}")
        else:
            words += [f"{layer}.{_FEED_FORWARD if h is None else h}{what}" for h in heads]
    return " ".join(words)


def read_edits(text: str, config: ModelConfig) -> tuple[Change, ...]:
    """The edits that a line names, one for each part.

    Raises: DataError for what is no edit, and for parts that the model lacks.

    >>> read_edits("0.*:off 0.1:x2", ModelConfig(n_heads=2, d_model=8, n_kv_heads=2))
    (Edit(layer=0, head=0, act='off', factor=1.0), Edit(layer=0, head=1, act='scale', factor=2.0))
    """
    if len(text) > _MOST:
        raise DataError(f"These edits are {len(text):,} characters long; {_MOST:,} are read.")
    found: dict[tuple[int, int | None, int | None], Change] = {}
    for word in text.split():
        match = _WORD.fullmatch(word)
        if match is None:
            raise DataError(
                f"{word[:40]!r} is no edit. Write LAYER.HEAD:off, or ff for the feed-forward part "
                "and * for every head; and off, uniform, mean, or a factor like x0.5."
            )
        layer, head, query, what = match.groups()
        for each in _heads(head, config):
            edit = _edit(int(layer), each, query, what)
            require_sound(edit, config)
            found[edit.layer, edit.head, None if query is None else int(query)] = edit
    return tuple(found.values())


def _heads(head: str, config: ModelConfig) -> Sequence[int | None]:
    if head == _EVERY:
        return range(config.n_heads)
    return [None if head == _FEED_FORWARD else int(head)]


def _edit(layer: int, head: int | None, query: str | None, what: str) -> Change:
    if query is not None:
        if head is None:
            raise DataError("A feed-forward part has no attention to paint. Name a head.")
        return PaintedRow(layer, head, int(query), tuple(map(_number, what.split(","))))
    if what.startswith("x"):
        return Edit(layer, head, "scale", _number(what[1:]))
    for act in ACTS:
        if what == act != "scale":
            return Edit(layer, head, act)
    raise DataError(
        f"{what[:40]!r} can be done to no part. Choose off, uniform, mean, or a factor like x0.5."
    )


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{text[:40]!r} is no number. Write one like 0.5 or 2.")
    return number


def _what(edit: Change) -> str:
    if isinstance(edit, PaintedRow):
        return f"@{edit.query}:" + ",".join(f"{weight:.6g}" for weight in edit.weights_S)
    return f":x{edit.factor:.6g}" if edit.act == "scale" else f":{edit.act}"


def _order(edit: Change) -> tuple[int, bool, str, int]:
    return edit.layer, edit.head is None, _what(edit), -1 if edit.head is None else edit.head
