"""The Shannon game of a class: one's own board to guess on, and how everybody stands."""

import pandas as pd
import streamlit as st

from slm.errors import WorkspaceError
from slm.evaluation.shannon import Unit, entropy_bounds
from slm.lab.shannon_game import GameConfig, prepare_game
from slm.workshop import class_game, rights
from slm.workshop.class_game import ClassGame, ClassStanding
from slm.workspace import Workspace
from ui import loaders, widgets
from ui.components.guessing import guessing_view
from ui.figures.classroom import standing_chart, standing_rows
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import workshop_game as words
from ui.view_models.shannon import board
from ui.views.workshop.following import POLL_SECONDS, headcount, newest, redraw_when

_READ = 5_000  # characters of a text of one's own: more than a game is long
_UNITS = {"letters": tr("Letters"), "tokens": tr("Tokens")}


def render(state: PageState) -> None:
    """The newest game; without one, how it begins."""
    st.caption(words.INTRODUCTION, help=glossary.meaning("Shannon game"))
    here = state.workspace
    game = class_game.newest_game(here)
    if rights.is_presenter(state.owner):
        _begin(state, game)
    if game is None:
        if not rights.is_presenter(state.owner):
            st.info(words.WAITING_ROOM, icon=":material/hourglass_empty:")
            _wait(here)
        return
    left, right = st.columns([1.15, 1], gap="large")
    with left, st.container(border=True, key="class-board"):
        _own_board(state, game)
    with right:
        _standing(state, game, newest(str(here.root), class_game.WHAT, here))
    if state.run is not None:
        widgets.show_code(words.code_lines(state.run), entropy_bounds)


def _begin(state: PageState, game: ClassGame | None) -> None:
    """The presenter's part: which text, and begin, end or remove a game."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="game-tools"):
        if game is not None:
            st.button(
                tr("End the game"),
                key="game-end",
                icon=":material/stop_circle:",
                disabled=not game.open,
                help=tr("No more guesses; everybody sees the text."),
                on_click=_end,
                args=(state.workspace, game),
            )
        with st.popover(tr("Begin a game"), icon=":material/flag:"):
            _ask(state)


def _ask(state: PageState) -> None:
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home; it plays against the class."))
        return
    st.text(tr("{name} plays for the machines.").format(name=state.run.name))
    chosen = st.segmented_control(
        tr("Guess"),
        list(_UNITS),
        format_func=lambda unit: _UNITS.get(unit, unit),
        default="letters",
        key="game-unit",
        required=True,
    )
    unit: Unit = "tokens" if chosen == "tokens" else "letters"
    number = st.number_input(
        tr("Held-out document"),
        min_value=1,
        value=1,
        key="game-document",
        help=glossary.meaning("held-out"),
    )
    text = st.text_area(
        tr("Or a text of your own"),
        key="game-text",
        height=90,
        help=tr(
            "Then the machines guess on the beginning of this text; you know it, so play along "
            "only in spirit."
        ),
    )
    if st.button(tr("Begin"), type="primary", key="game-begin", icon=":material/flag:"):
        with widgets.user_errors(), st.spinner(tr("The machines play")):
            loaded = loaders.load_run(state.run)
            config = GameConfig(document=int(number), text=text.strip()[:_READ], unit=unit)
            passage, plays = prepare_game(
                state.workspace, state.run, loaded.model, loaded.tokenizer, config
            )
            class_game.begin_game(state.workspace, passage, plays, state.run.name)
            newest.clear()
            st.rerun()


@st.fragment
def _own_board(state: PageState, game: ClassGame) -> None:
    """What one has found; a guess redraws this alone."""
    here = state.workspace
    with widgets.user_errors():
        if not game.open:
            st.info(words.ENDED, icon=":material/flag:")
            st.text(words.solution(game))
            st.caption(words.done_line(class_game.own_game(here, game)))
            return
        own = class_game.own_game(here, game)
        typed = guessing_view(board(own), key="class-guessing")
        if typed is not None:
            class_game.guess(here, game.id, typed or None)
            st.rerun(scope="fragment")
        st.caption(words.done_line(own))


@st.fragment(run_every=POLL_SECONDS)
def _standing(state: PageState, game: ClassGame, drawn_with: str) -> None:
    """How everybody stands; drawn anew while everybody looks."""
    here, root = state.workspace, str(state.workspace.root)
    redraw_when(
        (drawn_with, game.open),
        lambda: (newest(root, class_game.WHAT, here), _is_open(root, game.id, here)),
    )
    view = words.game_view(_compared(root, game.id, game, here), state.owner)
    st.markdown(f"**{view.reading}**", help=glossary.meaning("entropy"))
    if not view.rows:
        return
    if view.bars:
        st.vega_lite_chart(
            pd.DataFrame(standing_rows(view.bars)),
            standing_chart(view.bars),
            key="class-players",
            alt=tr("Bits per character of the class and of the machines"),
        )
        st.caption(words.CHART)
    st.dataframe(
        pd.DataFrame(
            {
                tr("Name"): [row.name for row in view.rows],
                tr("Found"): [row.found for row in view.rows],
                tr("Bits per character"): [row.bits for row in view.rows],
                tr("At once"): [row.at_once for row in view.rows],
            }
        ),
        hide_index=True,
        key="class-table",
        height="content" if len(view.rows) <= words.MOST_ROWS else words.TABLE_HEIGHT,
        column_config={
            tr("At once"): st.column_config.TextColumn(help=tr("Share that the first guess found."))
        },
    )
    st.caption(words.guessed(view.rows, headcount(root, here), over=not game.open))


@st.cache_data(ttl=1.0, max_entries=16, show_spinner=False)
def _compared(root: str, game_id: str, _game: ClassGame, _here: Workspace) -> ClassStanding:
    """Read once for all who look."""
    del root, game_id
    return class_game.compare(_here, _game)


@st.cache_data(ttl=1.0, max_entries=16, show_spinner=False)
def _is_open(root: str, game_id: str, _here: Workspace) -> bool | None:
    """Whether it takes guesses; None where it is gone."""
    del root
    try:
        return class_game.read_game(_here, game_id).open
    except WorkspaceError:
        return None


@st.fragment(run_every=POLL_SECONDS)
def _wait(here: Workspace) -> None:
    redraw_when("", lambda: newest(str(here.root), class_game.WHAT, here))


def _end(here: Workspace, game: ClassGame) -> None:
    with widgets.user_errors():
        class_game.end_game(here, game.id)
        _is_open.clear()
