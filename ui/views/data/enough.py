"""Is there enough text? The corpus against a model and its training, and how long that takes."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from slm.errors import ConfigError, WorkspaceError
from slm.model.config import PRESETS
from slm.tokenizer.documents import EncodedDocuments, TrainingSize, filled_share, training_size
from slm.tokenizer.protocol import TextTokenizer
from slm.tokenizer.separators import matching_tokens, separator_of
from slm.training.budget import OPTIMAL_TOKENS_PER_PARAMETER, Budget, budget_of, effective_tokens
from slm.training.rates import Rate, known_rates
from slm.training.runs import RunSettings
from slm.workspace import Artefact, Workspace
from ui import widgets
from ui.figures import budget as figures
from ui.session import PageState
from ui.texts import tr
from ui.view_models import budget as words
from ui.view_models import glossary, settings
from ui.view_models.budget import Plan
from ui.views import training_time
from ui.views.data import windows

_PLOT = {"displayModeBar": False}
_COLORS = {"good": "green", "fair": "orange", "poor": "red"}
_KEYS = ("enough_steps", "enough_batch", training_time.JOB)


def render(state: PageState) -> None:
    """The current corpus in the current tokenizer, against a model that one chooses."""
    if state.corpus is None or state.tokenizer is None:
        windows.missing(state)
        return
    engine = windows.engine_of(state.tokenizer)
    text = _size_of(state.workspace, state.corpus, state.tokenizer, engine)
    _panel(state, text, engine, known_rates(state.workspace))


@st.fragment
def _panel(
    state: PageState, text: TrainingSize, engine: TextTokenizer, rates: Sequence[Rate]
) -> None:
    with widgets.user_errors():
        left, right = st.columns([1, 2.7], gap="large")
        with left:
            plan = _ask(state, engine.vocab_size)
            widgets.demo_note(bool(state.corpus and state.corpus.read_only), tr("the corpus"))
        budget = budget_of(plan.model, plan.train, text.tokens, filled=_filled(state, plan, engine))
        with right:
            _tell(budget, text)
            training_time.show(state, plan, rates, key="enough")
        with left:
            st.caption(words.HONEST)
        _aspects(budget, engine.vocab_size, text, rates)
        _show_code(state, plan, budget)


def _ask(state: PageState, vocab_size: int) -> Plan:
    """The model, and how long it is trained."""
    own = _own_plan(state)
    preset = st.selectbox(
        tr("Model and recipe"),
        list(PRESETS),
        index=None,
        placeholder=tr("current model") if own else "nano",
        key="enough_preset",
        bind="query-params",
        on_change=_forget,
        help=tr(
            "A preset brings its recipe with it; the vocabulary is the tokenizer's. The Model "
            "chapter draws its shape."
        ),
    )
    base = words.preset_plan(preset or "nano", vocab_size) if preset or own is None else own
    steps = st.select_slider(
        tr("Steps"),
        words.choices(base.train.steps, 100_000),
        base.train.steps,
        key="enough_steps",
        bind="query-params",
        help=glossary.meaning("step"),
    )
    batch = st.select_slider(
        tr("Batch (windows)"),
        words.choices(base.train.batch_size, 1_000),
        base.train.batch_size,
        key="enough_batch",
        bind="query-params",
        help=glossary.meaning("batch size"),
    )
    parts = base.train.grad_accum_steps
    train = base.train.replace(
        steps=steps, batch_size=batch, grad_accum_steps=parts if batch % parts == 0 else 1
    )
    if not preset and state.run is not None and "learned_from" in state.run.details:
        st.caption(
            tr("This model learned from {learned_from}.").format(
                learned_from=widgets.esc_md(str(state.run.details["learned_from"]))
            )
        )
    st.caption(
        tr(
            "A step reads {batch:,} windows of {context_length:,} tokens. "
            "The vocabulary is {vocab_size:,}."
        ).format(
            batch=batch, context_length=base.model.context_length, vocab_size=base.model.vocab_size
        )
    )
    return Plan(base.source, base.model, train)


def _forget() -> None:
    """Another model brings its own steps and batch; a measurement that failed is another's."""
    for key in _KEYS:
        st.session_state.pop(key, None)
        st.query_params.pop(key, None)


def _own_plan(state: PageState) -> Plan | None:
    """The current model with its own recipe."""
    if state.run is None:
        return None
    try:
        own = RunSettings.read(state.run.folder)
    except (WorkspaceError, ConfigError):
        return None
    return Plan(state.run.name, own.model, own.train)


def _filled(state: PageState, plan: Plan, engine: TextTokenizer) -> float:
    """Share of the places that hold a token, where the plan pads its windows.

    Raises: DataError when it cannot pad this text, for want of marks between documents.
    """

    def first_documents() -> EncodedDocuments:
        assert state.corpus is not None and state.tokenizer is not None
        separator = separator_of(state.tokenizer)
        return windows.documents_of(
            state.workspace, state.corpus, state.tokenizer, engine, separator
        )

    return filled_share(first_documents, plan.model.context_length, plan.train.windows)


def _tell(budget: Budget, text: TrainingSize) -> None:
    verdict = words.verdict(budget, text.bytes_per_token)
    with st.container(horizontal=True, gap="medium"):
        for figure in words.figures(budget, counted=text.counted):
            st.metric(
                figure.label, figure.value, help=glossary.meaning(figure.term), width="content"
            )
    st.markdown(f"#### :{_COLORS[verdict.mood]}[{verdict.headline}]")
    gauge = figures.gauge(words.zones(), words.marks(budget), OPTIMAL_TOKENS_PER_PARAMETER)
    st.plotly_chart(gauge, config=_PLOT, key="enough-gauge")
    st.markdown("\n".join([verdict.text, "", *(f"- {help_}" for help_ in verdict.helps)]))


def _aspects(budget: Budget, vocab_size: int, text: TrainingSize, rates: Sequence[Rate]) -> None:
    presets, repeats = st.tabs([tr("Which model for this text"), tr("What repeats are worth")])
    with presets:
        rows = words.preset_rows(vocab_size, text.tokens, rates)
        st.dataframe(pd.DataFrame(rows), hide_index=True, height="content")
        st.caption(
            tr(
                "Each preset with its own recipe and the vocabulary of this tokenizer. Text: "
                "whether this corpus is enough for it, however long it is trained."
            )
        )
    with repeats:
        st.plotly_chart(figures.worth(words.curve(budget)), config=_PLOT, key="enough-worth")
        st.caption(
            tr(
                "Text that is read again teaches less each time: four epochs are nearly as good as "
                "four times the text, sixteen are not (Muennighoff et al. 2023, eq. 5)."
            )
        )


def _size_of(
    workspace: Workspace, corpus: Artefact, tokenizer: Artefact, engine: TextTokenizer
) -> TrainingSize:
    """Tokens of the training split, counted once for each state of the corpus.

    Raises: DataError when the corpus is damaged.
    """
    separator = separator_of(tokenizer)
    known = matching_tokens(workspace.tokens.list(), corpus, tokenizer, separator)
    kept = (str(workspace.root), corpus.id, corpus.manifest.digest, tokenizer.manifest.digest)
    return _size((*kept, known.id if known else ""), workspace, corpus, tokenizer, engine)


@st.cache_data(max_entries=32, show_spinner=tr("Counting tokens"))
def _size(
    kept: tuple[str, ...],
    _workspace: Workspace,
    _corpus: Artefact,
    _tokenizer: Artefact,
    _engine: TextTokenizer,
) -> TrainingSize:
    del kept
    return training_size(_workspace, _corpus, _tokenizer, _engine)


def _show_code(state: PageState, plan: Plan, budget: Budget) -> None:
    assert state.corpus is not None and state.tokenizer is not None
    command = settings.command_line(words.budget_argv(plan, state.corpus.id, state.tokenizer.id))
    with st.expander(tr("On the command line"), icon=":material/terminal:"):
        st.code(command, language="bash")
    widgets.show_code(
        "from slm.training.budget import Budget\n\n"
        f"budget = Budget(parameters={budget.parameters}, unique_tokens={budget.unique_tokens},\n"
        f"                tokens_per_step={budget.tokens_per_step}, steps={budget.steps})\n"
        "print(budget.text_verdict, budget.run_verdict, budget.to_json())",
        effective_tokens,
    )
