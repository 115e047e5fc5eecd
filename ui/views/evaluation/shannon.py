"""The Shannon game: guess on, against the model and against counts."""

import streamlit as st

from slm.errors import DataError
from slm.evaluation.ngrams import NGrams
from slm.evaluation.shannon import (
    Attempt,
    Game,
    Lexicon,
    Passage,
    Play,
    Unit,
    entropy_bounds,
    play,
)
from slm.lab.shannon_game import fit_trigram, machine_plays, passage_of
from slm.workspace import Artefact, Workspace
from ui import loaders, widgets
from ui.components.guessing import guessing_view
from ui.figures.shannon import players_chart
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.shannon import board, last_machines, scores, shannon_code
from ui.views.evaluation import measures

_UNITS = {"letters": tr("Letters"), "tokens": tr("Tokens")}
_GAME = "shannon_game"
_CHART = tr(
    "Bars: the range that the numbers of guesses allow. Diamonds: what the probabilities of a "
    "machine come to."
)
_OWN_TEXT = tr(
    "The old lighthouse keeper climbed the stairs every evening to light the lamp. One night the "
    "wind was so strong that the door would not open, and he had to find another way to the top."
)


def render(state: PageState) -> None:
    """The choice of a text and the rules to the left; the board and the players to the right."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then play against it here."))
        return
    loaded = loaders.load_run(state.run)
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        st.markdown(
            tr(
                "Guess what comes next, again and again until it is right. How many guesses you "
                "need tells how many bits the text still holds for you."
            ),
            help=glossary.meaning("Shannon game"),
        )
        unit, text = _ask_text(state, loaded)
        st.caption(
            tr(
                "Capitals count as small letters, a line break as a space. A held-out text is the "
                "same game for everybody who opens this address; your guesses stay in your window."
            )
        )
    with right, widgets.user_errors():
        with st.spinner(tr("The machines play")):
            passage, plays = _prepared(state, state.run, loaded, text, unit)
        _play(passage, plays, f"{loaded.run_id}-{loaded.step}-{unit}-{hash(text)}")
    widgets.show_code(shannon_code(state.run, text, unit), entropy_bounds, play)


def _ask_text(state: PageState, loaded: LoadedRun) -> tuple[Unit, str]:
    chosen = st.segmented_control(
        tr("Guess"),
        list(_UNITS),
        format_func=lambda unit: _UNITS.get(unit, unit),
        default="letters",
        key="shannon_unit",
        bind="query-params",
        required=True,
    )
    unit: Unit = "tokens" if chosen == "tokens" else "letters"
    texts = _documents(state, loaded)
    if not texts:
        with st.expander(tr("Another text (it shows the answers)"), icon=":material/edit_note:"):
            text = st.text_area(tr("Text to play"), _OWN_TEXT, key="shannon_text", height=160)
        return unit, text
    number = st.number_input(
        tr("Held-out document, 1 to {n_texts}").format(n_texts=len(texts)),
        min_value=1,
        max_value=len(texts),
        key="shannon_document",
        bind="query-params",
        help=glossary.meaning("held-out"),
    )
    return unit, texts[int(number) - 1]


@st.fragment
def _play(passage: Passage, plays: dict[str, Play], name: str) -> None:
    """The board and what the players have reached; only this is redrawn by a guess."""
    game = _held(passage, name)
    place = st.empty()
    with place.container():
        guess = guessing_view(board(game), key="guessing")
    if guess is not None:
        _keep(game.give_up() if guess == "" else game.guess(guess), name)
        st.rerun(scope="fragment")
    found = scores(game, plays)
    if found is None:
        st.caption(tr("Type your guess. The players appear with your first right one."))
        return
    st.caption(widgets.esc_md(last_machines(game, plays)))
    st.plotly_chart(players_chart(found.rows), key="players", config={"displayModeBar": False})
    st.markdown(f"**{found.reading}**", help=glossary.meaning("entropy"))
    st.caption(f"{_CHART} {found.note}")
    st.button(tr("Begin again"), icon=":material/replay:", key="shannon-again", on_click=_forget)


def _held(passage: Passage, name: str) -> Game:
    """The game as this visit has it; another text begins a new one."""
    held = st.session_state.get(_GAME)
    if not isinstance(held, dict) or held.get("name") != name:
        return Game(passage)
    attempts = tuple(Attempt(guesses, found) for guesses, found in held["attempts"])
    return Game(passage, attempts[: len(passage.symbols)], tuple(held["wrong"]))


def _keep(game: Game, name: str) -> None:
    attempts = [tuple(attempt) for attempt in game.attempts]
    st.session_state[_GAME] = {"name": name, "attempts": attempts, "wrong": list(game.wrong)}


def _forget() -> None:
    st.session_state.pop(_GAME, None)


def _documents(state: PageState, loaded: LoadedRun) -> tuple[str, ...]:
    """Held-out texts to choose from; none where the token files are gone."""
    try:
        return measures.documents(loaded, measures.token_file(state, "val"))
    except DataError:
        return ()


def _prepared(
    state: PageState, run: Artefact, loaded: LoadedRun, text: str, unit: Unit
) -> tuple[Passage, dict[str, Play]]:
    return _plays(loaded.run_id, loaded.step, text, unit, loaded, state.workspace, run)


@st.cache_data(max_entries=32, show_spinner=False)
def _plays(
    run_id: str,
    step: int,
    text: str,
    unit: Unit,
    _loaded: LoadedRun,
    _workspace: Workspace,
    _run: Artefact,
) -> tuple[Passage, dict[str, Play]]:
    model, tokenizer = _loaded.model, _loaded.tokenizer
    passage = passage_of(model, tokenizer, text, unit)
    lexicon, trigram = _counts(run_id, _loaded, _workspace, _run)
    return passage, machine_plays(model, tokenizer, passage, lexicon, trigram)


@st.cache_resource(max_entries=4, show_spinner=False)
def _counts(
    run_id: str, _loaded: LoadedRun, _workspace: Workspace, _run: Artefact
) -> tuple[Lexicon, NGrams | None]:
    vocab_size = _loaded.model.config.vocab_size
    return Lexicon(_loaded.tokenizer), fit_trigram(_workspace, _run, vocab_size)
