"""The learning-rate finder inside the form of a new training: try rates, look, take them over."""

import streamlit as st

from slm import jobs
from slm.jobs import Job
from slm.tokenizer.separators import matching_tokens, separator_of
from slm.training.config import TrainConfig, recipe_for
from slm.training.rate_curves import RateCurve, kept_curve, key_of, read_off
from slm.workspace import Artefact
from ui import job_panel, widgets
from ui.figures import finder as figures
from ui.session import PageState
from ui.texts import tr
from ui.view_models import finder as words
from ui.view_models import glossary, settings
from ui.view_models.finder import FinderView
from ui.view_models.jobs import jobs_to_show
from ui.view_models.model import Design
from ui.views import kept

RECIPE = "recipe"  # under which the form keeps its settings
VERB = "find-rate"
_PLOT = {"displayModeBar": False}


def render(
    state: PageState, corpus: Artefact, tokenizer: Artefact, design: Design, recipe: TrainConfig
) -> None:
    """The curve for these settings where it was found before, else a button that finds it."""
    st.markdown(tr("**Learning-rate finder**"), help=glossary.meaning("learning-rate finder"))
    argv = words.find_argv(design, recipe, corpus.id, tokenizer.id)
    busy = _work(state)
    key = _key(state, corpus, tokenizer, design, recipe)
    curve = None if key is None else kept_curve(state.workspace, key)
    if curve is None:
        told, button = st.columns([3, 1], vertical_alignment="center")
        told.caption(
            tr(
                "A short training of its own, 15 to 45 seconds, in which the rates rise from a "
                "hundredth to a hundred times the present ones. Where the loss falls fastest, and "
                "where it begins to rise, says which rates suit this model and this text."
            )
        )
        if not busy and button.button(
            tr("Find the rate"), key="finder-start", icon=":material/query_stats:", width="stretch"
        ):
            _start(state, argv, design)
        return
    view = words.finder_view(curve, recipe)
    _show(view, curve, design, recipe)
    if not busy and st.button(tr("Measure again"), key="finder-again", type="tertiary"):
        _start(state, argv, design)
    with st.expander(tr("On the command line"), icon=":material/terminal:"):
        st.code(settings.command_line(argv), language="bash")
    assert key is not None
    widgets.show_code(words.python(key), read_off)


def _show(view: FinderView, curve: RateCurve, design: Design, recipe: TrainConfig) -> None:
    told, button = st.columns([3, 1], vertical_alignment="center")
    told.markdown(f"**{widgets.esc_md(view.headline)}.** {widgets.esc_md(view.reason)}")
    suggested = curve.suggested
    if (
        suggested is not None
        and not view.near
        and button.button(
            tr("Use it"),
            key="finder-use",
            type="primary",
            width="stretch",
            help=tr("Sets {suggested} in the form.").format(
                suggested=words.rates_in_words(suggested)
            ),
        )
    ):
        base = recipe_for(design.preset)
        kept.keep(RECIPE, words.changed_text(recipe, base, suggested))
        st.session_state.pop("recipe-preset", None)  # the form takes over what is kept
        st.rerun()
    st.plotly_chart(figures.range_test(view), config=_PLOT, key="finder-curve")
    st.caption(widgets.esc_md(view.notes))


def _key(
    state: PageState, corpus: Artefact, tokenizer: Artefact, design: Design, recipe: TrainConfig
) -> str | None:
    """Under which a curve for these settings is kept; None before the text was cut into tokens."""
    known = state.workspace.tokens.list()
    tokens = matching_tokens(known, corpus, tokenizer, separator_of(tokenizer))
    entry = None if tokens is None else tokens.manifest.files.get("train.bin")
    return None if entry is None else key_of(design.config, recipe, str(entry["sha256"]))


def _start(state: PageState, argv: list[str], design: Design) -> None:
    with widgets.user_errors():
        job = jobs.start(
            state.workspace,
            argv,
            name=tr("Learning rate of {preset}").format(preset=design.preset)[:80],
            owner=state.owner,
            key=" ".join(argv),
        )
        st.session_state["finder_job"] = job.id
        st.rerun()


def _work(state: PageState) -> bool:
    """Tests at work, and how this visitor's last one ended where it failed; whether one runs."""
    mine = st.session_state.get("finder_job")
    shown = jobs_to_show(jobs.list_jobs(state.workspace), VERB, mine)
    for job in shown:
        if not _is_done(job):
            job_panel.watch(state.workspace, job.id, key=f"finder-{job.id}")
    return any(job.status().alive for job in shown)


def _is_done(job: Job) -> bool:
    return job.status().state == "done"
