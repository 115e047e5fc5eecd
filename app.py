"""The app's frame: page config, warm-up, navigation, and the model that every chapter follows."""

from pathlib import Path

import streamlit as st

from ui import session, sidebar

# Streamlit leaves 96 pixels above a page and 80 beside it; a laptop's screen needs them.
_ROOM = "<style>.stMainBlockContainer { padding: 2.75rem 2.5rem 2rem; }</style>"

st.set_page_config(
    page_title="SLM Lab", page_icon=str(Path(__file__).parent / "ui" / "icon.png"), layout="wide"
)
st.html(_ROOM)
session.boot()
page = st.navigation(session.pages())
session.forget_endless_numbers()
sidebar.render()
page.run()
