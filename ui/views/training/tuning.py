"""Fine-tuning: a model that exists goes on learning, whole or by adapters beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import psutil
import streamlit as st

from slm import jobs
from slm.errors import ConfigError
from slm.model.config import ModelConfig
from slm.training.config import TrainConfig
from slm.training.rates import Rate, known_rates
from slm.training.runs import shape_of
from slm.workspace import Artefact
from ui import queue_panel, session, widgets
from ui.figures import training as figures
from ui.session import PageState
from ui.texts import tr
from ui.view_models import budget as budget_words
from ui.view_models import glossary, recipe, settings
from ui.view_models import tuning as words
from ui.view_models.recipe import Need
from ui.view_models.tuning import Way
from ui.views import kept
from ui.views.training import start, watch

KEY = "tuning"


@dataclass(frozen=True)
class Asked:
    """What the form says. `step` None: the model's newest checkpoint, or the imported one."""

    model: Artefact
    shape: ModelConfig
    step: int | None
    corpus: Artefact
    tokenizer: Artefact | None
    recipe: TrainConfig
    name: str
    processes: int

    @property
    def argv(self) -> list[str]:
        """The command line of that fine-tuning."""
        return words.tune_argv(
            self.model.id,
            self.shape,
            self.step,
            self.recipe,
            self.corpus.id,
            self.name,
            self.processes,
        )


def render(state: PageState) -> None:
    """The form; a setting redraws the form alone."""
    if state.run is None:
        st.info(
            tr("No model is here yet that could be fine-tuned. Import one, or train one first.")
        )
        if st.button(tr("Import a model"), key="tune-import"):
            session.go_to("library", view="models")
        return
    if state.corpus is None:
        st.info(tr("Fine-tuning needs a text: choose a corpus in the sidebar, or make one."))
        if st.button(tr("Make a corpus"), key="tune-data"):
            session.go_to("data", view="collect")
        return
    _form(state, state.run, state.corpus, known_rates(state.workspace))


@st.fragment
def _form(state: PageState, model: Artefact, corpus: Artefact, rates: Sequence[Rate]) -> None:
    from slm.training.finetune import known_tokenizer  # brings torch

    with widgets.user_errors():
        shape = shape_of(model)
        tokenizer = known_tokenizer(state.workspace, model)
        left, right = st.columns([1, 1.6], gap="large")
        with left:
            step = _ask_step(model)
            told = words.begins_with(model.name, shape, step, tokenizer is not None)
            st.caption(
                tr(
                    "{told} It learns from {name}. Choose another model or corpus in the sidebar."
                ).format(told=widgets.esc_md(told), name=widgets.esc_md(corpus.name))
            )
            way = _ask_way()
            config, problem = _ask_recipe(model, shape, way)
            processes = start.ask_processes(config)
            name = _ask_name(state, model, corpus)
        asked = Asked(model, shape, step, corpus, tokenizer, config, name, processes)
        with right:
            _answer(state, asked, rates, problem)
        _further(asked)


def _ask_step(model: Artefact) -> int | None:
    """Which state of a run is fine-tuned; the newest unless another is chosen."""
    if model.imported:
        return None
    from slm.training.fork import forkable_steps

    steps = list(forkable_steps(model.folder))
    if len(steps) < 2:
        return steps[0] if steps else None
    if st.session_state.get("tune_at") not in steps:
        st.session_state["tune_at"] = steps[-1]
    return st.select_slider(
        tr("From step"),
        steps,
        key="tune_at",
        format_func=lambda step: f"{step:,}",
        help=tr("Of these steps a checkpoint or a snapshot was kept."),
    )


def _ask_way() -> Way:
    chosen: Way | None = st.segmented_control(
        tr("What is trained"),
        list(words.WAYS),
        format_func=lambda way: words.WAYS[way],
        key="tune_way",
        bind="query-params",
        persist_state="session",
        width="stretch",
        default="adapters",
        required=True,
        help=words.WAY_HELP,
    )
    return chosen or "adapters"


def _ask_recipe(model: Artefact, shape: ModelConfig, way: Way) -> tuple[TrainConfig, str | None]:
    """The form. Gives the recipe, or the one before and why the settings do not fit."""
    base = words.base_recipe(shape, way)
    before = _before(f"{model.id} {way}", base)
    values = _fields(words.first_fields(way), before)
    for title, names in words.folded_fields(way).items():
        with st.expander(title):
            values |= _fields(names, before)
            if "sample_every" in names:
                values["sample_prompts"] = start.ask_prompts()
    try:
        config = before.replace(**values)
        words.trained_share(shape, config)
    except ConfigError as error:
        return before, recipe.problem_in_words(str(error))
    kept.keep(KEY, settings.to_text(settings.changes(config, base)))
    return config, None


def _before(of: str, base: TrainConfig) -> TrainConfig:
    """The recipe that the form starts from; another model or a link takes the form over."""
    held = (st.session_state.get("tuning-of"), st.session_state.get(f"kept-{KEY}", ""))
    other_way = held[0] is not None and held[0] != of
    text = "" if other_way else kept.recall(KEY) or ""
    try:
        config = settings.from_text(text, base)
    except ConfigError as error:
        widgets.show_problem(
            tr("{error} The usual settings stand here instead.").format(error=error)
        )
        config, text = base, ""
    if held != (of, text):
        for name in TrainConfig.model_fields:
            st.session_state[f"{KEY}-{name}"] = getattr(config, name)
        st.session_state["tuning-of"] = of
        kept.keep(KEY, text)
    return config


def _fields(names: tuple[str, ...], before: TrainConfig) -> dict[str, object]:
    return start.fields(names, before, KEY)


def _ask_name(state: PageState, model: Artefact, corpus: Artefact) -> str:
    taken = [run.name for run in state.workspace.runs.list()]
    suggested = words.suggested_name(model.name, corpus.name, taken)
    name = st.text_input(
        tr("Name"),
        key="tune_name",
        placeholder=suggested,
        max_chars=80,
        bind="query-params",
        persist_state="session",
    )
    return name.strip() or suggested


def _answer(state: PageState, asked: Asked, rates: Sequence[Rate], problem: str | None) -> None:
    """What the fine-tuning would come to, and the button that starts it."""
    if problem:
        widgets.show_problem(problem)
    can_start = _tell(state, asked, rates)
    queue_panel.share(state)
    if st.button(
        tr("Start fine-tuning"),
        type="primary",
        icon=":material/play_arrow:",
        key="start-tuning",
        disabled=bool(problem) or not can_start,
    ):
        with widgets.user_errors():
            _start(state, asked)
    st.caption(tr("It goes on when you close this page."))
    rows = pd.DataFrame(recipe.schedule_rows(asked.recipe))
    spec = figures.schedules(asked.recipe.steps, recipe.SCHEDULES, asked.recipe.schedule)
    st.vega_lite_chart(rows, spec, key="tuning-schedule")


def _tell(state: PageState, asked: Asked, rates: Sequence[Rate]) -> bool:
    """What it would read, take and change; whether it can be."""
    tokens = state.workspace.tokens.list()
    n_tokens = None
    if asked.tokenizer is not None:
        n_tokens = recipe.training_tokens(tokens, asked.corpus, asked.tokenizer)
    plan = recipe.plan(asked.shape, asked.recipe, n_tokens)
    time = budget_words.time_of(budget_words.Plan("", asked.shape, asked.recipe), rates)
    memory, disk = _memory(asked), _disk(state, asked)
    trained, share = words.trained_share(asked.shape, asked.recipe)
    told = (
        (tr("Trained"), trained, glossary.meaning("lora") if asked.recipe.lora else share),
        (tr("Epochs"), plan.epochs, glossary.meaning("epoch")),
        (tr("Time"), time.shown, time.source),
        (tr("Memory"), memory.shown, glossary.meaning("memory")),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, meaning in told:
            st.metric(label, value, help=widgets.esc_md(meaning), width="content")
    problems = [plan.problem, memory.problem, disk.problem]
    problems.append(recipe.processes_problem(asked.recipe, asked.processes))
    problems.append(recipe.prompts_problem(asked.recipe.sample_prompts))
    for problem in filter(None, problems):
        widgets.show_problem(problem)
    st.markdown(" ".join(filter(None, [share, plan.sentence, memory.sentence, disk.sentence])))
    if not time.measured:
        st.caption(widgets.esc_md(time.source))
    return not any(problems)


def _memory(asked: Asked) -> Need:
    """Whether the training fits here."""
    from slm.training.memory import fit
    from slm.training.trainer import place

    try:
        device, dtype = place(asked.recipe)
    except ConfigError as error:
        return Need("…", "", str(error))
    told = fit(asked.shape, asked.recipe, device, dtype, processes=asked.processes)
    return words.memory_need(told, asked.recipe, asked.processes, on_gpu=device != "cpu")


def _disk(state: PageState, asked: Asked) -> Need:
    """What stays on the disk, as far as it has room."""
    from slm.lab.snapshots import affordable_steps
    from slm.training.resume import KEPT

    root = state.workspace.root.absolute()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free = psutil.disk_usage(str(place)).free
    snapshots = affordable_steps(asked.recipe, asked.shape, free)
    return recipe.disk_need(asked.shape, asked.recipe, len(snapshots), free, KEPT)


def _further(asked: Asked) -> None:
    """The same without a browser, and in Python."""
    with st.expander(tr("On the command line"), icon=":material/terminal:"):
        st.code(settings.command_line(asked.argv), language="bash")
    from slm.model.lora import AdaptedLinear, merged_matrix
    from slm.training.finetune import finetune_run

    code = words.python_code(asked.model.id, asked.shape, asked.step, asked.recipe, asked.corpus.id)
    widgets.show_code(code, finetune_run, AdaptedLinear, merged_matrix)


def _start(state: PageState, asked: Asked) -> None:
    """Start the job, once, and watch it.

    Raises: JobError, WorkspaceError when it cannot be started.
    """
    argv = asked.argv
    job = jobs.start(state.workspace, argv, name=asked.name, owner=state.owner, key=" ".join(argv))
    watch.watch(job)
    st.session_state.pop("tune_name", None)
    session.go_to("training", view="watch")
