"""The app for a room: what `python dev.py app --share` serves, behind a door.

On one's own computer `app.py` is served as it is.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from ui import session
from ui.door import Door

app = st.App(
    Path(__file__).parent / "app.py",
    middleware=[Middleware(Door, workspace=session.files_of_all())],
)
