"""Presenter mode: a page for the back row, with large type and nothing but what is looked at.

It stands in the address (`?present=true`), so that a link or a reload keeps it. What is drawn on
a canvas reads two properties of the page: how much larger its figures are, and the colour of
the ring around the cell that is pointed at.
"""

import streamlit as st

from ui.texts import tr

_KEY = "present"
_LARGE = """<style>
:root { --slm-large: 1.5; --slm-laser: #ff2d2d; }
html { font-size: 20px; }
[data-testid=stSidebar], [data-testid=stHeader], [data-testid=stExpandSidebarButton],
[data-testid=stTooltipIcon] { display: none; }
.stMainBlockContainer { padding: 1rem 1.5rem; }
:is([data-testid=stLayoutWrapper]:has(> .st-key-present-corner), .st-key-present-corner) {
  position: fixed; top: 0.5rem; right: 1rem; z-index: 999980; width: auto;
}
[data-testid=stElementContainer]:has(h1) { margin-bottom: 0.5rem; }
[data-testid=stElementContainer]:has(h1) + [data-testid=stElementContainer] { display: none; }
</style>"""
# Texts and sliders stay: they are what one shows, and what one moves to show it.
_FOLDED = """<style>
.stMainBlockContainer [data-testid=stElementContainer]:has(> :is(
  .stNumberInput, .stSelectbox, .stMultiSelect, .stCheckbox, .stRadio, .stPopover,
  .stDownloadButton
)) { display: none; }
</style>"""
_PICKERS = "present-pickers"


def offer() -> None:
    """The switch, in the sidebar."""
    st.toggle(
        tr("Presenter mode"),
        key=_KEY,
        bind="query-params",
        help=tr(
            "Large type and no pickers, for a projector; what the pointer rests on in an "
            "attention map is ringed. Buttons at the top right show the pickers, and end it."
        ),
    )


def apply() -> None:
    """Make the page large, fold its pickers, and show the way back, where the switch is on."""
    if not st.session_state.get(_KEY):
        return
    unfolded = bool(st.session_state.get(_PICKERS))
    st.html(_LARGE)
    if not unfolded:
        st.html(_FOLDED)
    with st.container(horizontal=True, key="present-corner"):
        st.button(
            tr("Fold pickers") if unfolded else tr("Show pickers"),
            icon=":material/tune:",
            key="present-fold",
            on_click=_fold,
            args=(not unfolded,),
        )
        st.button(tr("End presenting"), icon=":material/close:", key="present-end", on_click=_end)


def _fold(unfolded: bool) -> None:
    st.session_state[_PICKERS] = unfolded


def _end() -> None:
    st.session_state[_KEY] = False
