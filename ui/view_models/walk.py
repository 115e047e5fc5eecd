"""A walk through a model as a row of steps, each with its formula, its numbers and its why.

Knows the arrays of a `Walk`; computes none of them. Needs no torch. The steps inside a
block are in `walk_attention.py` and `walk_feed_forward.py`, the others in `walk_ends.py`.

T positions of the text, S key positions, D width, K head width, P pairs, F feed-forward width.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slm.model.config import ModelConfig
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.code import open_lines

if TYPE_CHECKING:
    from slm.model.readout import Reading
    from slm.model.walk import Walk

Floats = NDArray[np.float32]
DEFAULT_TEXT = "Carla had a copper lamp. One day Carla lost her copper"
"""A word comes again, so that a head which looks for what followed it has something to find."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLACE = re.compile(r"([a-z_]{1,20}),(\d{1,4}),(\d{1,4}),(\d{1,3}),(\d{1,3}|)")


@dataclass(frozen=True)
class Place:
    """Where in a walk one stands. `key` None: where the query looks most."""

    step: str = "text"
    layer: int = 0
    head: int = 0
    token: int = 10**3  # the last one, once it is settled
    key: int | None = None


@dataclass(frozen=True)
class Strips:
    """Vectors as rows of coloured cells, all on one scale."""

    title: str
    rows: tuple[tuple[str, Floats], ...]
    picks: bool = False  # whether a row is a token that can be chosen


@dataclass(frozen=True)
class Matrix:
    """A value for each pair of positions. `hidden_TS` marks pairs that may not look."""

    title: str
    values_TS: Floats
    hidden_TS: NDArray[np.bool_] | None
    is_share: bool


@dataclass(frozen=True)
class Columns:
    """Numbers side by side as columns; `picks` where a column is a key that can be chosen."""

    title: str
    values: Floats
    labels: tuple[str, ...]
    marked: int | None = None
    picks: bool = False


@dataclass(frozen=True)
class Bars:
    """Numbers one below the other. Labels may be tokens: foreign text."""

    title: str
    labels: tuple[str, ...]
    values: Floats
    shown: tuple[str, ...]
    marked: int | None = None


@dataclass(frozen=True)
class Turns:
    """Pairs of numbers as arrows, before and after they are turned by `radians_P`."""

    title: str
    before_P2: Floats
    after_P2: Floats
    radians_P: Floats


@dataclass(frozen=True)
class Table:
    """Rows of texts; some are tokens."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Picture = Strips | Matrix | Columns | Bars | Turns | Table


@dataclass(frozen=True)
class Step:
    """One stop of the walk. `formula` is LaTeX of the few commands that the view draws.

    `source` names the function in `slm` that does it, `line` a line of its source.
    """

    id: str
    group: str
    title: str
    formula: tuple[str, ...]
    shape: str
    why: str
    told: str
    source: str
    line: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Look:
    """What a story is told of: a walk, what was read off it, where one stands, and the words."""

    walk: "Walk"
    reading: "Reading"
    place: Place
    tokens: tuple[str, ...]
    names: dict[int, str]

    @property
    def config(self) -> ModelConfig:
        """The model's settings."""
        return self.walk.config

    @property
    def here(self) -> str:
        """The chosen token in quotes."""
        return f"“{self.tokens[self.place.token]}”"

    @property
    def group(self) -> str:
        """What the steps inside the opened block stand under."""
        return tr("Block {layer}").format(layer=self.place.layer)

    def name(self, token: int) -> str:
        """How a token of the vocabulary is shown."""
        return self.names.get(token, f"#{token}")


def read_place(text: str | None) -> Place:
    """The place that an address names; the beginning for any that names none.

    >>> read_place("scores,1,2,7,3")
    Place(step='scores', layer=1, head=2, token=7, key=3)
    >>> read_place("nowhere at all")
    Place(step='text', layer=0, head=0, token=1000, key=None)
    """
    found = _PLACE.fullmatch(text or "")
    if found is None:
        return Place()
    step, layer, head, token, key = found.groups()
    return Place(step, int(layer), int(head), int(token), int(key) if key else None)


def write_place(place: Place) -> str:
    """The place as a text for the address; `read_place` understands it."""
    key = "" if place.key is None else place.key
    return f"{place.step},{place.layer},{place.head},{place.token},{key}"


def settle(place: Place, config: ModelConfig, n_tokens: int) -> Place:
    """The nearest place that this model and text have."""
    from ui.view_models.walk_ends import step_ids

    token = min(place.token, n_tokens - 1)
    known = step_ids(config)
    return replace(
        place,
        step=place.step if place.step in known else known[0],
        layer=min(place.layer, config.n_layers - 1),
        head=min(place.head, config.n_heads - 1),
        token=token,
        key=None if place.key is None or place.key >= n_tokens else place.key,
    )


def moved(place: Place, asked: Any) -> Place:
    """The place after what the browser sent; anything that is no move changes nothing."""
    if not isinstance(asked, dict):
        return place
    changes: dict[str, Any] = {
        name: asked[name]
        for name in ("layer", "head", "token")
        if type(asked.get(name)) is int and 0 <= asked[name] < 10**4
    }
    if "key" in asked and (asked["key"] is None or type(asked["key"]) is int):
        changes["key"] = None if asked["key"] is None else min(max(asked["key"], 0), 999)
    if isinstance(asked.get("step"), str) and re.fullmatch("[a-z_]{1,20}", asked["step"]):
        changes["step"] = asked["step"]
    return replace(place, **changes)


def with_key(place: Place, walk: "Walk") -> Place:
    """The place with a key: the chosen one, else the one that the query looks at most."""
    if place.key is not None:
        return place
    weights_S = walk.block.weights_HTS[place.head, place.token]
    return replace(place, key=int(weights_S.argmax()))


def story(look: Look) -> tuple[Step, ...]:
    """Every step of the walk with this block opened, from text to next token."""
    from ui.view_models.walk_attention import attention_steps
    from ui.view_models.walk_ends import beginning, ending
    from ui.view_models.walk_feed_forward import feed_forward_steps

    return (*beginning(look), *attention_steps(look), *feed_forward_steps(look), *ending(look))


def length_note(n_tokens: int, n_walked: int) -> str | None:
    """What to say of a text that is longer than a walk.

    >>> length_note(100, 64)
    'You walk the first 64 of 100 tokens: a walk takes no more.'
    """
    if n_tokens <= n_walked:
        return None
    return tr("You walk the first {n_walked} of {n_tokens:,} tokens: a walk takes no more.").format(
        n_walked=n_walked, n_tokens=n_tokens
    )


def number(value: float) -> str:
    """A number with three significant digits, and a true minus sign.

    >>> number(-0.123456), number(1234.5), number(0.0), number(0.000412), number(2.5e-9)
    ('−0.123', '1,230', '0', '0.000412', '2.5·10⁻⁹')
    """
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e6:
        digits = f"{float(f'{value:.3g}'):,.9f}".rstrip("0").removesuffix(".")
        return digits.replace("-", "−")
    digits, _, power = f"{value:.3g}".partition("e")
    return f"{digits}·10{str(int(power or 0)).translate(_RAISED)}".replace("-", "−")


def share(value: float) -> str:
    """A share in percent.

    >>> share(0.1234), share(0.0003), share(0.0000123), share(0.99999)
    ('12.3%', '0.03%', '<0.01%', '>99.9%')
    """
    if 0 < value < 1e-4:
        return "<0.01%"
    if 0.9995 <= value < 1:
        return ">99.9%"
    return f"{value:.1%}" if value >= 0.001 else f"{value:.2%}"


def length(vector: Floats) -> float:
    """√ of the sum of squares."""
    return float(np.linalg.norm(vector))


def strongest(values: Floats, count: int) -> list[int]:
    """The places of the largest values, largest first."""
    return [int(place) for place in np.argsort(-values, kind="stable")[:count]]


def code_lines(run: Artefact, step: int | None, text: str, place: Place) -> str:
    """The lines that compute what is shown."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    return f"""{opened}
from slm.lab.looking import walkable_ids
from slm.model.readout import read_position
from slm.model.walk import take_walk

ids = walkable_ids(opened, {text!r})
walk = take_walk(opened.model, ids, layer={place.layer})
block = walk.block
print(block.query_HTK[{place.head}, {place.token}])          # the query of this token and head
print(block.weights_HTS[{place.head}, {place.token}].round(3))  # where it looks
print(walk.growth({place.token}))                   # how long the stream is, block by block
print(read_position(opened.model, walk, {place.token}).guesses[-1])  # what comes next
"""


def names_of(reading: "Reading") -> list[int]:
    """The tokens of the vocabulary that a story names beside those of the text."""
    found: Sequence[int] = [guess.token for each in reading.guesses for guess in each]
    return sorted({*found, reading.parts.token})
