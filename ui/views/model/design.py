"""The drawing board: settings to the left, what they come to on the right."""

import streamlit as st

from slm.errors import ConfigError, SlmError
from slm.model.config import PRESETS, ModelConfig, flops_by_part, memory_bytes, parameter_counts
from slm.model.sizing import shape_for
from slm.training.runs import shape_of
from slm.workspace import Artefact
from ui import session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import model as words
from ui.view_models import settings, sizing
from ui.view_models.jobs import count
from ui.view_models.model import Design
from ui.views import kept
from ui.views.model import costs

KEY = "design"
_FORM_WIDTH, _FIELD_WIDTH = 282, 132  # pixels: two fields side by side, also on a narrow screen


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
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=_FORM_WIDTH)
        right = st.container(width="stretch")
    before = _start()
    with left:
        design, problem = _ask(state, before)
        if st.button(
            tr("Train this model"),
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
            st.caption(tr("Below is the last shape that fits together."))
        costs.show(state, design, _before(design))
    _code(design)


def _before(design: Design) -> ModelConfig | None:
    """The design before the last change; remembered for this visit alone."""
    shown = st.session_state.get("design-shown")
    if shown is not None and shown != design.config:
        st.session_state["design-before"] = shown
    st.session_state["design-shown"] = design.config
    before = st.session_state.get("design-before")
    return before if isinstance(before, ModelConfig) else None


def _start() -> Design:
    """The design that the form starts from; one from a link takes the form over."""
    from_link = kept.recall(KEY) != st.session_state.get(f"kept-{KEY}")
    try:
        design = current()
    except ConfigError as error:
        widgets.show_problem(str(error))  # with the names that the address has
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


def _ask_size(state: PageState, design: Design) -> None:
    """The dial: about so many parameters. It stands on top, and follows the settings below."""
    vocabulary = _vocabulary(state)
    dial = sizing.dial(design.config, vocabulary)
    st.session_state["design-size"] = dial.here
    st.select_slider(
        tr("How big?"),
        dial.places,
        format_func=count,
        key="design-size",
        on_change=_take_size,
        args=(vocabulary,),
        help=sizing.RULE,
    )


def _take_size(vocabulary: int | None) -> None:
    _fill(sizing.design_of_size(st.session_state["design-size"], vocabulary))


def _vocabulary(state: PageState) -> int | None:
    """Tokens of the current tokenizer, which the model will have in any case."""
    told = state.tokenizer.details.get("vocab_size") if state.tokenizer else None
    return told if isinstance(told, int) else None


def _ask(state: PageState, before: Design) -> tuple[Design, str | None]:
    """The form. Gives the design, or the one before and why the settings do not fit."""
    dial = st.container()
    if "design-preset" not in st.session_state:
        st.session_state["design-preset"] = before.preset
    st.selectbox(
        tr("Start from"),
        list(PRESETS),
        format_func=words.preset_label,
        key="design-preset",
        on_change=_take_preset,
        help=tr(
            "A preset fills every setting below; then change what you like. The named "
            "ones have the exact shape of the published models."
        ),
    )
    values = _ask_fields(before)
    _borrow(state, before)
    try:
        config = before.config.replace(**values)
    except ConfigError as error:
        with dial:
            _ask_size(state, before)
        return before, words.problem_in_words(str(error))
    design = Design(before.preset, config)
    with dial:
        _ask_size(state, design)
    kept.keep(KEY, words.write_design(design))
    return design, None


def _ask_fields(before: Design) -> dict[str, object]:
    values: dict[str, object] = {}
    for group, names in words.GROUPS.items():
        first = group == "size"
        place = st.container() if first else st.expander(tr(group.capitalize()))
        with place, st.container(horizontal=first):
            for name in names:
                with st.container(width=_FIELD_WIDTH if first else "stretch"):
                    values |= widgets.config_form(
                        type(before.config), [name], before.config, KEY, words.LABELS
                    )
    return values


def _borrow(state: PageState, before: Design) -> None:
    """What the current tokenizer and the current run have to give."""
    vocabulary = _vocabulary(state)
    if vocabulary is not None and vocabulary != before.config.vocab_size:
        st.button(
            tr("Take the tokenizer's {vocabulary:,} tokens").format(vocabulary=vocabulary),
            key="design-vocabulary",
            on_click=_set_vocabulary,
            args=(vocabulary,),
            width="stretch",
            help=tr(
                "Training gives the model the vocabulary of the tokenizer in any case; "
                "with this the figures here are those of that model."
            ),
        )
    if state.run is not None:
        st.button(
            tr("Take the current model's shape"),
            key="design-run",
            on_click=_take_run,
            args=(state.run,),
            width="stretch",
        )


def _set_vocabulary(vocabulary: int) -> None:
    st.session_state[f"{KEY}-vocab_size"] = vocabulary


def _take_run(run: Artefact) -> None:
    try:
        _fill(words.design_like(shape_of(run)))
    except SlmError as error:
        st.toast(widgets.esc_md(str(error)))


def _code(design: Design) -> None:
    argv = ["model", f"--preset={design.preset}", *settings.flags(design.changed)]
    with st.expander(tr("On the command line"), icon=":material/terminal:"):
        st.code(settings.command_line(argv), language="bash")
    widgets.show_code(
        "from slm.model.config import PRESETS, flops_by_part, memory_bytes, parameter_counts\n"
        "from slm.model.fits import fits\n"
        "from slm.model.transformer import Transformer\n\n"
        f"config = PRESETS[{design.preset!r}]"
        + (f".replace({settings.python_arguments(design.changed)})" if design.changed else "")
        + "\nprint(parameter_counts(config), flops_by_part(config))\n"
        f'print(memory_bytes(config, batch_size={costs.windows_of(design)}, mode="train"))\n'
        "print([fit.to_json() for fit in fits(config)])\n"
        "model = Transformer(config)",
        shape_for,
        parameter_counts,
        flops_by_part,
        memory_bytes,
    )
