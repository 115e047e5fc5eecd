"""A new race or sweep: what is compared, on which text, what that comes to."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from slm import jobs
from slm.errors import ConfigError
from slm.lab import experiments, races, sweeps
from slm.lab.experiments import BUDGETS, Budget
from slm.model.config import PRESETS
from slm.training.config import TrainConfig, recipe_for
from slm.training.rates import known_rates
from slm.workspace import Artefact
from ui import queue_panel, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import experiment_forms as words
from ui.view_models import glossary, settings, sweep_words
from ui.view_models import model as model_words
from ui.view_models.experiment_forms import Preview
from ui.view_models.model import Design
from ui.views import kept
from ui.views.model import design as board

_RECIPE = "recipe"
_EXAMPLE_SECONDS = 25.0


def race(state: PageState) -> None:
    """The form of a race."""
    text = _text(state)
    if text is None:
        return
    corpus, tokenizer = text
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        _ready_made()
        lines = st.text_area(
            tr("Lanes, one a line"),
            key="race_lanes",
            height=150,
            bind="query-params",
            persist_state="session",
            help=tr(
                "{meaning} A preset, and what is changed, separated by commas: "
                "preset=nano, optimizer=adamw, learning_rate=0.002. Every "
                "setting of a model or a training has the name that the command "
                "line knows. name= is what the lane is called here. Two to six "
                "lanes."
            ).format(meaning=glossary.meaning("lane")),
        )
        with st.container(horizontal=True):
            kind = st.selectbox(
                tr("Budget of each lane"),
                BUDGETS,
                index=BUDGETS.index("seconds"),
                format_func=words.BUDGET_LABELS.__getitem__,
                key="race_budget_kind",
                bind="query-params",
                persist_state="session",
                help=tr(
                    "What all lanes may use up alike; how many steps each makes follows from it. "
                    "Tokens ask who learns most from a text, FLOPs who makes most of the "
                    "computing, seconds who is fastest on this machine."
                ),
            )
            amount = st.number_input(
                tr("How much"),
                min_value=0.0,
                value=None,
                format="%g",
                placeholder=f"{words.BUDGET_STARTS[kind]:g}",
                key=f"race_amount_{kind}",
                bind="query-params",
                persist_state="session",
            )
        seed = st.number_input(tr("Seed"), 0, 10_000, 1, key="race_seed", bind="query-params")
        name = _name(state, "race_name", tr("Race"))
    lanes = words.read_lane_lines(lines)
    try:
        budget = Budget.parse(f"{kind}={amount or words.BUDGET_STARTS[kind]}")
    except ConfigError as error:
        widgets.show_problem(str(error))
        return
    argv = words.race_argv(lanes, budget, corpus.id, tokenizer.id, name, int(seed))
    vocabulary = int(tokenizer.details.get("vocab_size", 1024))
    with right:
        preview = words.race_preview(lanes, budget, vocabulary, known_rates(state.workspace))
        _offer(state, argv, name, preview, "race")


def sweep(state: PageState) -> None:
    """The form of a sweep around the settings of a new training."""
    text = _text(state)
    if text is None:
        return
    corpus, tokenizer = text
    design, recipe = _base()
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        st.caption(
            tr(
                "Around the settings of “New training”: {preset}{changed}. Change them there."
            ).format(preset=design.preset, changed=tr(", changed") if design.changed else "")
        )
        fields = sweeps.swept_fields()
        field = st.selectbox(
            tr("Setting"),
            fields,
            index=None,
            format_func=sweep_words.field_label,
            placeholder=sweep_words.field_label("learning_rate"),
            key="sweep_field",
            bind="query-params",
            persist_state="session",
        )
        field = field if field in fields else "learning_rate"
        suggested = sweeps.suggested_values(field, design.config, recipe)
        written = st.text_input(
            tr("Values, separated by commas"),
            key=f"sweep_values_{field}",
            placeholder=words.values_in_words(suggested),
            max_chars=400,
            bind="query-params",
            persist_state="session",
            help=tr(
                "Empty: those that are shown. Rates are best tried a root of ten apart (× 3.2)."
            ),
        )
        values = words.read_values(written, suggested)
        with st.container(horizontal=True):
            seeds = st.number_input(
                tr("Seeds"),
                1,
                sweeps.MOST_SEEDS,
                1,
                key="sweep_seeds",
                bind="query-params",
                persist_state="session",
                help=tr(
                    "How often each value is tried, with other first weights and another order "
                    "of the text. Two or three tell a difference from luck."
                ),
            )
            steps = st.number_input(
                tr("Steps of each run"),
                min_value=1,
                max_value=10_000_000,
                value=None,
                placeholder=f"{recipe.steps:,}",
                key="sweep_steps",
                bind="query-params",
                persist_state="session",
                help=tr(
                    "A short run already tells rates that are far off; the best rate of a long "
                    "run is often a little lower."
                ),
            )
        name = _name(
            state, "sweep_name", tr("Sweep of {field}").format(field=sweep_words.field_label(field))
        )
    recipe = recipe.replace(steps=int(steps)) if steps and field != "steps" else recipe
    argv = words.sweep_argv(
        design, recipe, corpus.id, tokenizer.id, name, field, values, int(seeds)
    )
    with right:
        model = design.config.replace(vocab_size=tokenizer.details.get("vocab_size", 1024))
        preview = words.sweep_preview(
            model, recipe, field, values, int(seeds), known_rates(state.workspace)
        )
        _offer(state, argv, name, preview, "sweep")


def example_button(state: PageState) -> None:
    """Start a race of about a minute on the text at hand."""
    text = _text(state)
    if text is None:
        return
    corpus, tokenizer = text
    taken = [each.name for each in experiments.shelf(state.workspace).list()]
    name = words.suggested_name(words.EXAMPLE, taken)
    budget = Budget("seconds", _EXAMPLE_SECONDS)
    lanes = words.READY_MADE[words.EXAMPLE]
    argv = words.race_argv(lanes, budget, corpus.id, tokenizer.id, name, 1)
    if st.button(
        tr("Race Muon against AdamW, about a minute"),
        icon=":material/sports_score:",
        type="primary",
        key="race-example",
        help=tr(
            "Two small models learn from {name}, each for "
            "{example_seconds:g} seconds of training, in turns."
        ).format(name=widgets.esc_md(corpus.name), example_seconds=_EXAMPLE_SECONDS),
    ):
        _start(state, argv, name)


def _text(state: PageState) -> tuple[Artefact, Artefact] | None:
    if state.corpus is None or state.tokenizer is None:
        st.info(tr("A comparison needs a corpus and a tokenizer. Choose them in the sidebar."))
        if st.button(tr("Make a corpus"), key="experiment-data"):
            session.go_to("data", view="collect")
        return None
    return state.corpus, state.tokenizer


def _ready_made() -> None:
    if not st.session_state.get("race_lanes") and not st.query_params.get("race_lanes"):
        st.session_state["race_lanes"] = "\n".join(words.READY_MADE[words.EXAMPLE])
    st.selectbox(
        tr("Begin with"),
        list(words.READY_MADE),
        index=None,
        key="race_ready_made",
        placeholder=tr("a race that is ready made"),
        on_change=_take_ready_made,
    )


def _take_ready_made() -> None:
    chosen = words.READY_MADE.get(str(st.session_state["race_ready_made"]))
    if chosen is not None:
        st.session_state["race_lanes"] = "\n".join(chosen)


def _base() -> tuple[Design, TrainConfig]:
    """The visitor's design and recipe, as the form of a new training holds them."""
    try:
        design = board.current()
        recipe = settings.from_text(kept.recall(_RECIPE) or "", recipe_for(design.preset))
    except ConfigError as error:
        widgets.show_problem(str(error))
        preset = model_words.DEFAULT
        return Design(preset, PRESETS[preset]), recipe_for(preset)
    return design, recipe


def _name(state: PageState, key: str, base: str) -> str:
    taken = [each.name for each in experiments.shelf(state.workspace).list()]
    suggested = words.suggested_name(base, taken)
    written = st.text_input(
        tr("Name"), key=key, placeholder=suggested, max_chars=60, bind="query-params"
    )
    return written.strip() or suggested


def _offer(state: PageState, argv: list[str], name: str, preview: Preview, what: str) -> None:
    """What it would come to, the button that starts it, and the same without a browser."""
    if preview.problem:
        widgets.show_problem(preview.problem)
    if preview.rows:
        st.dataframe(pd.DataFrame(preview.rows), hide_index=True, height="content")
        st.caption(
            tr(
                "Time in all: {time}. The runs share the machine one after the "
                "other, and go on when you close this page."
            ).format(time=preview.time)
        )
    queue_panel.share(state)
    if st.button(
        tr("Start the {what}").format(what=what),
        type="primary",
        icon=":material/play_arrow:",
        key=f"start-{what}",
        disabled=preview.problem is not None,
    ):
        with widgets.user_errors():
            _start(state, argv, name)
    st.caption(tr("The same, without a browser:"))
    st.code(settings.command_line(argv), language="bash")
    functions = (races.steps_for,) if what == "race" else (sweeps.suggested_values,)
    widgets.show_code(_python(argv), *functions)


def _python(argv: Sequence[str]) -> str:
    return (
        "from slm.__main__ import main\n\n"
        f"main({[*argv, '--json']!r})  # the same as on the command line"
    )


def _start(state: PageState, argv: list[str], name: str) -> None:
    """Start the job, once, and show it.

    Raises: JobError, WorkspaceError when it cannot be started.
    """
    job = jobs.start(state.workspace, argv, name=name, owner=state.owner, key=" ".join(argv))
    st.session_state["experiment_job"] = job.id
    session.choose(experiment=None, experiment_tool="results")
    st.rerun()
