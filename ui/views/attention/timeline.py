"""A text of one's own through a run's snapshots, and two moments or models side by side.

Every snapshot reads the text once; then the browser moves and plays by itself. Only another
head, or another text, asks the server.
"""

import time
from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitAPIException

from slm import locks
from slm.attention.history import Reading, read_text, steepest_rise
from slm.attention.timeline import Timeline
from slm.errors import SlmError
from slm.model.checkpoint import checkpoints
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.attention_time import attention_time_view
from ui.figures.attention_saved import timeline_picture
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import attention_time as words
from ui.view_models.attention_time import AttentionTime, read_place
from ui.views.attention import comparing
from ui.views.attention.asking import Asked, asking, keep, run_of
from ui.views.attention.saving import panel

_POLL_SECONDS = 5.0  # snapshots come seldom
_QUIET_SECONDS = 0.5  # of work, before a bar tells how far it is
_MODES = {"time": tr("All snapshots"), "two": comparing.TITLE}
Asking = tuple[int | None, ...]
_KEYS = ("at_step", "layer", "head", "query")


def render(state: PageState) -> None:
    """All snapshots of the current run; where it has none, two models side by side."""
    run = run_of(state)
    if run is None:
        return
    alive = not run.imported and locks.is_held(run.folder / "run.lock")

    @st.fragment(run_every=_POLL_SECONDS if alive else None)
    def panel() -> None:
        with widgets.user_errors():
            _panel(state, run, alive)

    panel()


def _panel(state: PageState, run: Artefact, alive: bool) -> None:
    timeline = Timeline(run.folder)
    if alive and not timeline.steps and not checkpoints(run.folder):
        keep("text", "from_token", *_KEYS)
        st.info(words.without_snapshots(run.imported, alive))
        return
    longest = words.longest_text(len(timeline.steps))
    with asking(run, longest=longest, one_step=False) as asked:
        if asked is None:
            _remember(_asked_place())
            return
        with asked.row:
            mode = _ask_mode(bool(timeline.steps))
        if not timeline.steps:
            st.info(words.without_snapshots(run.imported, alive))
        if mode == "two":
            _remember(_asked_place())
            comparing.show(state, asked)
            return
        _through_time(state, asked, timeline)


def _ask_mode(has_snapshots: bool) -> str:
    mode: str | None = st.segmented_control(
        tr("Show"),
        list(_MODES),
        format_func=lambda each: _MODES.get(each, each),
        default="time" if has_snapshots else "two",
        key="timeline_show",
        bind="query-params",
        disabled=not has_snapshots,
        required=True,
    )
    return mode if mode == "time" and has_snapshots else "two"


def _through_time(state: PageState, asked: Asked, timeline: Timeline) -> None:
    wanted = _asked_place()
    view, problems = _view(asked, timeline, wanted)
    for problem in problems:
        st.caption(f":material/info: {widgets.esc_md(problem)}")
    if view is None:
        st.info(tr("No snapshot of this run can be read any more."))
        return
    key = f"attention-time-{asked.run.id}"
    shape = (view.scores_SLHM.shape[1], view.scores_SLHM.shape[2])

    def moved() -> None:
        told = st.session_state.get(key, {}).get("place")
        place = read_place(told, shape, view.steps, len(view.tokens))
        if place is not None:
            told_place = (place.step, place.layer, place.head, place.query)
            for name, value in zip(_KEYS, told_place, strict=True):
                _hold(name, value)
            st.session_state["timeline-measure"] = place.measure

    step, _, _, query = wanted
    measure = st.session_state.get("timeline-measure", "")
    begin = words.begin_at(view, step, query, measure)
    _remember(wanted)
    _write(wanted)
    echo = any(each is not None for each in wanted)  # see _write
    attention_time_view(view, begin=begin, key=key, on_move=moved, echo=echo)
    st.caption(words.how_it_plays(view))
    widgets.demo_note(state.on_demo, tr("the attention"))
    panel(
        asked,
        picture=lambda: timeline_picture(view, begin, asked.loaded.name),
        arrays=lambda: words.saved_arrays(view, asked.ids_T),
        code=words.code_lines(asked.run, asked.text, asked.window, view.layer, view.head),
        functions=(read_text, steepest_rise),
        link={
            "view": "timeline",
            "layer": view.layer,
            "head": view.head,
            **({} if begin.step is None else {"at_step": begin.step}),
            **({} if begin.query is None else {"query": begin.query}),
        },
        name="training",
    )


def _asked_place() -> Asking:
    """Step, layer, head and query: those of the address where it is new, else of this visit."""
    told = st.session_state.get("timeline-told", {})
    return tuple(_asked(key, told) for key in _KEYS)


def _asked(key: str, told: dict[str, str]) -> int | None:
    there = st.query_params.get(key)
    if there is not None and there != told.get(key) and there.isascii() and there.isdigit():
        return int(there[:9])
    held = st.session_state.get(key)
    return held if isinstance(held, int) else None


def _remember(place: Asking) -> None:
    """Hold the place for the other views of the chapter."""
    for key, value in zip(_KEYS, place, strict=True):
        _hold(key, value)


def _write(place: Asking) -> None:
    """The place into the address.

    In the run that comes from another view these parameters still belong to that view's fields;
    Streamlit refuses to change them, and takes them away when the run ends. So the picture tells
    its place once more when it is fresh, and this is called again.
    """
    told = {key: str(value) for key, value in zip(_KEYS, place, strict=True) if value is not None}
    with suppress(StreamlitAPIException):
        for key in _KEYS:
            if key not in told:
                st.query_params.pop(key, None)
            elif st.query_params.get(key) != told[key]:
                st.query_params[key] = told[key]
    st.session_state["timeline-told"] = told


def _hold(key: str, value: int | None) -> None:
    if value is not None:
        st.session_state[key] = value
    elif key in st.session_state:
        del st.session_state[key]


def _view(
    asked: Asked, timeline: Timeline, wanted: Asking
) -> tuple[AttentionTime | None, list[str]]:
    """All that is shown; snapshots that cannot be read are left out, with the reason."""
    config = asked.loaded.model.config
    grid = (config.n_layers, config.n_heads)
    steps = timeline.steps
    chosen = _chosen_head(wanted, grid)
    every = words.all_heads_fit(len(steps), config.n_layers * config.n_heads, len(asked.ids_T))
    alone = None if every else chosen or (0, 0)
    readings, problems = _read_all(asked, timeline, alone)
    if not readings:
        return None, problems
    opened = chosen or alone or words.first_head(list(readings.values()))
    settings = RunSettings.read(asked.run.folder)
    view = words.attention_time(
        list(readings),
        list(readings.values()),
        loaders.log_reader(str(asked.run.folder / METRICS)).read(),
        tokens_T=asked.tokens_T,
        opened=opened,
        total_steps=settings.train.steps,
        vocab_size=config.vocab_size,
        window=config.window,
        samples=words.samples_of(timeline.moments()[0], list(readings)),
        token_bytes=asked.loaded.tokenizer.token_bytes,
    )
    return view, problems


def _chosen_head(wanted: Asking, grid: tuple[int, int]) -> tuple[int, int] | None:
    _, layer, head, _ = wanted
    if layer is None and head is None:
        return None
    return min(layer or 0, grid[0] - 1), min(head or 0, grid[1] - 1)


def _read_all(
    asked: Asked, timeline: Timeline, alone: tuple[int, int] | None
) -> tuple[dict[int, Reading], list[str]]:
    """The text as each snapshot reads it; a bar tells how far, where that takes time."""
    found: dict[int, Reading] = {}
    problems: list[str] = []
    begun, bar = time.monotonic(), st.empty()
    for done, step in enumerate(timeline.steps):
        if time.monotonic() - begun > _QUIET_SECONDS:
            bar.progress(
                done / len(timeline.steps),
                text=tr("Reading the text at step {step:,}").format(step=step),
            )
        try:
            version = timeline.version(step)
            found[step] = _read(
                str(asked.run.folder), step, version, asked.ids_T, alone, timeline, asked.loaded
            )
        except SlmError as error:
            problems.append(tr("Step {step:,} is left out. {error}").format(step=step, error=error))
    bar.empty()
    return found, problems


@loaders.shared_answer()
def _read(
    folder: str,
    step: int,
    version: int,
    ids_T: tuple[int, ...],
    alone: tuple[int, int] | None,
    _timeline: Timeline,
    _loaded: LoadedRun,
) -> Reading:
    """One snapshot's reading, once for all visitors."""
    del folder, version
    model = _timeline.load_model(step)
    return read_text(model, ids_T, head=alone, eos_id=_loaded.tokenizer.eos_id)
