"""What views of the room share: how often they look, and that the server looks once for all."""

from collections.abc import Callable, Hashable

import streamlit as st

from slm.workshop import kept, people
from slm.workspace import Workspace

POLL_SECONDS = 2.0
_SHARED_SECONDS = 1.0
"""What one visitor's look has found serves the others for so long."""


def redraw_when(changed: Hashable, now: Callable[[], Hashable]) -> None:
    """Redraw the whole page when the presenter has begun, ended or revealed something.

    Called within a fragment that polls; `changed` is what the page was drawn with.
    """
    if now() != changed:
        st.rerun()


@st.cache_data(ttl=_SHARED_SECONDS, max_entries=32, show_spinner=False)
def newest(root: str, what: str, _here: Workspace) -> str:
    """The id of what was begun last of that kind; empty before the first."""
    del root
    return next(iter(kept.ids(_here, what)), "")


@st.cache_data(ttl=5.0, max_entries=8, show_spinner=False)
def headcount(root: str, _here: Workspace) -> int:
    """How many have come in besides the presenter; 0 on one's own computer."""
    del root
    return sum(not person.presents for person in people.list_people(_here))
