"""Small things that every page needs: headers, forms from settings, errors, escaping."""

import inspect
import math
import re
import string
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any, get_args

import streamlit as st
from pydantic.fields import FieldInfo
from streamlit.errors import StreamlitAPIException

from slm.config import Config, bounds
from slm.errors import SlmError
from slm.utf8 import without_controls
from ui.texts import tr
from ui.view_models.settings import described
from ui.view_models.tutorial import for_app

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial"
_LARGEST = 2**53 - 1  # whole numbers that a browser can tell apart
_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
_CODE_BLOCK = re.compile(r"^(?: {4,}| *\t)[ \t]*", re.MULTILINE)
_NO_WIDTH = "\u2060"
_REPLACED_LATER = re.compile(
    r"(?<=:)(?=(?:[\w+-]*[^\W\d][\w+-]*|100|1234|[+-]1):)"  # :smile:, :streamlit:
    r"|(?:(?<=\s[-<>~])|(?<=^[-<>~]))(?=(?:[-=>]|->)(?:\s|$))"  # ->, <->, --, >=
    r"|(?<=[Hh][Tt][Tt][Pp]:)(?=//)|(?<=[Tt][Pp][Ss]:)(?=//)"
    r"|(?<=[Ww]{3})(?=\.)|(?<=[\w.+-])(?=@[\w-]+\.)"
)
_ONE_READER = threading.Lock()
_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")


def esc_md(text: str) -> str:
    r"""`text` for a place that reads Markdown: every ASCII punctuation mark escaped.

    What Streamlit replaces after Markdown was read (arrows, emoji codes, bare addresses) is
    parted by a character without width. Marks that would turn our own words around show as �.

    >>> esc_md("![x](y)")
    '\\!\\[x\\]\\(y\\)'
    >>> esc_md("a -> b, :smile:").count("\u2060")
    2
    """
    text = without_controls(text.encode("utf-8", "replace").decode()).translate(_TURNING)
    parted = _REPLACED_LATER.sub(_NO_WIDTH, _CODE_BLOCK.sub(" ", text))
    return _PUNCTUATION.sub(r"\\\1", parted)


def page_header(title: str, first_line: str) -> None:
    """The page's subject, and in plain words what one sees here and why it matters."""
    st.title(title, anchor=False)
    st.markdown(first_line)


@contextmanager
def user_errors() -> Iterator[None]:
    """Show a mistake that the user can mend where it happened; the page goes on after it."""
    try:
        yield
    except SlmError as error:
        show_problem(str(error))


def show_problem(text: str) -> None:
    """A problem in words, as typed and never as markup."""
    st.error(esc_md(text), icon=":material/error:")


def view_picker(views: Mapping[str, str]) -> str:
    """Which tool of the chapter to show (`?view=`); the first is the default.

    The picker writes a view's title into the address; a link may say its key. An address
    without it opens what another page asked for, else what this visitor saw there last:
    Streamlit takes the view out of the address of a page that is left, so Back finds none.
    """
    if len(views) == 1:
        return next(iter(views))
    first, last = next(iter(views)), f"last-view-{'-'.join(views)}"
    asked = st.query_params.get("view")
    told = st.session_state.pop("view-asked", False)
    if asked is None and not told and st.session_state.get("page-entered"):
        remembered = st.session_state.get(last, first)
        asked = None if remembered == first else remembered
    if asked is not None and views.get(asked, asked) != asked:
        st.session_state["view"] = asked
        try:
            st.query_params["view"] = views[asked]
            st.rerun()  # the picker takes its value from the address, where it knows titles alone
        except StreamlitAPIException:
            pass  # a picker was here already in this visit: it takes the value that was just set
    chosen = st.segmented_control(
        tr("View"),
        list(views),
        format_func=lambda view: views.get(view, view),
        default=next(iter(views)),
        key="view",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    shown = chosen if chosen in views else first
    st.session_state[last] = shown
    return shown


def config_form(
    config: type[Config],
    names: Sequence[str],
    start: Config,
    key: str,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Ask for the named fields of a config; bounds and help come from the fields.

    Widgets are keyed `<key>-<field>`, so that presets can set them through
    session state. A field without one of `labels` is called by its name. Gives
    plain values for `start.replace(**values)`. An emptied number is None, which is
    automatic, where that may be; elsewhere it is that of `start`, shown in grey.
    """
    fields = config.model_fields
    return {
        name: _ask(
            labels.get(name) or tr(name.replace("_", " ")),
            fields[name],
            getattr(start, name),
            f"{key}-{name}",
        )
        for name in names
    }


def optional_number(
    config: type[Config], name: str, label: str, start: Config, key: str
) -> float | None:
    """Ask for one number of a config that may be left empty, which is no limit: None."""
    field = config.model_fields[name]
    low, high = bounds(field)
    told: dict[str, Any] = {"placeholder": tr("no limit"), "key": key, "help": described(field)}
    value = getattr(start, name)
    if int in get_args(field.annotation):
        whole: int | None = st.number_input(label, min_value=low and int(low), value=value, **told)
        return whole
    least = None if low is None else float(low)
    most = None if high is None else float(high)
    told |= {"min_value": least, "max_value": most, "format": "%g"}
    given: float | None = st.number_input(label, value=value, **told)
    return given


def _ask(label: str, field: FieldInfo, value: Any, key: str) -> Any:
    extra = field.json_schema_extra
    hints: Any = extra.get("ui", {}) if isinstance(extra, dict) else {}
    kind = [part for part in get_args(field.annotation) if part is not NoneType]
    options = hints.get("options") or _literal_options(field.annotation)
    if key not in st.session_state:
        st.session_state[key] = value
    if options:
        held = st.session_state[key]
        options = options if held in options else sorted([*options, held])
        return st.selectbox(label, options, key=key, help=described(field))
    if isinstance(value, bool) or field.annotation is bool:
        return st.toggle(label, key=key, help=described(field))
    if isinstance(value, int | float) or field.annotation in {int, float} or kind:
        low, high = bounds(field)
        may_be_empty = NoneType in get_args(field.annotation)
        is_float = float in (kind or [field.annotation])
        cast: type[int] | type[float] = float if is_float else int
        step = hints.get("step", _usual_step(value) if is_float else None)
        given = st.number_input(
            label,
            value=None,
            min_value=None if low is None else cast(low),
            max_value=None if high is None else cast(min(high, _LARGEST)),
            step=None if step is None else cast(step),
            format=hints.get("format", "%g" if is_float else None),
            placeholder=tr("auto") if may_be_empty else f"{value:g}" if is_float else str(value),
            key=key,
            help=described(field),
        )
        return value if given is None and not may_be_empty else given
    return st.text_input(label, key=key, help=described(field))


def _usual_step(value: float | None) -> float:
    """A step that suits a number of this size: half of its leading digit's unit."""
    return 10.0 ** math.floor(math.log10(abs(value))) / 2 if value else 0.01


def _literal_options(annotation: Any) -> list[Any]:
    if "Literal" in str(annotation):
        return [part for part in get_args(annotation) if isinstance(part, str)]
    return []


def show_code(code: str, *functions: Callable[..., Any]) -> None:
    """The `slm` lines that make what is shown, and the source of the functions behind it."""
    with st.expander(tr("The code behind this"), icon=":material/code:"):
        st.code(code, language="python")
        for function in functions:
            st.caption(f"{function.__module__}.{function.__qualname__}")
            st.code(source_of(function), language="python")


def source_of(function: Callable[..., Any]) -> str:
    """Its source, as it stands in its file; a method's without the class's margin.

    Read once: for a class Python parses its whole file. And by one thread at a time, which
    neither that parser nor its cache of lines says it can do without.
    """
    with _ONE_READER:
        return _read_source(function)


@lru_cache(maxsize=512)
def _read_source(function: Callable[..., Any]) -> str:
    return textwrap.dedent(inspect.getsource(function))


def explain(chapter: str, number: int) -> None:
    """The chapter of the tutorial, folded below the page."""
    path = TUTORIAL / f"{number}_{chapter}.md"
    if path.exists():
        with st.expander(
            tr("Read the chapter: {chapter}").format(chapter=chapter), icon=":material/menu_book:"
        ):
            st.markdown(for_app(path.read_text(encoding="utf-8")))


def demo_note(on_demo: bool, what: str) -> None:
    """Say that the demo is shown, until the visitor has a model of their own."""
    if on_demo:
        st.caption(
            tr("You see {what} of the demo model that ships with the app.").format(what=what)
        )
