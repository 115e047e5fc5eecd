"""Two texts that end differently, and which part of the model makes the difference.

One fragment. Patching goes on slice by slice while the page is open, under a bar; what has
been computed is kept for all visitors, so that an interrupted sweep goes on where it was.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from slm.attention.patching import (
    Contrast,
    Site,
    Sweep,
    aligned,
    make_contrast,
    patched_logits,
    sweep,
)
from slm.lab.circuits import answer_token, patch_arrays
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.lens_view import lens_view
from ui.figures.attention_pictures import SavedPicture
from ui.figures.circuits import bar_rows, token_bars
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.attention import Window
from ui.view_models.chips import labeller
from ui.view_models.lens import WordOf
from ui.view_models.patching import (
    BY_POSITION,
    CLEAN,
    CLEAN_TEXT,
    CORRUPT_TEXT,
    CORRUPTED,
    PATCHED,
    Place,
    best_place,
    contrast_sentence,
    length_note,
    offered_answers,
    patch_code,
    place_of_link,
    place_sentence,
    place_title,
    position_names,
    position_notes,
    recovery_grid,
    three_distributions,
)
from ui.views.at_step import ask_step
from ui.views.attention.asking import LONGEST_LINK, WHY_STEP, Asked, keep, run_of
from ui.views.attention.saving import panel

_TEXT_WIDTH, _ANSWER_WIDTH = 360, 130
_ALIGNMENTS = {"end": tr("Keep the ends"), "start": tr("Keep the beginnings")}
_GRID_HEIGHT = 300


@dataclass(frozen=True)
class Shown:
    """What is on the page: by position and by head, and the place that is opened."""

    sweeps: tuple[Sweep, Sweep]
    place: Place | None


def render(state: PageState) -> None:
    """Two texts and two answers above what comes back from each place."""
    keep("text", "from_token", "layer", "head", "query")
    run = run_of(state)
    if run is not None:
        _patching(state, run)


@st.fragment
def _patching(state: PageState, run: Artefact) -> None:
    st.caption(glossary.meaning("activation patching"))
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    with widgets.user_errors():
        with row:
            clean = _ask_text(tr("Clean text"), CLEAN_TEXT, "patch_clean")
            corrupted = _ask_text(tr("Corrupted text"), CORRUPT_TEXT, "patch_corrupt")
            step = ask_step(run, WHY_STEP)
        loaded = loaders.load_run(run, step)
        for note in loaded.notes:
            st.caption(f":material/info: {widgets.esc_md(note)}")
        ids = loaded.tokenizer.encode(clean), loaded.tokenizer.encode(corrupted)
        if not all(ids):
            st.info(
                tr("Type two texts that differ in a word, and see what brings the first one back.")
            )
            return
        how = _ask_alignment(len(ids[0]), len(ids[1]))
        pair = aligned(*ids, "end" if how == "end" else "start")
        first = _contrast(loaded.run_id, loaded.step, *pair, None, None, loaded)
        word_of = labeller(loaded.tokenizer.token_bytes, loaded.tokenizer.vocab_size)
        choices = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        with choices:
            answers = _ask_answers(first, loaded, word_of)
        contrast = _contrast(loaded.run_id, loaded.step, *pair, *answers, loaded)
        st.markdown(widgets.esc_md(contrast_sentence(contrast, word_of)))
        with choices:
            site = _ask_site()
        shown = _pictures(contrast, site, loaded, word_of)
        widgets.demo_note(state.on_demo, tr("the patches"))
        window = Window(0, len(pair[0]), len(pair[0]), None)
        tokens = position_names(contrast, word_of)
        panel(
            Asked(run, step, loaded, clean, window, contrast.clean_T, tokens, row),
            picture=lambda: _picture(contrast, shown, loaded, tokens),
            arrays=lambda: patch_arrays(contrast, *shown.sweeps),
            code=patch_code(run, step, contrast, how, clean, corrupted),
            functions=(make_contrast, sweep, patched_logits),
            link={"view": "patching"}
            if shown.place is None
            else {"view": "patching", "patch_place": shown.place.to_link()},
            texts={"patch_clean": clean, "patch_corrupt": corrupted},
            name="patching",
        )


def _ask_text(label: str, otherwise: str, key: str) -> str:
    """One of the two texts; it stands in the link unless it is too long for one."""
    short = len(str(st.session_state.get(key, ""))) <= LONGEST_LINK
    kept: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_area(
        label,
        otherwise,
        key=key,
        height=92,
        width=_TEXT_WIDTH,
        placeholder=tr("Any text"),
        help=glossary.meaning("clean and corrupted text") + tr(" Ctrl+Enter applies it."),
        **kept,
    )
    return text


def _ask_alignment(n_clean: int, n_corrupted: int) -> str:
    """Which tokens of texts of different length face each other."""
    if n_clean == n_corrupted:
        return "end"
    how = st.segmented_control(
        tr("Texts of different length"),
        list(_ALIGNMENTS),
        format_func=_ALIGNMENTS.__getitem__,
        default="end",
        key="patch_align",
        bind="query-params",
        required=True,
    )
    st.caption(f":material/info: {length_note(n_clean, n_corrupted, how)}")
    return how


def _ask_answers(first: Contrast, loaded: LoadedRun, word_of: WordOf) -> tuple[int, int]:
    """The two tokens that are compared: from lists of likely ones, or typed."""
    chosen = []
    for label, key, usual, near, far in (
        (
            tr("Answer"),
            "patch_answer",
            first.answer,
            first.clean_logits_V,
            first.corrupted_logits_V,
        ),
        (tr("Rival"), "patch_rival", first.rival, first.corrupted_logits_V, first.clean_logits_V),
    ):
        offered = offered_answers(near, far, word_of)
        typed = st.selectbox(
            label,
            list(offered),
            index=None,
            placeholder=word_of(usual),
            key=key,
            bind="query-params",
            accept_new_options=True,
            width=_ANSWER_WIDTH,
            help=tr("The token that the clean text makes likely. Any token may be typed.")
            if key == "patch_answer"
            else tr("The token that the corrupted text makes likely. Any token may be typed."),
        )
        if typed is None:
            chosen.append(usual)
        elif typed in offered:
            chosen.append(offered[typed])
        else:
            chosen.append(answer_token(loaded.tokenizer, typed.replace("·", " ")))
    return chosen[0], chosen[1]


def _pictures(contrast: Contrast, site: Site, loaded: LoadedRun, word_of: WordOf) -> Shown:
    """What comes back by position and by head, and one place in full."""
    columns = position_names(contrast, word_of)
    config = loaded.model.config
    place = place_of_link(
        st.query_params.get("patch_place", ""), config.n_layers, config.n_heads, len(columns)
    )
    positions = _swept(contrast, site, loaded)
    _draw(contrast, positions, columns, place, position_notes(contrast, word_of))
    left, right = st.columns([3, 4], gap="medium")
    with left:
        st.markdown(tr("**By head**, at all positions"))
        heads = _swept(contrast, "head_out", loaded)
        names = tuple(tr("head {head}").format(head=head) for head in range(config.n_heads))
        _draw(contrast, heads, names, place)
    place = place or best_place(contrast, "head_out", heads.ahead_LP)
    with right:
        if place is not None:
            _one_place(contrast, place, columns, loaded, word_of)
    return Shown((positions, heads), place)


def _ask_site() -> Site:
    site: Site = st.segmented_control(
        tr("What is patched at a position"),
        list(BY_POSITION),
        format_func=lambda each: BY_POSITION[each],
        default="resid_pre",
        key="patch_site",
        bind="query-params",
        required=True,
        help=glossary.meaning("residual stream"),
    )
    return site if site in BY_POSITION else "resid_pre"


def _swept(contrast: Contrast, site: Site, loaded: LoadedRun) -> Sweep:
    """The sweep, run to its end under a bar; instant where it has been run before."""
    work = _sweep(
        loaded.run_id,
        loaded.step,
        contrast.clean_T,
        contrast.corrupted_T,
        contrast.answer,
        contrast.rival,
        site,
        contrast,
        loaded,
    )
    if not work.finished:
        bar = st.progress(work.fraction, tr("Patching, place by place"))
        while not work.finished:
            work.advance()
            bar.progress(work.fraction, tr("Patching, place by place"))
        bar.empty()
    return work


def _draw(
    contrast: Contrast,
    work: Sweep,
    columns: tuple[str, ...],
    chosen: Place | None,
    notes: tuple[str, ...] = (),
) -> None:
    n_layers = len(work.ahead_LP)
    inside = chosen is not None and chosen.site == work.site
    lens_view(
        recovery_grid(contrast, work.site, work.ahead_LP, columns, notes),
        key=f"patch-{work.site}",
        chosen=(n_layers - 1 - chosen.layer, chosen.place) if inside and chosen else None,
        height=_GRID_HEIGHT,
        on_pick=lambda row, column: _keep(Place(work.site, n_layers - 1 - row, column)),
    )


def _keep(place: Place) -> None:
    st.query_params["patch_place"] = place.to_link()


def _one_place(
    contrast: Contrast, place: Place, columns: tuple[str, ...], loaded: LoadedRun, word_of: WordOf
) -> None:
    """What the model says with this one place patched, beside what it says without."""
    patched_V = patched_logits(loaded.model, contrast, place.site, place.layer, [place.place])
    st.markdown(f"**{widgets.esc_md(place_title(place, columns))}**")
    st.caption(widgets.esc_md(place_sentence(contrast, patched_V, word_of)))
    st.vega_lite_chart(
        bar_rows(three_distributions(contrast, patched_V, word_of)),
        token_bars((CLEAN, CORRUPTED, PATCHED), height=270),
        key="patch-bars",
        alt=tr("Probability of the next token after the clean, the corrupted and the patched text"),
    )


def _picture(
    contrast: Contrast, shown: Shown, loaded: LoadedRun, tokens: tuple[str, ...]
) -> SavedPicture:
    grid = recovery_grid(contrast, shown.sweeps[0].site, shown.sweeps[0].ahead_LP, tokens)
    return SavedPicture(
        values_RC=grid.place_RC,
        row_labels=grid.row_names,
        column_labels=grid.column_names,
        title=tr("Patching: {by_position}").format(by_position=BY_POSITION[shown.sweeps[0].site]),
        subtitle=tr("{name}, step {step}").format(name=loaded.name, step=loaded.step),
        unit=tr("share of the clean answer that comes back"),
        rows_are="layers",
        columns_are="tokens",
        root=False,
        diverging=True,
    )


@loaders.shared_answer()
def _contrast(
    run_id: str,
    step: int,
    clean_T: tuple[int, ...],
    corrupted_T: tuple[int, ...],
    answer: int | None,
    rival: int | None,
    _loaded: LoadedRun,
) -> Contrast:
    del run_id, step
    return make_contrast(_loaded.model, clean_T, corrupted_T, answer, rival)


@st.cache_resource(max_entries=16, show_spinner=False)
def _sweep(
    run_id: str,
    step: int,
    clean_T: tuple[int, ...],
    corrupted_T: tuple[int, ...],
    answer: int,
    rival: int,
    site: Site,
    _contrast: Contrast,
    _loaded: LoadedRun,
) -> Sweep:
    """The sweep of one question, begun; it keeps what has been computed so far."""
    del run_id, step, clean_T, corrupted_T, answer, rival
    return Sweep(_loaded.model, _contrast, site)
