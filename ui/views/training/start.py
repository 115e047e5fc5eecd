"""A new training: text, model and recipe to the left, what they come to on the right."""

import pandas as pd
import streamlit as st

from slm import jobs
from slm.errors import ConfigError, WorkspaceError
from slm.model.config import PRESETS, flops_per_token
from slm.training.config import TrainConfig, rate_factor, recipe_for
from slm.training.runs import METRICS, RunSettings, create_run
from slm.workspace import Artefact
from ui import loaders, session, widgets
from ui.figures import training as figures
from ui.session import PageState
from ui.view_models import glossary, settings
from ui.view_models import model as model_words
from ui.view_models import recipe as words
from ui.view_models import training as run_words
from ui.view_models.model import Design
from ui.views import kept
from ui.views.model import design as board
from ui.views.training import watch

KEY = "recipe"
_FIELD_WIDTH = 160  # pixels: two stand side by side where there is room
_RUNS_ASKED = 5


def render(state: PageState) -> None:
    """The form; a setting redraws the form alone."""
    if state.corpus is None or state.tokenizer is None:
        _missing(state)
        return
    _form(state, state.corpus, state.tokenizer)


def _missing(state: PageState) -> None:
    if state.corpus is None:
        st.info("A training needs a corpus. Choose one in the sidebar, or make one.")
        if st.button("Make a corpus", key="start-data"):
            session.go_to("data", view="collect")
        return
    st.info(
        "A training needs a tokenizer, which cuts the text into tokens. Choose one in the "
        "sidebar, or train one."
    )
    if st.button("Train a tokenizer", key="start-tokenizer"):
        session.go_to("tokenizer")


@st.fragment
def _form(state: PageState, corpus: Artefact, tokenizer: Artefact) -> None:
    left, right = st.columns([1, 1.6], gap="large")
    with left:
        design = _ask_design(corpus, tokenizer)
        recipe, problem = _ask_recipe(design)
        taken = [run.name for run in state.workspace.runs.list()]
        suggested = words.suggested_name(design, corpus.name, taken)
        name = st.text_input(
            "Name",
            key="run_name",
            placeholder=suggested,
            max_chars=80,
            bind="query-params",
            persist_state="session",
        )
    argv = words.train_argv(design, recipe, corpus.id, tokenizer.id, name.strip() or suggested)
    with right:
        if problem:
            widgets.show_problem(problem)
        can_start = _tell(state, corpus, tokenizer, design, recipe)
        if st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            key="start-training",
            disabled=bool(problem) or not can_start,
        ):
            with widgets.user_errors():
                _start(state, argv, name.strip() or suggested)
        st.caption("It goes on when you close this page. The same, without a browser:")
        st.code(settings.command_line(argv), language="bash")
        widgets.show_code(_python(design, recipe), rate_factor, create_run)


def _ask_design(corpus: Artefact, tokenizer: Artefact) -> Design:
    """The model to train: the visitor's design, with the vocabulary of the tokenizer."""
    try:
        design = board.current()
    except ConfigError as error:
        widgets.show_problem(str(error))
        design = model_words.read_design(model_words.DEFAULT)
    kept.keep(board.KEY, model_words.write_design(design))
    vocabulary = tokenizer.details.get("vocab_size", design.config.vocab_size)
    base = PRESETS[design.preset]
    told = Design(design.preset, design.config.replace(vocab_size=base.vocab_size))
    st.selectbox(
        "Model",
        list(PRESETS),
        format_func=lambda preset: _model_label(preset, told),
        index=list(PRESETS).index(design.preset),
        key=f"start-preset-{design.preset}",
        on_change=_take_preset,
        args=(design.preset,),
        help="A preset brings its recipe with it. The Model chapter changes its shape.",
    )
    st.caption(
        f"It learns from {widgets.esc_md(corpus.name)}, cut by {widgets.esc_md(tokenizer.name)} "
        f"into {vocabulary:,} different tokens. {model_words.changes_in_words(told)}"
    )
    return Design(design.preset, design.config.replace(vocab_size=vocabulary))


def _model_label(preset: str, design: Design) -> str:
    if preset == design.preset and design.changed:
        return f"your design, from {preset}"
    return preset


def _take_preset(before: str) -> None:
    kept.keep(board.KEY, st.session_state[f"start-preset-{before}"])


def _ask_recipe(design: Design) -> tuple[TrainConfig, str | None]:
    """The form. Gives the recipe, or the one before and why the settings do not fit."""
    base = recipe_for(design.preset)
    before = _before(design.preset, base)
    values = _fields(words.BASIC, before)
    for title, names in words.FOLDED.items():
        with st.expander(title):
            values |= _fields(names, before)
            if "sample_every" in names:
                values["sample_prompts"] = (_ask_prompt(),)
    try:
        recipe = before.replace(**values)
    except ConfigError as error:
        return before, str(error)
    kept.keep(KEY, settings.to_text(settings.changes(recipe, base)))
    return recipe, None


def _before(preset: str, base: TrainConfig) -> TrainConfig:
    """The recipe that the form starts from; another preset or a link takes the form over."""
    text = kept.recall(KEY) or ""
    held = (st.session_state.get("recipe-preset"), st.session_state.get(f"kept-{KEY}", ""))
    try:
        recipe = settings.from_text(text, base)
    except ConfigError as error:
        widgets.show_problem(str(error))
        recipe, text = base, ""
    if held != (preset, text):
        for name in words.FIELDS:
            st.session_state[f"{KEY}-{name}"] = getattr(recipe, name)
        st.session_state["recipe-preset"] = preset
        kept.keep(KEY, text)
    return recipe


def _fields(names: tuple[str, ...], before: TrainConfig) -> dict[str, object]:
    values: dict[str, object] = {}
    with st.container(horizontal=True):
        for name in names:
            with st.container(width=_FIELD_WIDTH):
                values |= widgets.config_form(TrainConfig, [name], before, KEY, words.LABELS)
    return values


def _ask_prompt() -> str:
    return st.text_input(
        "Samples begin with",
        key="sample_prompt",
        max_chars=500,
        placeholder="a new document",
        bind="query-params",
        persist_state="session",
    )


def _tell(
    state: PageState, corpus: Artefact, tokenizer: Artefact, design: Design, recipe: TrainConfig
) -> bool:
    """What the training would come to; whether it can be."""
    n_tokens = words.training_tokens(state.workspace.tokens.list(), corpus, tokenizer)
    plan = words.plan(design.config, recipe, n_tokens, _flops_per_second(state))
    parameters = model_words.model_view(design.config, 1, 1).parameters
    told = (
        ("Parameters", parameters, glossary.meaning("parameter")),
        ("Tokens read", plan.tokens, glossary.meaning("token")),
        ("Epochs", plan.epochs, glossary.meaning("epoch")),
        ("Time", plan.time, "At the speed of the newest run that was trained here."),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, meaning in told:
            st.metric(label, value, help=meaning, width="content")
    st.markdown(plan.sentence)
    rows = pd.DataFrame(run_words.schedule_rows(recipe))
    spec = figures.small("learning rate", recipe.steps, fine=True, height=190)
    st.vega_lite_chart(rows, spec, key="start-schedule")
    if plan.problem:
        widgets.show_problem(plan.problem)
    return plan.problem is None


def _flops_per_second(state: PageState) -> float | None:
    """What this machine did in the newest run that was trained here."""
    for run in state.workspace.runs.list()[:_RUNS_ASKED]:
        if run.read_only or run.problem:
            continue
        try:
            model = RunSettings.read(run.folder).model
        except (WorkspaceError, ConfigError):
            continue
        records = loaders.log_reader(str(run.folder / METRICS)).read()
        done = records[-1] if records else {}
        if done.get("train_seconds"):
            rate = float(done["tokens"]) / float(done["train_seconds"])
            return 3 * flops_per_token(model) * rate
    return None


def _start(state: PageState, argv: list[str], name: str) -> None:
    """Start the job, once, and watch it.

    Raises: JobError, WorkspaceError when it cannot be started.
    """
    job = jobs.start(state.workspace, argv, name=name, owner=state.owner, key=" ".join(argv))
    watch.watch(job)
    st.session_state.pop("run_name", None)
    session.go_to("training", view="watch")


def _python(design: Design, recipe: TrainConfig) -> str:
    model = settings.python_arguments(
        {key: value for key, value in design.changed.items() if key != "vocab_size"}
    )
    training = settings.python_arguments(settings.changes(recipe, recipe_for(design.preset)))
    return (
        "from slm.model.config import PRESETS\n"
        "from slm.training.config import rate_factor, recipe_for\n\n"
        f"model = PRESETS[{design.preset!r}]{f'.replace({model})' if model else ''}\n"
        f"recipe = recipe_for({design.preset!r}){f'.replace({training})' if training else ''}\n"
        "rates = [recipe.learning_rate * rate_factor(recipe, step) for step in range(recipe.steps)]"
    )
