"""Registers a component from the files in its folder."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from ui.components.texts import markup_with_texts, script_with_texts

_SHARED = Path(__file__).parent / "shared"
_DEFAULT = "export default function ("


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
        name,
        html=markup_with_texts(text(".html")),
        css=text(".css"),
        js=drawn_once(script_with_texts(text(".js"), _shared("texts.js")), _shared("once.js")),
        isolate_styles=True,
    )


def _shared(file: str) -> str:
    return (_SHARED / file).read_text(encoding="utf-8")


def drawn_once(module: str, once: str) -> str:
    """The module whose drawings each end the one before, by the lines of ``once``.

    >>> drawn_once("export default function (of) {}", "// drawComponent")
    'function drawComponent(of) {}\\n// drawComponent'
    """
    if module.count(_DEFAULT) != 1:
        raise ValueError(f"a component needs one {_DEFAULT!r}; {module.count(_DEFAULT)} are here")
    return module.replace(_DEFAULT, "function drawComponent(") + "\n" + once
