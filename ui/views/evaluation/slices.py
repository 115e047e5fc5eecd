"""Where is the loss? By place in the context, by frequency, by source and by document."""

import pandas as pd
import streamlit as st

from slm.evaluation.slices import by_frequency, by_place
from ui import loaders, session, widgets
from ui.figures.slices import slices_chart
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.evaluation import comparison, held_out_code
from ui.view_models.slices import DocumentRow, document_rows, documents_words, slices_view
from ui.views.evaluation import looking, measures
from ui.views.evaluation.looking import Look

_CHART = {"displayModeBar": False}


def render(state: PageState) -> None:
    """The text to the left; how the loss is spread to the right; documents below."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then measure it here."))
        return
    run, loaded = state.run, loaders.load_run(state.run)
    left, right = st.columns([1, 2.6], gap="medium")
    look = view = None
    with left, widgets.user_errors():
        widgets.demo_note(state.on_demo, tr("the figures"))
        look = looking.ask(state, run, loaded)
        if look is None:
            st.info(tr("Give a text: where the model is surprised by it is shown here."))
        else:
            if look.figures is not None:
                told = comparison(look.figures, look.of_tokens, look.what)
                st.caption(
                    tr("{reading} {measured} The dashed lines are the mean of all tokens.").format(
                        reading=told.reading, measured=told.measured
                    )
                )
            looking.measure_all(state, run, look, "slices")
    if look is None or look.figures is None:
        return
    view = slices_view(look.figures)
    if view is None:
        right.info(tr("This measurement is older than the slices. Measure the text again."))
        return
    with right:
        place, frequency = st.columns(2, gap="medium")
        with place:
            st.markdown(tr("**By place in the window**"), help=glossary.meaning("context length"))
            st.plotly_chart(
                slices_chart(view.by_place, view.mean, tr("tokens before it, up to so many")),
                key="by-place",
                config=_CHART,
            )
            st.caption(view.place_words)
        with frequency:
            st.markdown(tr("**By frequency of the token**"))
            st.plotly_chart(
                slices_chart(view.by_frequency, view.mean, view.frequency_title),
                key="by-frequency",
                config=_CHART,
            )
            st.caption(view.frequency_words)
        if len(view.by_source) > 1:
            st.markdown(tr("**By source**"))
            height = 70 + 30 * len(view.by_source)
            chart = slices_chart(view.by_source, view.mean, "", height=height, flat=True)
            st.plotly_chart(chart, key="by-source", config=_CHART)
    _documents(state, loaded, look)
    widgets.show_code(held_out_code(run, look.config), by_place, by_frequency)


def _documents(state: PageState, loaded: LoadedRun, look: Look) -> None:
    """The documents, worst first; a chosen one can be painted."""
    assert look.figures is not None
    rows = document_rows(look.figures)
    told = documents_words(rows, int(look.figures["text"]["documents"]))
    if not told:
        return
    st.markdown(tr("**{told}** Choose one to see it token by token.").format(told=told))
    chosen = st.dataframe(
        pd.DataFrame([vars(row) for row in rows]),
        hide_index=True,
        height=260,
        key="documents-by-surprise",
        on_select="rerun",
        selection_mode="single-row",
        column_order=["document", "bits_per_byte", "perplexity", "tokens", "begins", "source"],
        column_config={
            "document": st.column_config.NumberColumn(tr("Document"), width="small"),
            "bits_per_byte": st.column_config.NumberColumn(
                tr("Bits per byte"), format="%.3f", width="small"
            ),
            "perplexity": st.column_config.NumberColumn(
                tr("Perplexity"), format="%.1f", width="small"
            ),
            "tokens": st.column_config.NumberColumn(tr("Tokens"), width="small"),
            "begins": st.column_config.TextColumn(tr("Begins"), width="large"),
            "source": st.column_config.TextColumn(tr("Source"), width="small"),
        },
    )
    st.caption(
        tr(
            "Documents are read in a row, in windows: one that a window's edge cuts is harder than "
            "read alone. Windows that overlap (More) make up for it."
        )
    )
    places = chosen["selection"]["rows"] if chosen else []
    if places and places[0] < len(rows):
        _offer_painting(state, loaded, look, rows[places[0]])


def _offer_painting(state: PageState, loaded: LoadedRun, look: Look, row: DocumentRow) -> None:
    if not st.button(
        tr("Paint document {document}").format(document=row.document),
        icon=":material/format_color_fill:",
        key="paint-document",
    ):
        return
    with widgets.user_errors():
        text = measures.judged(state, loaded, look.config).text(row.document - 1)
        session.go_to("evaluation", view="painted", scored_from="Your own", scored=text)
