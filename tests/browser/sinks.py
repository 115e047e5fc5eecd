"""Every element of Streamlit that reads Markdown, with each payload in it: a page for a test."""

import streamlit as st

from tests.browser.payloads import PAYLOADS
from ui.widgets import esc_md, show_problem

st.set_page_config(layout="wide")
for number, payload in enumerate(PAYLOADS):
    text = esc_md(payload.text[:300])
    with st.container(key=f"payload-{number}"):
        st.markdown(text)
        st.markdown(f"**Of {text}:** more")
        st.caption(f"Of {text} and more")
        show_problem(payload.text[:300])
        st.button(text, key=f"button-{number}", help=text)
        st.radio("Choice", [text], key=f"radio-{number}", captions=[text])
        st.metric(text, text)
        st.subheader(text, anchor=False)
        with st.expander(text):
            st.progress(0.5, text=text)
        st.segmented_control(text, [text], key=f"segments-{number}")
        st.selectbox(text, [payload.text[:300].encode("utf-8", "replace").decode()],
                     key=f"select-{number}")  # fmt: skip
        st.tabs([text])
st.text("All payloads stand above.")
