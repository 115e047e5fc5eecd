"""Charts: arrays in, chart out; no Streamlit."""
