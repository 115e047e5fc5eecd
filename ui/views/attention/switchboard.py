"""Every head and every feed-forward part as a switch, and what the text loses without it.

One fragment: a switch, another text or training step redraw it alone. What each part is worth is
measured slice by slice after everything else has been drawn; what has been measured is kept
for all visitors, so that an interrupted measurement goes on where it was.
"""

from time import monotonic
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from slm.attention.edit_notation import read_edits, write_edits
from slm.attention.heads import head_scores
from slm.attention.importance import Importance, Left, importance
from slm.attention.interventions import Change, Interventions
from slm.attention.readings import reading
from slm.lab.ablation import importance_arrays, reading_arrays
from slm.model.config import ModelConfig
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.switchboard import switchboard_view
from ui.figures.attention_pictures import SavedPicture
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.head_grid import HeadGrid, grid_of
from ui.view_models.switchboard import (
    board_of,
    left_of_parts,
    most_of,
    told_edits,
    told_place,
    with_rows,
)
from ui.view_models.switchboard_words import (
    BY,
    MORE,
    edits_sentence,
    is_soon,
    layer_names,
    measure_words,
    place_names,
    switchboard_code,
    worth_sentence,
)
from ui.views import kept
from ui.views.attention import outcome
from ui.views.attention.asking import Asked, asking, keep, run_of
from ui.views.attention.saving import panel

_EDITS, _GOING = "edits", "switchboard_going"
_SOON = 20_000_000
"""Parameters up to which the heads are named before anything is drawn."""
_STRETCH_SECONDS = 2.5
"""How long it is measured before the board is drawn again with what has been found."""


def render(state: PageState) -> None:
    """Text and choices above the board, what comes of it below."""
    keep("layer", "head", "query")
    run = run_of(state)
    if run is not None:
        _switchboard(state, run)


@st.fragment
def _switchboard(state: PageState, run: Artefact) -> None:
    with asking(run) as asked:
        if asked is None:
            return
        loaded = asked.loaded
        with asked.row:
            act = _ask_act()
        changes = _changes(loaded.model.config)
        names = _names(*asked.key, loaded) if _may_name(loaded) else None
        work = _begun(asked, act)
        _draw(asked, changes, names, work, act)
        bar = _offer(asked, act, work)
        found = None
        with widgets.user_errors():
            found = outcome.draw(asked, changes, key="switchboard")
        widgets.demo_note(state.on_demo, tr("the switches"))
        panel(
            asked,
            picture=lambda: _picture(asked, changes, act, work),
            arrays=lambda: _arrays(asked, found, work),
            code=switchboard_code(run, asked.step, asked.text, asked.window, changes, act),
            functions=(reading, Interventions, importance),
            link={"view": "switchboard"},
            name="switchboard",
        )
        if names is None:
            _names(*asked.key, loaded)
            st.session_state["switchboard_named"] = loaded.run_id, loaded.step
            st.rerun()
        if work is not None and not work.finished and _is_going(asked, act):
            _go_on(work, bar)


def _ask_act() -> Left:
    chosen: Left = st.segmented_control(
        tr("Colour by"),
        list(BY),
        format_func=lambda each: BY[each],
        default="off",
        key="switchboard_by",
        bind="query-params",
        required=True,
        help=f"{glossary.meaning('ablation')} {glossary.meaning('mean ablation')}",
    )
    return chosen if chosen in BY else "off"


def _changes(config: ModelConfig) -> tuple[Change, ...]:
    """What the address says; a sentence and nothing changed where it cannot be read."""
    line = kept.recall(_EDITS)
    with widgets.user_errors():
        return read_edits(line or "", config)
    return ()


def _may_name(loaded: LoadedRun) -> bool:
    """Whether naming the heads keeps nobody waiting: a small model, or one named before."""
    seen = st.session_state.get("switchboard_named")
    return loaded.model.n_parameters <= _SOON or seen == (loaded.run_id, loaded.step)


def _draw(
    asked: Asked,
    changes: tuple[Change, ...],
    names: HeadGrid | None,
    work: Importance | None,
    act: Left,
) -> None:
    config = asked.loaded.model.config

    def edited(parts: object, at: object) -> None:
        edits = told_edits(parts, config)
        if edits is not None:
            kept.keep(_EDITS, write_edits(with_rows(changes, edits), config.n_heads))
        place = told_place(at, config)
        if place is not None:
            st.session_state["layer"], st.session_state["head"] = place

    opened = st.session_state.get("layer"), st.session_state.get("head")
    worth_LP = None if work is None else work.change_LP
    board = board_of(config, changes, names, worth_LP, opened, act)
    switchboard_view(board, key="switchboard", on_edit=edited)
    told = worth_sentence(board.worth_LP, board.labels, act), edits_sentence(changes, config)
    st.caption("  \n".join(widgets.esc_md(sentence) for sentence in told if sentence))


def _begun(asked: Asked, act: Left) -> Importance | None:
    """The measurement of this question: done where it takes no time, else if it was begun."""
    model = asked.loaded.model
    soon = is_soon(model.config, model.n_parameters, len(asked.ids_T))
    if not soon and (*asked.key, act) not in st.session_state.get(_GOING, {}):
        return None
    with widgets.user_errors():
        work = _importance(*asked.key, act, asked.loaded)
        while soon and not work.finished:
            work.advance()
        return work
    return None


def _is_going(asked: Asked, act: Left) -> bool:
    going: dict[object, bool] = st.session_state.get(_GOING, {})
    return going.get((*asked.key, act), False)


def _offer(asked: Asked, act: Left, work: Importance | None) -> DeltaGenerator:
    """The place for a bar, and beside it what begins, holds or goes on with the measurement."""
    if work is not None and work.finished:
        return st.empty()
    row = st.container(horizontal=True, vertical_alignment="center")
    bar = row.empty()
    going = work is not None and _is_going(asked, act)
    config, done = asked.loaded.model.config, 0.0 if work is None else work.fraction
    row.button(
        tr("Stop") if going else measure_words(config, done),
        icon=":material/stop:" if going else ":material/speed:",
        key="switchboard_measure",
        on_click=_let_go,
        args=((*asked.key, act), not going),
    )
    return bar


def _let_go(question: object, going: bool) -> None:
    """Measure this, and nothing else; or hold it where it is."""
    st.session_state[_GOING] = {question: going}


def _go_on(work: Importance, bar: DeltaGenerator) -> None:
    """Measure for a while under a bar, then draw the board with what has been found."""
    began = monotonic()
    while not work.finished and monotonic() - began < _STRETCH_SECONDS:
        bar.progress(work.fraction, tr("Leaving out each part in turn"))
        work.advance()
    st.rerun()


def _arrays(asked: Asked, found: outcome.Outcome | None, work: Importance | None) -> dict[str, Any]:
    """The text read untouched and changed, and what each part is worth as far as it is known."""
    if found is None:
        untouched = reading(asked.loaded.model, asked.ids_T)
        found = outcome.Outcome(untouched, untouched)
    known = {} if work is None else importance_arrays(work)
    return {**reading_arrays(found.before, found.after), **known}


def _picture(
    asked: Asked, changes: tuple[Change, ...], act: Left, work: Importance | None
) -> SavedPicture:
    """What each part is worth; where that is not known, the board."""
    config = asked.loaded.model.config
    values = left_of_parts(changes, config) if work is None else work.change_LP
    return SavedPicture(
        values_RC=values,
        row_labels=layer_names(config),
        column_labels=place_names(config),
        title=tr("Switchboard")
        if work is None
        else tr("Importance by {by}").format(by=BY[act].lower()),
        subtitle=tr("{name}, step {step}").format(name=asked.loaded.name, step=asked.loaded.step),
        unit=tr("share of what it gives") if work is None else MORE[act].lower(),
        rows_are="layers",
        columns_are="parts",
        root=False,
        diverging=work is not None,
        most=1.0 if work is None else most_of(values),
    )


@loaders.shared_answer()
def _names(run_id: str, step: int, ids_T: tuple[int, ...], _loaded: LoadedRun) -> HeadGrid:
    """What each head does, once for each checkpoint and text."""
    del run_id, step
    return grid_of(head_scores(_loaded.model, ids_T, eos_id=_loaded.tokenizer.eos_id))


@st.cache_resource(max_entries=8, show_spinner=False)
def _importance(
    run_id: str, step: int, ids_T: tuple[int, ...], act: Left, _loaded: LoadedRun
) -> Importance:
    """The measurement of one question, begun; it keeps what has been found so far."""
    del run_id, step
    return Importance(_loaded.model, ids_T, act)
