"""What the model would say after each layer, and which heads made it say so.

One fragment: text, step, colour and cell redraw it alone. The reading is computed once for
each checkpoint and text; another cell asks only who wrote the logit there.
"""

from collections.abc import Callable

import streamlit as st

from slm.attention.attribution import Against, Attribution, attribute_logit
from slm.attention.lens import Lens, LensConfig, Reading, logit_lens
from slm.lab.circuits import lens_arrays
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.lens_view import lens_view
from ui.figures.attention_pictures import SavedPicture
from ui.figures.circuits import bar_rows, token_bars
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.chips import labeller
from ui.view_models.lens import (
    COLOURS,
    MEAN,
    PLAIN,
    READ_CANDIDATES,
    LensCell,
    WordOf,
    attribution_grid,
    attribution_sentence,
    depth_of_row,
    lens_cell,
    lens_code,
    lens_grid,
    opening_position,
    stop_name,
    token_choices,
)
from ui.view_models.settings import described
from ui.views.attention.asking import Asked, asking, keep, run_of
from ui.views.attention.saving import panel

_COLOUR_WIDTH, _DEPTH_WIDTH, _NUMBER_WIDTH, _TOKEN_WIDTH = 275, 170, 130, 200
_MOST_HEIGHT = 330


def render(state: PageState) -> None:
    """Text and choices above the table of depths, one cell in full below it."""
    keep("layer", "head")
    run = run_of(state)
    if run is not None:
        _lens(state, run)


@st.fragment
def _lens(state: PageState, run: Artefact) -> None:
    with asking(run) as asked:
        if asked is None:
            return
        with asked.row:
            colour = _ask_colour()
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        cell_place = row.container(horizontal=True, width="content", gap="small")
        with row:
            config = _ask_reading()
        lens = _read(asked, config)
        with cell_place:
            depth, position = _ask_cell(lens, asked)
        word_of = _word_of(asked.loaded)
        vocab_size = asked.loaded.model.config.vocab_size
        grid = lens_grid(lens, asked.tokens_T, word_of, colour, vocab_size)
        lens_view(
            grid,
            key="lens",
            chosen=(depth_of_row(depth, len(lens.stops)), position),
            height=_MOST_HEIGHT,
            on_pick=lambda row, column: _keep(lens, depth_of_row(row, len(lens.stops)), column),
        )
        cell = lens_cell(lens, depth, position, asked.tokens_T, word_of)
        parts = _cell(cell, lens, asked, word_of, depth, position)
        widgets.demo_note(state.on_demo, tr("the depths"))
        panel(
            asked,
            picture=lambda: SavedPicture(
                values_RC=grid.place_RC,
                row_labels=grid.row_names,
                column_labels=grid.column_names,
                title=tr("Logit lens"),
                subtitle=tr("{name}, step {step}").format(
                    name=asked.loaded.name, step=asked.loaded.step
                ),
                unit=tr("{title}, {low} to {high}").format(
                    title=grid.scale.title, low=grid.scale.low, high=grid.scale.high
                ),
                rows_are="depths",
                columns_are="tokens",
                root=False,
            ),
            arrays=lambda: lens_arrays(lens, parts),
            code=lens_code(
                run, asked.step, asked.text, asked.window, config, position, parts.token
            ),
            functions=(logit_lens, attribute_logit),
            link={"view": "lens", "query": position, "lens_depth": stop_name(lens.stops[depth])},
            name="lens",
        )


def _ask_colour() -> str:
    chosen: str = st.selectbox(
        tr("Colour"),
        list(COLOURS),
        format_func=lambda key: COLOURS[key],
        key="lens_colour",
        bind="query-params",
        width=_COLOUR_WIDTH,
        help=glossary.meaning("entropy") + " " + glossary.meaning("KL divergence"),
    )
    return chosen


def _ask_reading() -> LensConfig:
    """How the stream is read: the choices that seldom change."""
    between = st.toggle(
        tr("Between attention and feed-forward"),
        key="lens_between",
        bind="query-params",
        help=described(LensConfig.model_fields["between"]),
    )
    plain = st.toggle(
        tr("Without the final norm"),
        key="lens_plain",
        bind="query-params",
        help=described(LensConfig.model_fields["normed"]),
    )
    return LensConfig(top=READ_CANDIDATES, between=between, normed=not plain)


def _ask_cell(lens: Lens, asked: Asked) -> tuple[int, int]:
    """Depth and position: what was chosen here or clicked, else the opening."""
    n_tokens = lens.next_rank_NT.shape[1]
    if (st.session_state.get("query") or 0) >= n_tokens:
        st.session_state["query"] = None
    if st.session_state.get("lens_depth") not in {None, *lens.stops}:
        st.session_state["lens_depth"] = None
    first = opening_position(lens, asked.tokens_T)
    stop: str | None = st.selectbox(
        tr("Depth"),
        list(reversed(lens.stops)),
        index=None,
        format_func=stop_name,
        placeholder=stop_name(lens.stops[-1]),
        key="lens_depth",
        bind="query-params",
        width=_DEPTH_WIDTH,
        help=glossary.meaning("logit lens"),
    )
    position: int | None = st.number_input(
        tr("At token"),
        min_value=0,
        max_value=n_tokens - 1,
        value=None,
        placeholder=str(first),
        key="query",
        bind="query-params",
        width=_NUMBER_WIDTH,
        help=tr("The position that is read. What is said there is about the token after it."),
    )
    depth = len(lens.stops) - 1 if stop is None else lens.stops.index(stop)
    return depth, first if position is None else position


def _keep(lens: Lens, depth: int, position: int) -> None:
    st.session_state["lens_depth"] = lens.stops[depth]
    st.session_state["query"] = position


def _cell(
    cell: LensCell, lens: Lens, asked: Asked, word_of: WordOf, depth: int, position: int
) -> Attribution:
    """One cell in full: its likeliest tokens, and who wrote the logit of one of them."""
    st.markdown(f"**{widgets.esc_md(cell.title)}**")
    st.caption(widgets.esc_md(cell.sentence))
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.vega_lite_chart(
            bar_rows(cell.bars),
            token_bars(height=70 + 20 * len(cell.bars)),
            key="lens-bars",
            alt=tr("Probability of the likeliest next tokens at the chosen depth and position"),
        )
    with right:
        return _who_wrote(lens, asked, word_of, depth, position)


def _shown(over: str) -> str:
    return tr(over) if over in (MEAN, PLAIN) else over


def _who_wrote(lens: Lens, asked: Asked, word_of: WordOf, depth: int, position: int) -> Attribution:
    choices = token_choices(lens, depth, position, word_of)
    for key, known in (("lens_token", choices), ("lens_against", (MEAN, PLAIN, *choices))):
        if st.session_state.get(key) not in {None, *known}:
            st.session_state[key] = None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(
            tr("Who wrote the logit of"),
            list(choices),
            index=None,
            placeholder=next(iter(choices)),
            key="lens_token",
            bind="query-params",
            width=_TOKEN_WIDTH,
            help=glossary.meaning("direct logit attribution"),
        )
        over = st.selectbox(
            tr("Compared with"),
            [MEAN, PLAIN, *choices],
            index=None,
            format_func=_shown,
            placeholder=tr(MEAN),
            key="lens_against",
            bind="query-params",
            width=_TOKEN_WIDTH,
            help=tr(
                "What is added to every token alike changes no probability, so a logit says "
                "little by itself: compare it with the mean of all tokens, or with another token."
            ),
        )
    word = chosen or next(iter(choices))
    over = over or MEAN
    against: Against = {MEAN: "mean", PLAIN: None}.get(over, choices.get(over))
    parts = _attribution(*asked.key, position, choices[word], against, asked.loaded)
    lens_view(attribution_grid(parts), key="lens-parts", height=260, on_pick=_open_head(parts))
    st.caption(widgets.esc_md(attribution_sentence(parts, word, _shown(over))))
    return parts


def _open_head(parts: Attribution) -> Callable[[int, int], None]:
    """A click on a head makes it the chapter's chosen head, which the other views then open."""
    n_layers, n_heads = parts.heads_LH.shape

    def keep(row: int, column: int) -> None:
        if column < n_heads:
            st.session_state["layer"] = n_layers - 1 - row
            st.session_state["head"] = column

    return keep


def _word_of(loaded: LoadedRun) -> WordOf:
    return labeller(loaded.tokenizer.token_bytes, loaded.tokenizer.vocab_size)


def _read(asked: Asked, config: LensConfig) -> Lens:
    """Every depth, read under a bar; instant where it has been read before."""
    reading = _reading(*asked.key, config, asked.loaded)
    if not reading.finished:
        bar = st.progress(reading.fraction, tr("Reading every depth"))
        while not reading.finished:
            reading.advance()
            bar.progress(reading.fraction, tr("Reading every depth"))
        bar.empty()
    return reading.lens()


@st.cache_resource(max_entries=8, show_spinner=False)
def _reading(
    run_id: str, step: int, ids_T: tuple[int, ...], config: LensConfig, _loaded: LoadedRun
) -> Reading:
    """The reading of one question, begun; it keeps what has been read so far."""
    del run_id, step
    return Reading(_loaded.model, ids_T, config)


@loaders.shared_answer()
def _attribution(
    run_id: str,
    step: int,
    ids_T: tuple[int, ...],
    position: int,
    token: int,
    against: Against,
    _loaded: LoadedRun,
) -> Attribution:
    del run_id, step
    return attribute_logit(_loaded.model, ids_T, position, token, against)
