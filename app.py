"""The app's frame: page config, warm-up, navigation, and the model that every chapter follows."""

import streamlit as st

from ui import session, sidebar

st.set_page_config(page_title="SLM Lab", page_icon=":material/neurology:", layout="wide")
session.boot()
page = st.navigation(session.pages())
sidebar.render()
page.run()
