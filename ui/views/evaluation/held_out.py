"""How well does the model predict text that it never saw, beside what counting gives?"""

import streamlit as st

from slm import jobs
from slm.errors import DataError
from slm.evaluation.baselines import Bigram
from slm.evaluation.perplexity import evaluate
from slm.workspace import Artefact
from ui import job_panel, loaders, widgets
from ui.figures.evaluation import rivals_chart
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models.evaluation import Comparison, Unit, comparison, held_out_code
from ui.views.evaluation import figures, measures
from ui.views.imported import lacks

_SPLITS = {"val": "Held out", "train": "Training"}
_PHRASES = {"val": "the held-out text", "train": "the training text"}
_UNITS = {"perplexity": "Perplexity", "bits_per_byte": "Bits per byte"}


def render(state: PageState) -> None:
    """Figures and what they mean to the left, the rivals as bars to the right."""
    if state.run is None:
        st.info("No model is here yet. Build one on Home, then measure it here.")
        return
    if lacks(state.run, "the text that it learned from is"):
        return
    loaded = loaders.load_run(state.run)
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        widgets.demo_note(state.on_demo, "the figures")
        split = _pick("Measure on", _SPLITS, "split")
        view, total = _compare(state, loaded, split)
        figures.tell(view)
        _measure_all(state, state.run, split, total, view.partial)
    with right:
        unit = _pick_unit(view)
        st.plotly_chart(
            rivals_chart(view.rivals, unit), key="rivals", config={"displayModeBar": False}
        )
        st.markdown(view.verdict, help=glossary.meaning("baseline"))
    lines = held_out_code(state.run, split, measures.QUICK_TOKENS)
    widgets.show_code(lines, evaluate, Bigram)


def _compare(
    state: PageState, loaded: loaders.LoadedRun, split: str
) -> tuple[Comparison, int | None]:
    """The best figures that there are: saved ones, else a first look now."""
    assert state.run is not None
    saved = measures.saved_figures(state.workspace, state.run, loaded.step, split)
    if saved is not None:
        try:
            total = measures.n_tokens(measures.token_file(state, split))
        except DataError:  # the figures outlive the tokens
            total = None
        return comparison(saved, total, _PHRASES[split]), total
    path = measures.token_file(state, split)
    total = measures.n_tokens(path)
    with st.spinner(f"Measuring {min(total, measures.QUICK_TOKENS):,} tokens"):
        figures = measures.quick_figures(loaded, path)
    return comparison(figures, total, _PHRASES[split]), total


def _measure_all(
    state: PageState, run: Artefact, split: str, total: int | None, partial: bool
) -> None:
    """A button for the whole split; while that is measured, how far it is."""
    newest = next(iter(measures.evaluations(state.workspace, run)), None)
    status = newest.status() if newest is not None else None
    if newest is not None and status is not None and (status.alive or status.error):
        job_panel.watch(state.workspace, newest.id, key="evaluation")
        if status.alive:
            return
    if total is None or not partial:
        return
    if st.button(f"Measure all {total:,} tokens", icon=":material/straighten:", key="measure-all"):
        argv = ["evaluate", "--run", run.id, "--split", split, "--max-tokens", str(max(2, total))]
        name = f"Evaluation of {run.name}"[:80]
        jobs.start(state.workspace, argv, name=name, key=f"evaluate-{run.id}-{split}")
        st.rerun()


def _pick(label: str, options: dict[str, str], key: str) -> str:
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=lambda option: options.get(option, option),
        default=next(iter(options)),
        key=key,
        bind="query-params",
        required=True,
    )
    return chosen if chosen in options else next(iter(options))


def _pick_unit(view: Comparison) -> Unit:
    units: dict[str, str] = {unit: _UNITS[unit] for unit in view.units}
    if len(units) == 1:
        return view.units[0]
    chosen = _pick("Unit", units, "unit")
    return "bits_per_byte" if chosen == "bits_per_byte" else "perplexity"
