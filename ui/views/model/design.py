"""The drawing board: settings to the left, what they come to and the block to the right."""

import psutil
import streamlit as st

from slm.errors import ConfigError, SlmError
from slm.model.config import PRESETS, flops_per_token, memory_bytes, parameter_counts
from slm.training.config import recipe_for
from slm.training.runs import RunSettings
from slm.workspace import Artefact
from ui import session, widgets
from ui.components.block import block_view
from ui.figures import model as figures
from ui.session import PageState
from ui.view_models import glossary, settings
from ui.view_models import model as words
from ui.view_models.block_drawing import block_drawing
from ui.view_models.model import Design, ModelView
from ui.views import kept

KEY = "design"
_FIELD_WIDTH = 130  # pixels: two stand side by side where there is room
_PLAIN = {"displayModeBar": False}


def current() -> Design:
    """The visitor's design: from the address, else from this visit, else the smallest preset.

    Raises: ConfigError for an address that names no possible design.
    """
    text = kept.recall(KEY)
    return words.read_design(text) if text else Design(words.DEFAULT, PRESETS[words.DEFAULT])


def render(state: PageState) -> None:
    """The board; a setting redraws the board alone."""
    _board(state)


@st.fragment
def _board(state: PageState) -> None:
    left, right = st.columns([1, 2.3], gap="large")
    before = _start()
    with left:
        design, problem = _ask(state, before)
        if st.button(
            "Train this model",
            type="primary",
            icon=":material/arrow_forward:",
            key="train-design",
            disabled=problem is not None,
            width="stretch",
        ):
            session.go_to("training", view="start")
    with right:
        if problem:
            widgets.show_problem(problem)
            st.caption("Below is the last shape that fits together.")
        _tell(design)
    _code(design)


def _start() -> Design:
    """The design that the form starts from; one from a link takes the form over."""
    from_link = kept.recall(KEY) != st.session_state.get(f"kept-{KEY}")
    try:
        design = current()
    except ConfigError as error:
        widgets.show_problem(str(error))
        design = Design(words.DEFAULT, PRESETS[words.DEFAULT])
        from_link = True
    if from_link:
        _fill(design)
    return design


def _fill(design: Design) -> None:
    """Give the form's widgets a design, before they are drawn."""
    st.session_state["design-preset"] = design.preset
    for name in words.FIELDS:
        st.session_state[f"{KEY}-{name}"] = getattr(design.config, name)
    kept.keep(KEY, words.write_design(design))


def _take_preset() -> None:
    preset = st.session_state["design-preset"]
    _fill(Design(preset, PRESETS[preset]))


def _ask(state: PageState, before: Design) -> tuple[Design, str | None]:
    """The form. Gives the design, or the one before and why the settings do not fit."""
    if "design-preset" not in st.session_state:
        st.session_state["design-preset"] = before.preset
    st.selectbox(
        "Start from",
        list(PRESETS),
        format_func=words.preset_label,
        key="design-preset",
        on_change=_take_preset,
        help="A preset fills every setting below; then change what you like. The named "
        "ones have the exact shape of the published models.",
    )
    values = _ask_fields(before)
    _borrow(state, before)
    try:
        config = before.config.replace(**values)
    except ConfigError as error:
        return before, str(error)
    design = Design(before.preset, config)
    kept.keep(KEY, words.write_design(design))
    return design, None


def _ask_fields(before: Design) -> dict[str, object]:
    values: dict[str, object] = {}
    for group, names in words.GROUPS.items():
        place = st.container() if group == "size" else st.expander(group.capitalize())
        with place, st.container(horizontal=True):
            for name in names:
                with st.container(width=_FIELD_WIDTH):
                    values |= widgets.config_form(
                        type(before.config), [name], before.config, KEY, words.LABELS
                    )
    return values


def _borrow(state: PageState, before: Design) -> None:
    """What the current tokenizer and the current run have to give."""
    vocabulary = state.tokenizer.details.get("vocab_size") if state.tokenizer else None
    if isinstance(vocabulary, int) and vocabulary != before.config.vocab_size:
        st.button(
            f"Take the tokenizer's {vocabulary:,} tokens",
            key="design-vocabulary",
            on_click=_set_vocabulary,
            args=(vocabulary,),
            width="stretch",
            help="Training gives the model the vocabulary of the tokenizer in any case; "
            "with this the figures here are those of that model.",
        )
    if state.run is not None:
        st.button(
            "Take the current model's shape",
            key="design-run",
            on_click=_take_run,
            args=(state.run,),
            width="stretch",
        )


def _set_vocabulary(vocabulary: int) -> None:
    st.session_state[f"{KEY}-vocab_size"] = vocabulary


def _take_run(run: Artefact) -> None:
    try:
        _fill(words.design_like(RunSettings.read(run.folder).model))
    except SlmError as error:
        st.toast(widgets.esc_md(str(error)))


def _tell(design: Design) -> None:
    """Figures, the parts of the whole, the comparison, and the block."""
    recipe = recipe_for(design.preset)
    rows = max(1, recipe.batch_size // recipe.grad_accum_steps)
    view = words.model_view(design.config, rows, psutil.virtual_memory().total)
    _figures(view)
    st.plotly_chart(figures.parts(view.parameter_pieces), key="design-parameters", config=_PLAIN)
    st.caption(f"{view.comparison} {words.changes_in_words(design)}")
    if not view.fits:
        st.warning(view.memory, icon=":material/memory:")
    aspects = {"block": "The model, drawn", "memory": "Memory, part by part"}
    drawn, memory = st.tabs(list(aspects.values()))
    with drawn:
        block_view(block_drawing(design.config), key="design-block")
    with memory:
        st.caption(f"{view.memory} PyTorch itself takes 0.2 to 1 GB more.")
        parts = {"training": view.train_pieces, "generating": view.generate_pieces}
        st.plotly_chart(figures.stacked(parts, unit="bytes"), key="design-memory", config=_PLAIN)


def _figures(view: ModelView) -> None:
    told = (
        ("Parameters", view.parameters, "parameter"),
        ("Memory, training", view.train_memory, "memory"),
        ("Memory, generating", view.generate_memory, "key-value cache"),
        ("FLOPs per token", view.flops, "FLOP"),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, term in told:
            st.metric(label, value, help=glossary.meaning(term), width="content")


def _code(design: Design) -> None:
    widgets.show_code(
        "from slm.model.config import PRESETS, flops_per_token, memory_bytes, parameter_counts\n"
        "from slm.model.transformer import Transformer\n\n"
        f"config = PRESETS[{design.preset!r}]"
        + (f".replace({settings.python_arguments(design.changed)})" if design.changed else "")
        + "\nprint(parameter_counts(config), flops_per_token(config))\n"
        'print(memory_bytes(config, batch_size=12, mode="train"))\n'
        "model = Transformer(config)",
        parameter_counts,
        flops_per_token,
        memory_bytes,
    )
