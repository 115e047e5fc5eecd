"""A new training: text, model and recipe to the left, what they come to on the right."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import psutil
import streamlit as st

from slm import jobs, machine
from slm.errors import ConfigError
from slm.model.config import PRESETS, parameter_counts
from slm.training import launch
from slm.training.config import TrainConfig, rate_factor, recipe_for
from slm.training.rates import Rate, known_rates
from slm.training.runs import create_run
from slm.workspace import Artefact
from ui import queue_panel, session, widgets
from ui.figures import training as figures
from ui.session import PageState
from ui.texts import tr
from ui.view_models import budget as budget_words
from ui.view_models import glossary, settings, shares
from ui.view_models import model as model_words
from ui.view_models import recipe as words
from ui.view_models.model import Design
from ui.view_models.recipe import Need
from ui.views import kept, training_time
from ui.views.model import design as board
from ui.views.training import rate_finder, watch

KEY = "recipe"
_FIELD_WIDTH = 160  # pixels: two stand side by side where there is room
_MOST_PROCESSES = 64


@dataclass(frozen=True)
class Asked:
    """What the form says."""

    corpus: Artefact
    tokenizer: Artefact
    design: Design
    recipe: TrainConfig
    name: str
    processes: int

    @property
    def argv(self) -> list[str]:
        """The command line of that training."""
        return words.train_argv(
            self.design,
            self.recipe,
            self.corpus.id,
            self.tokenizer.id,
            self.name,
            self.processes,
        )


def render(state: PageState) -> None:
    """The form; a setting redraws the form alone."""
    if state.corpus is None or state.tokenizer is None:
        _missing(state)
        return
    _form(state, state.corpus, state.tokenizer, known_rates(state.workspace))


def _missing(state: PageState) -> None:
    if state.corpus is None:
        st.info(tr("A training needs a corpus. Choose one in the sidebar, or make one."))
        if st.button(tr("Make a corpus"), key="start-data"):
            session.go_to("data", view="collect")
        return
    st.info(
        tr(
            "A training needs a tokenizer, which cuts the text into tokens. Choose one in the "
            "sidebar, or train one."
        )
    )
    if st.button(tr("Train a tokenizer"), key="start-tokenizer"):
        session.go_to("tokenizer")


@st.fragment
def _form(state: PageState, corpus: Artefact, tokenizer: Artefact, rates: Sequence[Rate]) -> None:
    left, right = st.columns([1, 1.6], gap="large")
    with left:
        design = _ask_design(corpus, tokenizer)
        recipe, problem = _ask_recipe(design)
        processes = ask_processes(recipe)
        name = _ask_name(state, design, corpus)
    asked = Asked(corpus, tokenizer, design, recipe, name, processes)
    with right:
        if problem:
            widgets.show_problem(problem)
        can_start = _tell(state, asked, rates)
        with st.container(horizontal=True):
            start = st.button(
                tr("Start training"),
                type="primary",
                icon=":material/play_arrow:",
                key="start-training",
                disabled=bool(problem) or not can_start,
            )
            if st.button(
                tr("Try several values instead"),
                key="start-sweep",
                help=tr(
                    "Trains with each of a few values of one setting, and shows which does best."
                ),
            ):
                session.choose(view="experiments")
                st.rerun()
        if start:
            with widgets.user_errors():
                _start(state, asked)
        st.caption(tr("It goes on when you close this page."))
        queue_panel.queue(state)
        rows = pd.DataFrame(words.schedule_rows(recipe))
        spec = figures.schedules(recipe.steps, words.SCHEDULES, recipe.schedule)
        st.vega_lite_chart(rows, spec, key="start-schedule")
        rate_finder.render(state, corpus, tokenizer, design, recipe)
    _further(state, asked)


def ask_processes(recipe: TrainConfig) -> int:
    """How many processes share each batch."""
    return st.number_input(
        tr("Processes"),
        min_value=1,
        max_value=_MOST_PROCESSES,
        key="processes",
        bind="query-params",
        persist_state="session",
        help=tr(
            "They share each batch, on this machine: one for each GPU. On "
            "one processor a single process uses all {usable_cores} cores "
            "already, and is usually fastest."
        ).format(usable_cores=machine.usable_cores()),
    )


def _ask_name(state: PageState, design: Design, corpus: Artefact) -> str:
    taken = [run.name for run in state.workspace.runs.list()]
    suggested = words.suggested_name(design, corpus.name, taken)
    name = st.text_input(
        tr("Name"),
        key="run_name",
        placeholder=suggested,
        max_chars=80,
        bind="query-params",
        persist_state="session",
    )
    return name.strip() or suggested


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
        tr("Model"),
        list(PRESETS),
        format_func=lambda preset: _model_label(preset, told),
        index=list(PRESETS).index(design.preset),
        key=f"start-preset-{design.preset}",
        on_change=_take_preset,
        args=(design.preset,),
        help=tr("A preset brings its recipe with it. The Model chapter changes its shape."),
    )
    st.caption(
        tr(
            "It has {replace} and learns from {name}, cut by {tokenizer} into "
            "{vocabulary:,} different tokens. {told}"
        ).format(
            replace=words.parameters_in_words(design.config.replace(vocab_size=vocabulary)),
            name=widgets.esc_md(corpus.name),
            tokenizer=widgets.esc_md(tokenizer.name),
            vocabulary=vocabulary,
            told=model_words.changes_in_words(told),
        )
    )
    return Design(design.preset, design.config.replace(vocab_size=vocabulary))


def _model_label(preset: str, design: Design) -> str:
    if preset == design.preset and design.changed:
        return tr("your design, from {preset}").format(preset=preset)
    return preset


def _take_preset(before: str) -> None:
    kept.keep(board.KEY, st.session_state[f"start-preset-{before}"])


def _ask_recipe(design: Design) -> tuple[TrainConfig, str | None]:
    """The form. Gives the recipe, or the one before and why the settings do not fit."""
    base = recipe_for(design.preset)
    before = _before(design.preset, base)
    values = fields(words.BASIC, before, KEY)
    for title, names in words.FOLDED.items():
        with st.expander(title):
            values |= fields(names, before, KEY)
            if "sample_every" in names:
                values["sample_prompts"] = ask_prompts()
    try:
        recipe = before.replace(**values)
    except ConfigError as error:
        return before, words.problem_in_words(str(error))
    kept.keep(KEY, settings.to_text(settings.changes(recipe, base)))
    return recipe, None


def _before(preset: str, base: TrainConfig) -> TrainConfig:
    """The recipe that the form starts from; another preset or a link takes the form over."""
    text = kept.recall(KEY) or ""
    held = (st.session_state.get("recipe-preset"), st.session_state.get(f"kept-{KEY}", ""))
    try:
        recipe = settings.from_text(text, base)
    except ConfigError as error:
        widgets.show_problem(
            tr("{error} The preset's settings stand here instead.").format(error=error)
        )
        recipe, text = base, ""
    if held != (preset, text):
        for name in words.FIELDS:
            st.session_state[f"{KEY}-{name}"] = getattr(recipe, name)
        st.session_state["recipe-preset"] = preset
        kept.keep(KEY, text)
    return recipe


def fields(names: tuple[str, ...], before: TrainConfig, key: str) -> dict[str, object]:
    """Ask for these settings, side by side where there is room."""
    values: dict[str, object] = {}
    with st.container(horizontal=True):
        for name in names:
            with st.container(width=_FIELD_WIDTH):
                values |= widgets.config_form(TrainConfig, [name], before, key, words.LABELS)
    return values


def ask_prompts() -> tuple[str, ...]:
    """What the texts along the way begin with."""
    text = st.text_area(
        tr("Samples begin with"),
        key="sample_prompts",
        max_chars=2_000,
        placeholder=tr("a new document"),
        height=100,
        bind="query-params",
        persist_state="session",
        help=tr(
            "One prompt a line, at most {most_prompts}. The model goes on "
            "from each of them along the way; the texts stand beside its "
            "curves."
        ).format(most_prompts=words.MOST_PROMPTS),
    )
    return words.prompts_of(text)


def _tell(state: PageState, asked: Asked, rates: Sequence[Rate]) -> bool:
    """What the training would come to; whether it can be."""
    design, recipe = asked.design, asked.recipe
    n_tokens = words.training_tokens(state.workspace.tokens.list(), asked.corpus, asked.tokenizer)
    plan = words.plan(design.config, recipe, n_tokens)
    measured = budget_words.Plan(design.preset, design.config, recipe)
    time = budget_words.time_of(measured, rates)
    memory, disk = _memory(asked), _disk(state, asked)
    told = (
        (tr("Epochs"), plan.epochs, glossary.meaning("epoch")),
        (tr("Time"), time.shown, time.source),
        (tr("Memory"), memory.shown, glossary.meaning("memory")),
        (tr("Disk"), disk.shown, glossary.meaning("checkpoint")),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, meaning in told:
            st.metric(label, value, help=widgets.esc_md(meaning), width="content")
    problems = [plan.problem, memory.problem, disk.problem]
    problems.append(words.processes_problem(recipe, asked.processes))
    problems.append(words.prompts_problem(recipe.sample_prompts))
    standing = queue_panel.share(state)
    size = sum(parameter_counts(design.config).values())
    problems.append(shares.training_problem(standing, size, recipe.steps))
    for problem in filter(None, problems):
        widgets.show_problem(problem)
    st.markdown(" ".join(filter(None, [plan.sentence, memory.sentence, disk.sentence])))
    if not time.measured:
        st.caption(widgets.esc_md(time.source))
    training_time.offer(state, measured, time, key="start")
    return not any(problems)


def _memory(asked: Asked) -> Need:
    """Whether the training fits here."""
    from slm.training.memory import fit
    from slm.training.trainer import place

    try:
        device, dtype = place(asked.recipe)
    except ConfigError as error:
        return Need("…", "", str(error))
    told = fit(asked.design.config, asked.recipe, device, dtype, processes=asked.processes)
    return words.memory_need(told, asked.processes, on_gpu=device != "cpu")


def _disk(state: PageState, asked: Asked) -> Need:
    """What stays on the disk, as far as it has room."""
    from slm.lab.snapshots import affordable_steps
    from slm.training.resume import KEPT

    root = state.workspace.root.absolute()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free = psutil.disk_usage(str(place)).free
    snapshots = affordable_steps(asked.recipe, asked.design.config, free)
    return words.disk_need(asked.design.config, asked.recipe, len(snapshots), free, KEPT)


def _further(state: PageState, asked: Asked) -> None:
    """The same without a browser, on several machines, and in Python."""
    with st.expander(
        tr("On the command line, and on several machines"), icon=":material/terminal:"
    ):
        st.code(settings.command_line(asked.argv), language="bash")
        st.caption(
            tr(
                "On several machines: start it so on one of them, stop it at once, and then run "
                "this on each, with the first one's address for HOST, 0, 1, … for NUMBER, and "
                "the run's own folder, which all of them see under the same path. The Watch view "
                "shows it with the folder filled in."
            )
        )
        folder = state.workspace.root.absolute() / "runs" / "RUN"
        command = launch.torchrun_command(folder, nproc=asked.processes, nodes=2)
        st.code(settings.shell(["python", *command[1:]]), language="bash")
    widgets.show_code(_python(asked.design, asked.recipe), rate_factor, create_run)


def _start(state: PageState, asked: Asked) -> None:
    """Start the job, once, and watch it.

    Raises: JobError, WorkspaceError when it cannot be started.
    """
    argv = asked.argv
    job = jobs.start(state.workspace, argv, name=asked.name, owner=state.owner, key=" ".join(argv))
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
