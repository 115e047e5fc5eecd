"""A film of attention, ready to show: what each frame says, and its rows as a browser reads them.

Knows frames; neither models nor Streamlit.

L layers, H heads, S key position, F frames.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slm.lab.filmstrip import film_operations
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.attention import Window
from ui.view_models.code import open_lines
from ui.view_models.walk import share

if TYPE_CHECKING:
    from slm.lab.filmstrip import FilmConfig, Frame
    from slm.model.config import ModelConfig

PAINTED_BY = ("head", "layer", "all")
"""Whose row paints the text: one head's, or the mean over a layer, or over all heads."""
MOST_CONTEXT_FOR_PROMPT = 0.75
_LONGEST_TOKEN = 24
_SCALE = 65_535
SOON_SECONDS = 3.0
"""A film that takes longer is written when it is asked for."""
_PROMPT_SPEED, _FRAME_SPEED = 25e9, 5e9
"""Operations a second of one core of a laptop, in float32: GPT-2's frames take 0.22 s."""


@dataclass(frozen=True)
class Bar:
    """One token of a distribution: the model's own share, and that after temperature and top-k."""

    text: str
    own: float
    drawn: float
    told: str
    chosen: bool


@dataclass(frozen=True)
class Depth:
    """The likeliest token, if the model stopped after so many blocks."""

    name: str
    text: str
    share: float
    told: str


@dataclass(frozen=True)
class FrameView:
    """One frame in words."""

    fact: str
    bars: tuple[Bar, ...]
    depths: tuple[Depth, ...]


@dataclass(frozen=True)
class FilmView:
    """All frames. `rows` holds weights in 65,535ths, frame by frame, L×H×S of each.

    S of a frame is `prompt` and the frames before it. `tokens` are prompt and drawn ones.
    """

    tokens: tuple[str, ...]
    prompt: int
    n_layers: int
    n_heads: int
    frames: tuple[FrameView, ...]
    rows: NDArray[np.uint16]


@dataclass(frozen=True)
class FilmPlace:
    """Where a visitor stands in a film, and whose rows paint the text."""

    at: int = 0
    painted_by: str = "head"


def film_view(
    frames: "Sequence[Frame]", prompt: tuple[str, ...], word: Callable[[int], str]
) -> FilmView:
    """The film of these frames after a prompt, its tokens as `visible()` shows them."""
    drawn = tuple(word(frame.token) for frame in frames)
    n_layers, n_heads = frames[0].weights_LHS.shape[:2]
    flat = [(frame.weights_LHS * _SCALE).round().astype("<u2").ravel() for frame in frames]
    tokens = (*prompt, *drawn)
    return FilmView(
        tokens=tokens,
        prompt=len(prompt),
        n_layers=n_layers,
        n_heads=n_heads,
        frames=tuple(
            _frame(frame, tokens[len(prompt) + at - 1], word) for at, frame in enumerate(frames)
        ),
        rows=np.concatenate(flat),
    )


def painted_rows(view: FilmView, painted_by: str, layer: int, head: int) -> NDArray[np.float32]:
    """F×S: the row that paints the text of every frame, NaN where no token stood yet."""
    n_heads = view.n_layers * view.n_heads
    longest = view.prompt + len(view.frames) - 1
    rows_FS = np.full((len(view.frames), longest), np.nan, dtype=np.float32)
    at = 0
    for frame in range(len(view.frames)):
        length = view.prompt + frame
        flat = view.rows[at : at + n_heads * length].astype(np.float32) / _SCALE
        weights_LHS = flat.reshape(view.n_layers, view.n_heads, length)
        row_S = {
            "layer": weights_LHS[layer].mean(axis=0),
            "all": weights_LHS.mean(axis=(0, 1)),
        }.get(painted_by, weights_LHS[layer, head])
        rows_FS[frame, :length] = row_S
        at += n_heads * length
    return rows_FS


def longest_prompt(context_length: int) -> int:
    """How much of the context a prompt may take, so that there is room to write.

    >>> longest_prompt(128), longest_prompt(4)
    (96, 3)
    """
    return max(2, int(context_length * MOST_CONTEXT_FOR_PROMPT))


def film_seconds(config: "ModelConfig", n_parameters: int, n_prompt: int, n_frames: int) -> float:
    """About how long a film takes to write, on one core; several cores are faster.

    >>> from slm.model.config import ModelConfig
    >>> small = ModelConfig(vocab_size=4096, n_layers=4, d_model=128)
    >>> film_seconds(small, 1_300_000, 64, 128) < SOON_SECONDS
    True
    """
    prompt, frames = film_operations(config, n_parameters, n_prompt, n_frames)
    return prompt / _PROMPT_SPEED + frames / _FRAME_SPEED


def write_words(n_frames: int, seconds: float) -> str:
    """What the button says that writes a long film.

    >>> write_words(24, 5.6)
    'Write all 24 tokens (about 6 s)'
    """
    told = (
        f"{seconds:.0f} s" if seconds < 90 else tr("{seconds:.0f} min").format(seconds=seconds / 60)
    )
    return tr("Write all {n_frames} tokens (about {told})").format(n_frames=n_frames, told=told)


def shorter_note(wanted: int, fit: int, context_length: int, n_prompt: int) -> str | None:
    """Why a film has fewer frames than were asked for.

    >>> shorter_note(64, 28, 128, 100)
    'The film ends after 28 tokens: the context of 128 is full then.'
    >>> shorter_note(8, 8, 128, 100)
    """
    if fit >= wanted:
        return None
    if n_prompt + fit >= context_length:
        return tr(
            "The film ends after {fit} tokens: the context of {context_length:,} is full then."
        ).format(fit=fit, context_length=context_length)
    return tr(
        "The film ends after {fit} tokens: of so many heads no more rows fit into a page."
    ).format(fit=fit)


def ended_note(ends: bool) -> str | None:
    """What the last frame shows where the model ended its text."""
    return (
        tr("The model ended the text: its last token is the end-of-text token.") if ends else None
    )


def read_place(text: str | None, n_frames: int) -> FilmPlace:
    """A place from a link, or from the browser, moved to one that there is.

    >>> read_place("7,layer", 5), read_place("x", 5)
    (FilmPlace(at=4, painted_by='layer'), FilmPlace(at=0, painted_by='head'))
    """
    at, _, painted_by = (text or "").partition(",")
    if not (at.isascii() and at.isdigit() and len(at) < 6 and painted_by in PAINTED_BY):
        return FilmPlace()
    return FilmPlace(max(0, min(int(at), n_frames - 1)), painted_by)


def write_place(place: FilmPlace) -> str:
    """The place for a link; empty where a film opens by itself.

    >>> write_place(FilmPlace(3, "all")), write_place(FilmPlace())
    ('3,all', '')
    """
    return "" if place == FilmPlace() else f"{place.at},{place.painted_by}"


def film_code(
    run: Artefact, step: int | None, text: str, window: Window, config: "FilmConfig"
) -> str:
    """The lines that compute what is shown."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    part = "" if window.note is None else f"[{window.start}:{window.stop}]"
    chosen = ", ".join(
        f"{name}={getattr(config, name)!r}"
        for name in ("max_new_tokens", "temperature", "top_k", "seed")
    )
    return f"""{opened}
from slm.lab.filmstrip import FilmConfig, film

prompt = opened.tokenizer.encode({text!r}){part}
config = FilmConfig({chosen})
for frame in film(opened.model, prompt, config, eos_id=opened.tokenizer.eos_id):
    print(repr(opened.tokenizer.decode([frame.token])), frame.rank, frame.weights_LHS.shape)
"""


def _short(token: str) -> str:
    return token if len(token) <= _LONGEST_TOKEN else token[: _LONGEST_TOKEN - 1] + "…"


def _frame(frame: "Frame", after: str, word: Callable[[int], str]) -> FrameView:
    ids = frame.top_ids_K.tolist()
    bars = [
        _bar(word(token), own, drawn, token == frame.token)
        for token, own, drawn in zip(
            ids, frame.top_own_K.tolist(), frame.top_drawn_K.tolist(), strict=True
        )
    ]
    if frame.token not in ids:
        bars.append(_bar(word(frame.token), frame.own_share, frame.drawn_share, True))
    place = (
        tr("the likeliest")
        if frame.rank == 1
        else tr("number {rank:,} in likelihood").format(rank=frame.rank)
    )
    fact = tr(
        "After “{after}” came “{token}”, {place}: the model gave it "
        "{own_share}, it was drawn with {drawn_share}."
    ).format(
        after=_short(after),
        token=_short(word(frame.token)),
        place=place,
        own_share=share(frame.own_share),
        drawn_share=share(frame.drawn_share),
    )
    return FrameView(fact, tuple(bars), _depths(frame, word))


def _bar(text: str, own: float, drawn: float, chosen: bool) -> Bar:
    told = tr("model {own}, drawn with {drawn}").format(own=share(own), drawn=share(drawn))
    return Bar(_short(text), own, drawn, told, chosen)


def _depths(frame: "Frame", word: Callable[[int], str]) -> tuple[Depth, ...]:
    last = len(frame.depth_ids_N) - 1
    shares = frame.depth_shares_N.tolist()
    return tuple(
        Depth(
            tr("embedding")
            if depth == 0
            else tr("output")
            if depth == last
            else tr("block {depth}").format(depth=depth - 1),
            _short(word(token)),
            shares[depth],
            share(shares[depth]),
        )
        for depth, token in enumerate(frame.depth_ids_N.tolist())
    )
