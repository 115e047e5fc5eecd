"""The two splits, and what of the validation text was also trained on."""

import pandas as pd
import streamlit as st

from slm.data.corpus import open_corpus
from slm.data.exploring.leakage import Leakage
from slm.workspace import Artefact
from ui import widgets
from ui.figures import data as figures
from ui.texts import tr
from ui.view_models import explore, glossary, splits
from ui.views.data.profiles import Shown

_PLOT = {"displayModeBar": False}


def split(shown: Shown, corpus: Artefact, found: Leakage | None) -> None:
    """Counts and leakage to the left; documents beside their twins to the right."""
    if found is None:
        st.info(tr("Leakage is counted with the whole text; the line above says how far that is."))
        return
    opened = open_corpus(corpus)
    fraction = float(corpus.details.get("config", {}).get("validation_fraction", 0.1))
    view = splits.split_view(opened.counts("train"), opened.counts("val"), found, fraction)
    left, right = st.columns([1, 1.15], gap="medium")
    with left:
        st.dataframe(
            pd.DataFrame(
                view.rows, columns=[tr("Split"), tr("Documents"), tr("Share"), tr("Text")]
            ),
            hide_index=True,
            height="content",
            column_config={tr("Documents"): st.column_config.NumberColumn(format="localized")},
        )
        st.markdown(tr("**Leakage**"), help=glossary.meaning("leakage"))
        if view.leaks:
            st.warning(view.leakage, icon=":material/warning:")
        else:
            st.success(view.leakage, icon=":material/check_circle:")
        st.markdown(view.stretches)
        st.plotly_chart(figures.shared_stretches(found.shares), config=_PLOT, key="stretches")
        st.caption(splits.LEAKAGE_MEANING)
    with right:
        _twins(shown, found)


def _twins(shown: Shown, found: Leakage) -> None:
    """Validation documents that leak most; the chosen one beside its training twin."""
    if not found.twins:
        st.info(tr("No validation document shares 13 words in a row with the training text."))
        return
    st.markdown(tr("**Validation documents that leak most**"))
    rows = splits.twin_rows(found.twins)
    chosen = st.dataframe(
        pd.DataFrame(
            rows, columns=[tr("No."), tr("Twin"), tr("Shared"), tr("Words"), tr("The longest run")]
        ),
        hide_index=True,
        height=210,
        on_select="rerun",
        selection_mode="single-row",
        key=f"twins-{shown.key[:12]}",
        column_config={
            tr("No."): st.column_config.NumberColumn(width=65, format="%d"),
            tr("Twin"): st.column_config.NumberColumn(
                width=65, format="%d", help=tr("The training document that shares most stretches.")
            ),
            tr("Shared"): st.column_config.NumberColumn(
                width=75, format="percent", help=tr("Share of its stretches of 13 words.")
            ),
            tr("Words"): st.column_config.NumberColumn(
                width=65, format="%d", help=tr("Length of the longest run that both have.")
            ),
        },
    )
    picked = chosen["selection"]["rows"] or [0]
    twin = found.twins[picked[0]]
    pair = shown.documents([twin.val_id, twin.train_id])
    for column, document in zip(st.columns(2), pair, strict=False):
        part = tr("Validation") if document.id == twin.val_id else tr("Training")
        column.caption(
            widgets.esc_md(tr("{part} · document {id:,}").format(part=part, id=document.id + 1))
        )
        with column.container(height=330):
            st.text(explore.reading(document.text).text)
