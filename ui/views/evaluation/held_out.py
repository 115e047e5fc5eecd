"""How well does the model predict text that it never saw, beside what counting gives?"""

import streamlit as st

from slm.evaluation.intervals import Resamples
from slm.evaluation.ngrams import NGrams
from slm.evaluation.perplexity import evaluate
from ui import loaders, widgets
from ui.figures.evaluation import rivals_chart
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.evaluation import Comparison, Unit, comparison, held_out_code
from ui.views.evaluation import figures, looking

_UNITS = {"perplexity": tr("Perplexity"), "bits_per_byte": tr("Bits per byte")}


def render(state: PageState) -> None:
    """Figures and what they mean to the left, the rivals as bars to the right."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then measure it here."))
        return
    run, loaded = state.run, loaders.load_run(state.run)
    left, right = st.columns([1, 2.2], gap="medium")
    view = look = None
    with left, widgets.user_errors():
        widgets.demo_note(state.on_demo, tr("the figures"))
        look = looking.ask(state, run, loaded)
        if look is None:
            st.info(tr("Give a text: the model predicts it, token by token."))
        elif look.figures is not None:
            view = comparison(look.figures, look.of_tokens, look.what)
            figures.tell(view)
        if look is not None:
            looking.measure_all(state, run, look, "held-out")
    if look is None or view is None:
        return
    with right:
        unit = _pick_unit(view)
        st.plotly_chart(
            rivals_chart(view.rivals, unit), key="rivals", config={"displayModeBar": False}
        )
        if view.verdict:
            st.markdown(view.verdict, help=glossary.meaning("trigram"))
        for sentence in view.beside:
            st.markdown(widgets.esc_md(sentence))
        if not view.same_tokens:
            st.caption(tr("Models of different tokens are compared in bits per byte alone."))
    widgets.show_code(held_out_code(run, look.config), evaluate, NGrams, Resamples)


def _pick_unit(view: Comparison) -> Unit:
    units: dict[str, str] = {unit: _UNITS[unit] for unit in view.units}
    if len(units) == 1:
        return view.units[0]
    chosen = st.segmented_control(
        tr("Unit"),
        list(units),
        format_func=lambda key: units.get(key, key),
        default=next(iter(units)),
        key="unit",
        bind="query-params",
        required=True,
    )
    return "bits_per_byte" if chosen == "bits_per_byte" else "perplexity"
