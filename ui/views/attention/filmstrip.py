"""A text being written, and where every head looked before each token was drawn.

One fragment. A film is recorded once for each checkpoint, prompt and setting, frame by frame,
so that a long one shows how far it is and a change in the meantime is not kept waiting.
"""

import threading
import time
from collections.abc import Callable, Iterator

import streamlit as st

from slm.lab.filmstrip import FilmConfig, Frame, film, film_arrays, frames_that_fit
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.filmstrip import filmstrip
from ui.figures.attention_saved import film_picture
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models.attention import Opening
from ui.view_models.chips import labeller
from ui.view_models.filmstrip import (
    SOON_SECONDS,
    FilmPlace,
    FilmView,
    ended_note,
    film_code,
    film_seconds,
    film_view,
    longest_prompt,
    read_place,
    shorter_note,
    write_place,
    write_words,
)
from ui.view_models.settings import described
from ui.views import kept
from ui.views.attention.asking import Asked, asking, run_of
from ui.views.attention.choosing import ask_head, keep_head
from ui.views.attention.saving import panel

_PLACE = "filmstrip"
_WANTED = "filmstrip_wanted"
_NUMBER_WIDTH = 140
_PATIENCE_SECONDS = 0.4
"""A film that takes longer shows how far it is."""
_MOST_TOP_K = 1_000


class Reel:
    """A film that is being recorded. Shared between visitors: one records at a time."""

    def __init__(self, begin: Callable[[], Iterator[Frame]]) -> None:
        self._begin = begin
        self._source: Iterator[Frame] | None = None
        self._lock = threading.Lock()
        self.frames: list[Frame] = []
        self.complete = False
        self.view: FilmView | None = None

    def record(self) -> None:
        """One frame more, unless the film is complete.

        A film that failed at its first frame begins anew, and tells why again.

        Raises: as `slm.lab.filmstrip.film`.
        """
        with self._lock:
            if self.complete:
                return
            if self._source is None or not self.frames:
                self._source = self._begin()
            frame = next(self._source, None)
            if frame is None:
                self.complete, self._source = True, None
            else:
                self.frames.append(frame)


def render(state: PageState) -> None:
    """Text and choices above the film."""
    run = run_of(state)
    if run is not None:
        _film(state, run)


@st.fragment
def _film(state: PageState, run: Artefact) -> None:
    longest = 2
    with widgets.user_errors():
        longest = longest_prompt(loaders.load_run(run).model.config.context_length)
    with asking(run, longest=longest) as asked:
        if asked is None:
            return
        opened = ask_head(asked)
        config = _ask_config()
        reel = _reel(*asked.key, config, asked.loaded)
        if _may_write(reel, asked, config):
            _record(reel, asked, config)
            _notes(reel, asked, config)
        place = _draw(reel, asked, opened)
        widgets.demo_note(state.on_demo, tr("the film"))
        _save(reel, asked, config, opened, place)


def _ask_config() -> FilmConfig:
    """How many tokens, and how each is drawn; all of it in the link."""
    usual, fields = FilmConfig(), FilmConfig.model_fields
    with st.container(horizontal=True, gap="small"):
        max_new_tokens = st.number_input(
            tr("New tokens"),
            min_value=1,
            max_value=128,
            value=usual.max_new_tokens,
            key="filmstrip_tokens",
            bind="query-params",
            width=_NUMBER_WIDTH,
            help=described(fields["max_new_tokens"]),
        )
        temperature = st.number_input(
            tr("Temperature"),
            min_value=0.0,
            max_value=10.0,
            value=usual.temperature,
            step=0.1,
            format="%g",
            key="filmstrip_temperature",
            bind="query-params",
            width=_NUMBER_WIDTH,
            help=described(fields["temperature"]),
        )
        top_k = st.number_input(
            tr("Top-k"),
            min_value=0,
            max_value=_MOST_TOP_K,
            value=usual.top_k,
            key="filmstrip_top_k",
            bind="query-params",
            width=_NUMBER_WIDTH,
            help=described(fields["top_k"]),
        )
        seed = st.number_input(
            tr("Seed"),
            min_value=0,
            max_value=2**31 - 1,
            value=usual.seed,
            key="filmstrip_seed",
            bind="query-params",
            width=_NUMBER_WIDTH,
            help=described(fields["seed"]),
        )
    return FilmConfig(
        max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, seed=seed
    )


def _may_write(reel: Reel, asked: Asked, config: FilmConfig) -> bool:
    """Whether the whole film is wanted: it is soon there, or somebody asked for it.

    Of a film that keeps one waiting the first frame is recorded, and a button writes the others.
    """
    loaded, wanted = asked.loaded, _fit(asked, config)
    question = (*asked.key, config)
    model = loaded.model
    left = wanted - len(reel.frames)
    seconds = film_seconds(model.config, model.n_parameters, len(asked.ids_T), left)
    if reel.complete or seconds <= SOON_SECONDS or st.session_state.get(_WANTED) == question:
        return True
    if not reel.frames:
        reel.record()
    st.button(
        write_words(wanted, seconds),
        icon=":material/movie:",
        key="filmstrip_write",
        on_click=_want,
        args=(question,),
    )
    return False


def _want(question: object) -> None:
    st.session_state[_WANTED] = question


def _record(reel: Reel, asked: Asked, config: FilmConfig) -> None:
    """Record what is missing; a film that takes long shows how far it is."""
    began, bar = time.monotonic(), None
    wanted = _fit(asked, config)
    while not reel.complete:
        reel.record()
        if time.monotonic() - began > _PATIENCE_SECONDS and not reel.complete:
            bar = bar or st.progress(0.0)
            done = len(reel.frames)
            bar.progress(
                min(1.0, done / max(1, wanted)),
                tr("Writing: {done} of {wanted} tokens").format(done=done, wanted=wanted),
            )
    if bar is not None:
        bar.empty()


def _fit(asked: Asked, config: FilmConfig) -> int:
    return frames_that_fit(asked.loaded.model.config, len(asked.ids_T), config.max_new_tokens)


def _notes(reel: Reel, asked: Asked, config: FilmConfig) -> None:
    """Why a film is shorter than was asked for."""
    context_length = asked.loaded.model.config.context_length
    ended = ended_note(reel.frames[-1].ends)
    fit = _fit(asked, config)
    note = ended or shorter_note(config.max_new_tokens, fit, context_length, len(asked.ids_T))
    if note:
        st.caption(f":material/info: {note}")


def _draw(reel: Reel, asked: Asked, opened: Opening) -> FilmPlace:
    tokenizer = asked.loaded.tokenizer
    label = labeller(tokenizer.token_bytes, tokenizer.vocab_size)
    view = reel.view
    if view is None or len(view.frames) < len(reel.frames):
        view = reel.view = film_view(tuple(reel.frames), asked.tokens_T, label)

    def keep(place: FilmPlace, layer: int, head: int) -> None:
        kept.keep(_PLACE, write_place(place))
        if (layer, head) != (opened.layer, opened.head):
            st.session_state["layer"], st.session_state["head"] = layer, head
        else:
            keep_head(layer, head)

    place = read_place(kept.recall(_PLACE), len(view.frames))
    filmstrip(
        view,
        place=place,
        layer=opened.layer,
        head=opened.head,
        key="film",
        on_move=keep,
    )
    return place


def _save(reel: Reel, asked: Asked, config: FilmConfig, opened: Opening, place: FilmPlace) -> None:
    """Where each drawn token's row looked, how likely each was, and all frames' numbers."""
    view = reel.view
    if view is None:
        return
    frames = tuple(reel.frames[: len(view.frames)])
    head = (opened.layer, opened.head)
    panel(
        asked,
        picture=lambda: film_picture(
            view,
            place,
            head,
            tr("{name}, step {step}").format(name=asked.loaded.name, step=asked.loaded.step),
        ),
        arrays=lambda: film_arrays(asked.ids_T, frames),
        code=film_code(asked.run, asked.step, asked.text, asked.window, config),
        functions=(film,),
        link={"view": "filmstrip", "layer": opened.layer, "head": opened.head},
        name="film",
    )


@st.cache_resource(max_entries=6, show_spinner=False)
def _reel(
    run_id: str, step: int, ids_T: tuple[int, ...], config: FilmConfig, _loaded: LoadedRun
) -> Reel:
    """The film of one checkpoint, prompt and setting, recorded as far as anybody has."""
    del run_id, step
    return Reel(lambda: film(_loaded.model, ids_T, config, eos_id=_loaded.tokenizer.eos_id))
