"""The app's frame: page config, warm-up, navigation, and the model that every chapter follows."""

from pathlib import Path

import streamlit as st

from ui import presenting, session, sidebar
from ui.texts import tr

# Streamlit leaves 96 pixels above a page and 80 beside it; a laptop's screen needs them.
# A narrow one has smaller titles and figures, so that a row of figures stays a row; a low one,
# such as a projector's, keeps its height for what is looked at.
_ROOM = """<style>
.stMainBlockContainer { padding: 2.75rem 2.5rem 2rem; }
@media (max-width: 1150px) {
  .stMainBlockContainer { padding: 2.25rem 1.5rem 1.5rem; }
  .stMainBlockContainer h1 { font-size: 2rem; padding: 0.25rem 0 0; }
  [data-testid=stMetricValue] { font-size: 1.5rem; }
}
@media (max-height: 800px) {
  .stMainBlockContainer { padding-top: 1.25rem; }
  .stMainBlockContainer h1 { font-size: 1.6rem; padding: 0; }
}
@media (max-width: 640px) { /* a phone, where the bar with the menu lies above the page */
  .stMainBlockContainer { padding: 4rem 1rem 1rem; }
}
/* Where a field has no room for its number and the buttons for one more or less, keys do that. */
[data-testid=stNumberInputContainer] { container-type: inline-size; }
@container (max-width: 150px) { button[data-testid^=stNumberInputStep] { display: none; } }
/* A table's own CSV is written by the browser: a cell such as =HYPERLINK(…) would stay a formula
   that the spreadsheet of whoever downloads it obeys. */
[data-testid=stElementToolbarButton]:has([aria-label^="Download as CSV"]) { display: none; }
</style>"""

st.set_page_config(
    page_title=tr("SLM Lab"),
    page_icon=str(Path(__file__).parent / "ui" / "icon.png"),
    layout="wide",
)
st.html(_ROOM)
session.boot()
page = st.navigation(session.pages())
session.forget_endless_numbers()
session.take_linked_texts()
sidebar.render(page.url_path)
presenting.apply()
page.run()
