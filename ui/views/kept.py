"""Settings that a page keeps as one text, in the visit and in the address.

A text in the address that this visit did not write itself (a link, the Back
button) wins over what the visit holds.
"""

import streamlit as st


def recall(key: str) -> str | None:
    """The kept text, None when there is none."""
    asked = st.query_params.get(key)
    if asked is not None and asked != st.session_state.get(f"told-{key}"):
        return asked
    held = st.session_state.get(f"kept-{key}")
    return held if isinstance(held, str) else None


def keep(key: str, text: str) -> None:
    """Hold the text for this visit, and write it into the address; an empty one leaves it."""
    st.session_state[f"kept-{key}"] = st.session_state[f"told-{key}"] = text
    if not text:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != text:
        st.query_params[key] = text
