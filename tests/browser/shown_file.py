"""A Markdown file (SLM_SHOWN) as a page shows it."""

import os
from pathlib import Path

import streamlit as st

if __name__ == "__main__":
    st.markdown(Path(os.environ["SLM_SHOWN"]).read_text(encoding="utf-8"))
    st.text("The file stands above.")
