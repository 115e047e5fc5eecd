"""Take what is seen along: as a picture, as numbers, as code, as a link."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from numpy.typing import NDArray

from slm import linked_texts
from ui import session, widgets
from ui.figures.attention_pictures import Saved, as_png, as_svg
from ui.texts import tr
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
    with st.popover(tr("Save what is seen"), icon=":material/download:"):
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
            tr("PNG for slides, SVG where labels shall stay sharp, NPZ for the numbers in NumPy.")
        )
        _show_link(asked, link or {}, {"text": asked.text} if texts is None else texts)
    widgets.show_code(code, *functions)


def _drawn(picture: Saved | Callable[[], Saved]) -> Saved:
    return picture() if callable(picture) else picture


def _file(title: str, make: Callable[[], bytes], file_name: str, mime: str) -> None:
    st.download_button(title, make, file_name, mime, on_click="ignore", key=f"save-{file_name}")


def _show_link(asked: Asked, link: Mapping[str, str | int], texts: Mapping[str, str]) -> None:
    """This page with all that is chosen. Texts too long for an address are kept by a name."""
    params: dict[str, Any] = {**link, **st.query_params.to_dict(), "run": asked.loaded.run_id}
    if "view" in link:
        params["view"] = link["view"]  # its key: titles, which the picker writes, may change
    long = {key: text for key, text in texts.items() if len(text) > LONGEST_LINK}
    root = session.workspace().root
    for key in long:
        params.pop(key, None)
    if long and not linked_texts.is_kept(root, name := linked_texts.name_of(long)):
        st.caption(
            tr("The text is too long to stand in a link. Kept in the workspace, it gets one.")
        )
        st.button(
            tr("Keep the text and make a link"),
            icon=":material/link:",
            key="keep-texts",
            on_click=_keep,
            args=(root, long),
        )
        return
    if long:
        params[session.LINKED_TEXTS] = name
    st.markdown(tr("A link that opens this again:"))
    st.code(f"{st.context.url or ''}?{urlencode(params)}", language=None, wrap_lines=True)


def _keep(root: Path, texts: Mapping[str, str]) -> None:
    with widgets.user_errors():
        linked_texts.keep_texts(root, texts)
