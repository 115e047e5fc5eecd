"""Registers a component from the files in its folder."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_SHARED = Path(__file__).parent / "shared"


def register(
    name: str,
    folder: Path,
    *,
    stem: str = "view",
    shared: Sequence[str] = (),
    parts: Sequence[str] = (),
) -> ComponentRenderer:
    """The command that mounts the component made of ``stem``.html, .css and .js.

    ``shared`` names files of ``components/shared`` and ``parts`` files of the folder; their text
    goes before the component's own, so that the result is a single module with no imports.
    """
    before = [_SHARED / file for file in shared] + [folder / file for file in parts]

    def text(suffix: str) -> str:
        files = [file for file in before if file.suffix == suffix] + [folder / f"{stem}{suffix}"]
        return "\n".join(file.read_text(encoding="utf-8") for file in files)

    return st.components.v2.component(
        name, html=text(".html"), css=text(".css"), js=text(".js"), isolate_styles=True
    )
