"""Does the model know what it knows? Its certainty held against what came."""

import time
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from slm import jobs
from slm.data.batches import TokenFile
from slm.data.splitting import Split
from slm.errors import DataError
from slm.evaluation.calibration import Calibration, calibrate
from slm.evaluation.tempering import TEMPERATURES
from slm.lab.calibration import CalibrationConfig, ids_to_judge, saved_calibration
from slm.lab.reports import run_tokens
from ui import job_panel, loaders, widgets
from ui.figures.calibration import entropy_chart, reliability_chart
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.calibration import (
    KINDS,
    OWN_TEMPERATURE,
    CalibrationView,
    calibration_code,
    calibration_view,
)

_SPLITS: dict[str, str] = {"val": tr("Held out"), "train": tr("Training")}
_PHRASES = {"val": tr("the held-out text"), "train": tr("the training text")}
_QUICK_TOKENS, _QUICK_TOKENS_LARGE = 20_000, 2_000
_LARGE = 20_000_000  # parameters
_ALL = 1_000_000_000
_TOLD_SECONDS = 0.2


def render(state: PageState) -> None:
    """Figures and what they mean to the left; reliability and entropy to the right."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then measure it here."))
        return
    loaded = loaders.load_run(state.run)
    left, right = st.columns([1, 2.6], gap="medium")
    with left:
        widgets.demo_note(state.on_demo, tr("the certainty"))
        asked = _ask(state)
    if asked is None:
        right.info(tr("Collect a corpus in the Data chapter: its held-out text is measured on."))
        return
    total = _total(state, asked)
    with right, widgets.user_errors():
        found = _found(state, loaded, asked)
        kind, temperature = _ask_how(left)
        view = calibration_view(found, kind, temperature, total, _phrase(state, asked))
        with left:
            _tell(view)
            _measure_all(state, asked, total, view.partial)
        _draw(view)
        lines = calibration_code(state.run, asked.split, asked.corpus, found.tokens + 1)
        widgets.show_code(lines, calibrate)


def _ask(state: PageState) -> CalibrationConfig | None:
    """Which text; None where a model that was trained elsewhere has none."""
    assert state.run is not None
    split = st.pills(  # they wrap where the column is narrow
        tr("Measure on"),
        list(_SPLITS),
        format_func=lambda key: _SPLITS.get(key, key),
        default="val",
        key="certainty_split",
        bind="query-params",
        required=True,
        wrap=True,
        help=glossary.meaning("held-out"),
    )
    names = {each.id: each.name for each in state.workspace.corpora.list() if not each.problem}
    usual = _usual_corpus(state, names)
    corpus = st.selectbox(
        tr("Of which corpus"),
        list(names),
        index=None,
        format_func=lambda key: names.get(key, key),
        placeholder=names.get(usual, tr("That of its training")),
        key="certainty_corpus",
        bind="query-params",
        persist_state="session",
        help=tr("Any corpus of the workspace will do: it is encoded as this model reads it."),
    )
    if state.run.imported:
        st.caption(tr("This model was trained elsewhere, on text that is not here."))
    chosen = corpus if corpus in names else usual
    if state.run.imported and not chosen:
        return None
    return CalibrationConfig(split="train" if split == "train" else "val", corpus=chosen)


def _usual_corpus(state: PageState, names: dict[str, str]) -> str:
    """The run's own, which needs no name; for a model trained elsewhere the current or newest."""
    assert state.run is not None
    if not state.run.imported:
        return ""
    current = state.corpus.id if state.corpus is not None else ""
    return current if current in names else next(iter(names), "")


def _ask_how(place: Any) -> tuple[str, float]:
    """How the guesses are put into bins, and at which temperature."""
    with place:
        temperature = st.select_slider(
            tr("Temperature"),
            TEMPERATURES,
            OWN_TEMPERATURE,
            format_func=lambda each: f"{each:g}",
            key="certainty_temperature",
            bind="query-params",
            help=glossary.meaning("temperature scaling"),
        )
        kind = st.selectbox(
            tr("Bins"),
            list(KINDS),
            format_func=lambda key: KINDS.get(key, key),
            key="certainty_bins",
            bind="query-params",
            disabled=temperature != OWN_TEMPERATURE,
            help=tr(
                "Guesses of about equal certainty are counted together: in ranges of equal "
                "width, in ranges that hold as many each, or all first ten guesses, not only the "
                "first one."
            ),
        )
    return str(kind or "width"), float(temperature)


def _total(state: PageState, asked: CalibrationConfig) -> int | None:
    """Tokens in all, where they can be known without reading the text."""
    assert state.run is not None
    if asked.corpus:
        return None
    try:
        tokens = run_tokens(state.workspace, state.run)
        return len(TokenFile(tokens.folder / f"{asked.split}.bin"))
    except DataError:  # what was measured outlives the tokens
        return None


def _phrase(state: PageState, asked: CalibrationConfig) -> str:
    if not asked.corpus:
        return _PHRASES[asked.split]
    return tr("{phrases} of {name}").format(
        phrases=_PHRASES[asked.split], name=state.workspace.corpora.get(asked.corpus).name
    )


def _found(state: PageState, loaded: LoadedRun, asked: CalibrationConfig) -> Calibration:
    """What was measured on most tokens; else a first look now."""
    assert state.run is not None
    saved = saved_calibration(state.workspace, state.run, loaded.step, asked)
    large = loaded.model.n_parameters > _LARGE
    quick = _QUICK_TOKENS_LARGE if large else _QUICK_TOKENS
    if saved is not None and saved.tokens >= quick - 1:
        return saved
    kept = _box(loaded.run_id, loaded.step, asked.split, asked.corpus)
    if "found" not in kept:
        split: Split = "train" if asked.split == "train" else "val"
        ids: NDArray[np.int64] = ids_to_judge(
            state.workspace, state.run, loaded.tokenizer, split, quick, corpus=asked.corpus
        )
        bar = _Bar()
        kept["found"] = calibrate(loaded.model, ids, report=bar)
        bar.close()
    first = kept["found"]
    return saved if saved is not None and saved.tokens > first.tokens else first


@st.cache_resource(max_entries=32, show_spinner=False)
def _box(run_id: str, step: int, split: str, corpus: str) -> dict[str, Calibration]:
    """A place for a first look; it is filled when that is whole."""
    return {}


class _Bar:
    """A Reporter that shows how far this visit's own work is."""

    def __init__(self) -> None:
        self._place = st.empty()
        self._told = 0.0

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """See `slm.jobs.Reporter`. A visitor who leaves ends the work here."""
        if time.monotonic() - self._told > _TOLD_SECONDS:
            self._told = time.monotonic()
            self._place.progress(fraction or 0.0, message)

    def plan(self, stages: Any) -> None:
        """One bar for everything."""

    def should_stop(self) -> bool:
        """Leaving is what stops it."""
        return False

    def close(self) -> None:
        """Take the bar away."""
        self._place.empty()


def _tell(view: CalibrationView) -> None:
    st.caption(widgets.esc_md(view.measured))


def _draw(view: CalibrationView) -> None:
    st.markdown(f"**{view.headline}**", help=glossary.meaning("calibration"))
    with st.container(horizontal=True):
        for label, value, term in view.figures:
            st.metric(label, value, help=glossary.meaning(term), width="content")
    st.caption(f"{view.reading} {view.temperature}")
    reliability, entropy = st.columns(2, gap="medium")
    with reliability:
        st.markdown(
            tr("**Right as often as it says?**"), help=glossary.meaning("reliability diagram")
        )
        st.plotly_chart(
            reliability_chart(view.marks), key="reliability", config={"displayModeBar": False}
        )
    with entropy:
        st.markdown(tr("**Right where it is sure?**"), help=glossary.meaning("entropy"))
        st.plotly_chart(
            entropy_chart(view.entropy), key="by-entropy", config={"displayModeBar": False}
        )


def _measure_all(
    state: PageState, asked: CalibrationConfig, total: int | None, partial: bool
) -> None:
    """A button for the whole text; while that is measured, how far it is."""
    assert state.run is not None
    key = f"calibration-{state.run.id}-{asked.split}-{asked.corpus}"
    newest = next((job for job in jobs.list_jobs(state.workspace) if job.key == key), None)
    status = newest.status() if newest is not None else None
    if newest is not None and status is not None and (status.alive or status.error):
        job_panel.watch(state.workspace, newest.id, key="calibration")
        if status.alive:
            return
    if not partial and not asked.corpus:
        return
    if newest is not None and status is not None and status.state == "done":
        return
    if st.button(tr("Measure all of it"), icon=":material/straighten:", key="certainty-all"):
        argv = ["calibration", "--run", state.run.id, "--split", asked.split]
        argv += ["--max-tokens", str(total or _ALL)]
        argv += ["--corpus", asked.corpus] if asked.corpus else []
        jobs.start(
            state.workspace,
            argv,
            name=tr("Calibration of {name}").format(name=state.run.name)[:80],
            key=key,
        )
        st.rerun()
