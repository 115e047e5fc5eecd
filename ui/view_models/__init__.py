"""Domain objects into values ready to show. Pure functions to frozen dataclasses; no Streamlit."""
