"""Take what is seen along: as a picture, as numbers, as code, as a link."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from numpy.typing import NDArray

from ui import widgets
from ui.figures.attention_pictures import Saved, as_png, as_svg
from ui.view_models.grid import as_npz
from ui.views.attention.asking import LONGEST_LINK, Asked

Arrays = Mapping[str, NDArray[Any]]


def panel(
    asked: Asked,
    *,
    picture: Saved | Callable[[], Saved] | None,
    arrays: Arrays | Callable[[], Arrays],
    code: str,
    functions: tuple[Callable[..., Any], ...] = (),
    link: Mapping[str, str | int] | None = None,
    texts: Mapping[str, str] | None = None,
    name: str = "attention",
) -> None:
    """What is seen, to be taken along; below it the code that computes it.

    A file is made when it is asked for, so `picture` and `arrays` may be functions that make
    them then. `link` holds choices that the page made by itself, and that the address must
    name to open the same again; `texts` the texts of the page by their keys, where they are others
    than the chapter's. `name` begins the files' names.
    """
    stem = f"{name}-{asked.loaded.run_id}-{asked.loaded.step}"
    with st.popover("Save what is seen", icon=":material/download:"):
        with st.container(horizontal=True):
            if picture is not None:
                _file("PNG", lambda: as_png(_drawn(picture)), f"{stem}.png", "image/png")
                _file("SVG", lambda: as_svg(_drawn(picture)), f"{stem}.svg", "image/svg+xml")
            _file(
                "NPZ",
                lambda: as_npz(arrays() if callable(arrays) else arrays),
                f"{stem}.npz",
                "application/octet-stream",
            )
        st.caption(
            "PNG for slides, SVG where labels shall stay sharp, NPZ for the numbers in NumPy."
        )
        st.markdown("A link that opens this again:")
        given = {"text": asked.text} if texts is None else texts
        st.code(_address(asked, link or {}, given), language=None, wrap_lines=True)
    widgets.show_code(code, *functions)


def _drawn(picture: Saved | Callable[[], Saved]) -> Saved:
    return picture() if callable(picture) else picture


def _file(title: str, make: Callable[[], bytes], file_name: str, mime: str) -> None:
    st.download_button(title, make, file_name, mime, on_click="ignore", key=f"save-{file_name}")


def _address(asked: Asked, link: Mapping[str, str | int], texts: Mapping[str, str]) -> str:
    """This page with all that is chosen. A text too long for an address stays out of it."""
    params: dict[str, Any] = {**link, **st.query_params.to_dict(), "run": asked.loaded.run_id}
    too_long = [key for key, text in texts.items() if len(text) > LONGEST_LINK]
    for key in too_long:
        params.pop(key, None)
    if too_long:
        st.caption(
            "The text is too long for a link; whoever opens it gives it again."
            if len(too_long) == 1
            else "The texts are too long for a link; whoever opens it gives them again."
        )
    return f"{st.context.url or ''}?{urlencode(params)}"
