"""Side by side: one prompt under two settings, at several steps of training, or by several models.

One fragment. The texts are written when they are asked for, with a bar; who leaves the page ends
the work, since nothing but this run of the script holds it.
"""

from contextlib import closing

import streamlit as st

from slm.errors import DataError
from slm.lab.grids import (
    ALONE,
    SETTINGS,
    Axis,
    Grid,
    GridConfig,
    read_axis,
    require_size,
    write_grid,
)
from slm.lab.reports import OpenedRun, checkpoint_at
from slm.model.checkpoint import snapshots
from slm.sampling.config import SamplingConfig
from slm.sampling.diversity import distinct, self_bleu
from ui import loaders, widgets
from ui.components.text_grid import text_grid
from ui.figures.grids import curves
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.grids import (
    MEASURES,
    NAMES,
    USUAL,
    curve_points,
    grid_lines,
    grid_view,
    spaced,
)
from ui.view_models.settings import described
from ui.views.sampling.settings import ask_prompt, ask_seed, chosen_config, sliders

_WHAT = {"settings": tr("Settings"), "step": tr("Training steps"), "model": tr("Models")}
_SMALL = 2_000_000  # parameters
_SOON_TOKENS = 4_000
_FORGOTTEN_AFTER = 12  # grids that the server keeps
_Key = tuple[str, int, str, str, Axis, Axis, str]


def render(state: PageState) -> None:
    """What to compare beside the grid."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then compare what it writes here."))
        return
    _grid(state)


@st.fragment
def _grid(state: PageState) -> None:
    assert state.run is not None
    left, right = st.columns([1, 3.2], gap="medium")
    with left:
        widgets.demo_note(state.on_demo, tr("the texts"))
        prompt = ask_prompt()
        what = st.pills(  # they wrap where the column is narrow
            tr("Compare"),
            list(_WHAT),
            format_func=lambda each: _WHAT.get(each, each),
            default="settings",
            key="grid_what",
            bind="query-params",
            required=True,
            wrap=True,
        )
    with right, widgets.user_errors():
        with left:
            rows, columns = _ask_sides(state, str(what))
            config = _ask_size()
            with st.expander(tr("The other settings"), icon=":material/tune:"):
                sliders()
                ask_seed()
        base = chosen_config()
        n_texts = require_size(rows, columns, config)
        key: _Key = (
            state.run.id,
            checkpoint_at(state.run).step,
            prompt,
            repr(base),
            rows,
            columns,
            repr(config),
        )
        grids = _grids()
        at_once = what != "model" and _is_soon_done(state, n_texts * config.max_new_tokens)
        stopped = st.session_state.get("grid-stopped") == key
        with st.container(horizontal=True, vertical_alignment="bottom"):
            asked = (not at_once or stopped) and st.button(
                tr("Write"), type="primary", icon=":material/grid_view:", key="grid_write"
            )
            measure = _ask_measure()
        if (asked or (at_once and not stopped)) and key not in grids:
            _write(state, prompt, base, (rows, columns), config, key)
        grid = grids.get(key)
        if grid is None:
            st.info(
                tr(
                    "Press Write: {n_texts:,} texts, {n_values} × {n_columns} cells "
                    "of {samples}. Every cell gets the same random numbers, so that "
                    "only what the sides name differs."
                ).format(
                    n_texts=n_texts,
                    n_values=len(rows.values),
                    n_columns=len(columns.values),
                    samples=config.samples,
                )
            )
        else:
            _show(state, grid, str(measure))
        widgets.show_code(
            grid_lines(state.run, prompt, base, (rows, columns), config), distinct, self_bleu
        )


def _ask_sides(state: PageState, what: str) -> tuple[Axis, Axis]:
    """What differs down and across.

    Raises: DataError and ConfigError for values that cannot be used.
    """
    if what == "step":
        return _ask_setting(tr("Down the side"), "grid_extra", "", "0.2, 0.8"), _ask_steps(state)
    if what == "model":
        return _ask_setting(tr("Down the side"), "grid_extra", "", "0.2, 0.8"), _ask_models(state)
    rows = _ask_setting(tr("Down the side"), "grid_down", "temperature", None)
    return rows, _ask_setting(tr("Across"), "grid_across", "top_k", None)


def _ask_setting(label: str, key: str, usual: str, values: str | None) -> Axis:
    """A setting and its values; "" for none."""
    names = ["", *SETTINGS]
    name = st.selectbox(
        label,
        names,
        index=names.index(usual),
        format_func=lambda each: NAMES.get(each, tr("Nothing")),
        key=key,
        bind="query-params",
        help=glossary.meaning("filter"),
    )
    if not name:
        return ALONE
    listed = st.text_input(
        tr("Values of {names}").format(names=NAMES[name].lower()),
        values if values and name == "temperature" else USUAL[name],
        key=f"{key}_{name}",
        bind="query-params",
        max_chars=120,
    )
    return read_axis(f"{name}={listed}")


def _ask_steps(state: PageState) -> Axis:
    """Snapshots of the run."""
    assert state.run is not None
    if state.run.imported:
        raise DataError(
            tr(
                "{name!r} was trained elsewhere: its snapshots are not here. "
                "Compare settings or models instead."
            ).format(name=state.run.name)
        )
    steps = tuple(
        sorted(
            {each.step for each in snapshots(state.run.folder)} | {checkpoint_at(state.run).step}
        )
    )
    _forget_gone("grid_steps", [str(step) for step in steps])
    chosen = st.multiselect(
        tr("Training steps"),
        [str(step) for step in steps],
        [str(step) for step in spaced(steps)],
        key="grid_steps",
        bind="query-params",
        help=glossary.meaning("snapshot"),
    )
    if not chosen:
        raise DataError(tr("No step is chosen. Choose at least one."))
    return Axis("step", tuple(sorted(chosen, key=int)))


def _ask_models(state: PageState) -> Axis:
    """Runs and imported models of the workspace."""
    assert state.run is not None
    names = _names(state)
    usual = [state.run.id, *(each for each in names if each != state.run.id)][:2]
    _forget_gone("grid_models", list(names))
    chosen = st.multiselect(
        tr("Models"),
        list(names),
        usual,
        format_func=lambda each: names.get(each, each),
        key="grid_models",
        bind="query-params",
        help=tr(
            "Their vocabularies may differ: measures count words. The same numbers are drawn, "
            "but they fall on other tokens."
        ),
    )
    if not chosen:
        raise DataError(tr("No model is chosen. Choose at least one."))
    return Axis("model", tuple(chosen))


def _forget_gone(key: str, options: list[str]) -> None:
    """A choice of what is not here any more, as after another model was chosen, is no choice."""
    if not set(st.session_state.get(key) or ()) <= set(options):
        del st.session_state[key]


def _ask_size() -> GridConfig:
    fields = GridConfig.model_fields
    samples = st.slider(
        tr("Texts in each cell"),
        1,
        8,
        3,
        key="grid_samples",
        bind="query-params",
        help=described(fields["samples"]),
    )
    length = st.slider(
        tr("Tokens of each text"),
        10,
        300,
        60,
        step=10,
        key="grid_length",
        bind="query-params",
        help=described(fields["max_new_tokens"]),
    )
    return GridConfig(samples=int(samples), max_new_tokens=int(length))


def _ask_measure() -> str | None:
    return st.selectbox(
        tr("Measure"),
        list(MEASURES),
        format_func=lambda each: MEASURES[each].title if each in MEASURES else each,
        key="grid_measure",
        bind="query-params",
        width=210,
        help=tr("Counted in words. ")
        + " ".join(f"{each.title}: {each.meaning}." for each in MEASURES.values()),
    )


def _write(
    state: PageState,
    prompt: str,
    base: SamplingConfig,
    sides: tuple[Axis, Axis],
    config: GridConfig,
    key: _Key,
) -> None:
    """Write all texts, with a bar. A rerun or a closed page ends the script, and so the work."""
    st.session_state.pop("grid-stopped", None)
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, tr("Writing side by side"))
        st.button(tr("Stop"), icon=":material/stop:", key="grid_stop", on_click=_stop, args=(key,))
    opened = _Opener(state)
    with closing(write_grid(opened, prompt, base, *sides, config)) as told:
        for share, grid in told:
            bar.progress(share, tr("Writing side by side: {share:.0%}").format(share=share))
            if grid is not None:
                _remember(key, grid)
    place.empty()


def _stop(key: _Key) -> None:
    """A click has ended the writing already; this grid does not begin again by itself."""
    st.session_state["grid-stopped"] = key


def _is_soon_done(state: PageState, n_tokens: int) -> bool:
    """Whether the texts may be written without being asked for: a second's work or two."""
    assert state.run is not None
    small = loaders.load_run(state.run).model.n_parameters < _SMALL
    return small and n_tokens <= _SOON_TOKENS


class _Opener:
    """Opens the run that a cell writes with, from the models that the server holds."""

    def __init__(self, state: PageState) -> None:
        self._state = state

    def __call__(self, model: str, step: str) -> OpenedRun:
        """Raises: WorkspaceError and CheckpointError for what there is not."""
        assert self._state.run is not None
        run = self._state.workspace.get_model(model) if model else self._state.run
        at = int(step) if step and int(step) != checkpoint_at(run).step else None
        held = loaders.load_run(run, at)
        return OpenedRun(held.run_id, held.name, held.step, held.model, held.tokenizer, held.notes)


def _show(state: PageState, grid: Grid, measure: str) -> None:
    names = _names(state)
    for note in grid.notes:
        st.caption(f":material/info: {widgets.esc_md(note)}")
    shown = grid
    if grid.columns.name == "step" and len(grid.columns.values) > 1:
        shown = _one_step(grid)
    text_grid(grid_view(shown, measure, names), key="side-by-side")
    if len(grid.cells) > 1:
        title = MEASURES[measure].title
        st.plotly_chart(
            curves(curve_points(grid, measure, names), title),
            key="grid_curves",
            width="stretch",
        )


def _one_step(grid: Grid) -> Grid:
    """The step that the slider stands at, so that one sees the same text grow up; or all."""
    every = "all"
    options = [every, *grid.columns.values]
    if st.session_state.get("grid_at") not in {None, *options}:
        del st.session_state["grid_at"]
    chosen = st.select_slider(
        tr("Show the step"),
        options,
        value=every,
        format_func=lambda each: tr("all") if each == every else f"{int(each):,}",
        key="grid_at",
        bind="query-params",
    )
    return grid if chosen == every else grid.only_column(str(chosen))


def _names(state: PageState) -> dict[str, str]:
    return {each.id: each.name for each in state.workspace.all_models() if not each.problem}


@st.cache_resource(show_spinner=False)
def _grids() -> dict[_Key, Grid]:
    """The newest grids, for all visitors: the same choices give the same texts."""
    return {}


def _remember(key: _Key, grid: Grid) -> None:
    grids = _grids()
    grids[key] = grid
    for old in list(grids)[:-_FORGOTTEN_AFTER]:
        grids.pop(old, None)
