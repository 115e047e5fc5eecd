"""How documents fall into windows: the picture, what each way costs, a window's tokens."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from slm.data.layout import Layout, Totals, lay_out
from slm.data.windows import WindowMode
from slm.errors import ConfigError, TokenizerError, WorkspaceError
from slm.tokenizer.documents import LOOKED_AT, EncodedDocuments, training_documents
from slm.tokenizer.protocol import TextTokenizer
from slm.tokenizer.separators import SEPARATORS, Separator, separator_of
from slm.training.runs import shape_of
from slm.workspace import Artefact, Workspace
from ui import loaders, session, widgets
from ui.components.tokens import tokens_view
from ui.components.windows import windows_view
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import windows as words
from ui.views import kept

_USUAL_CONTEXT = 256


def render(state: PageState) -> None:
    """The picture of the current corpus in the current tokenizer."""
    if state.corpus is None or state.tokenizer is None:
        missing(state)
        return
    _panel(state, state.corpus, state.tokenizer)


def missing(state: PageState) -> None:
    """Say what must be there first, and lead to it."""
    if state.corpus is None:
        st.info(tr("Windows are cut from a corpus. Choose one in the sidebar, or make one."))
        if st.button(tr("Make a corpus"), key="windows-data"):
            session.go_to("data", view="collect")
        return
    st.info(
        tr(
            "Windows hold tokens, so a tokenizer is needed. Choose one in the sidebar, or train "
            "one."
        )
    )
    if st.button(tr("Train a tokenizer"), key="windows-tokenizer"):
        session.go_to("tokenizer", view="train")


def engine_of(tokenizer: Artefact) -> TextTokenizer:
    """The tokenizer, ready to use.

    Raises: TokenizerError when it has lost its files.
    """
    if not (tokenizer.folder / "tokenizer.json").exists():
        raise TokenizerError(
            tr("{name!r} has lost its files; train it again or choose another.").format(
                name=tokenizer.name
            )
        )
    return loaders.load_tokenizer(tokenizer.folder)


@st.fragment
def _panel(state: PageState, corpus: Artefact, tokenizer: Artefact) -> None:
    left, right = st.columns([1, 2.7], gap="large")
    with left:
        context, mode, separator, beneath = _ask(state, tokenizer)
        widgets.demo_note(corpus.read_only, tr("the corpus"))
    with right, widgets.user_errors():
        engine = engine_of(tokenizer)
        documents = documents_of(state.workspace, corpus, tokenizer, engine, separator)
        layout = documents.lay_out(context, mode)
        for_all = _layouts(documents, context)
        with st.container(horizontal=True, gap="medium"):
            for figure in words.figures(layout.totals):
                st.metric(figure.label, figure.value, help=figure.meaning, width="content")
        _draw(documents, layout, engine)
        beneath.info(words.advice(for_all), icon=":material/lightbulb:")
        st.dataframe(pd.DataFrame(words.comparison(for_all)), hide_index=True, height="content")
        st.caption(f"{words.seen_note(documents)} {_remark(mode, documents)}")
    _show_code(state, corpus, tokenizer, separator, context, mode)


def _ask(
    state: PageState, tokenizer: Artefact
) -> tuple[int, WindowMode, Separator, DeltaGenerator]:
    """Context length, mode and separator, and the place for a word of advice."""
    usual = _context_of(state.run)
    context = st.select_slider(
        tr("Context length"),
        words.context_options(usual),
        usual,
        key="windows_context",
        bind="query-params",
        help=glossary.meaning("context length"),
    )
    mode: WindowMode = st.radio(
        tr("Windows"),
        list(words.MODES),
        format_func=words.MODES.__getitem__,
        captions=list(words.MEANINGS.values()),
        key="windows_mode",
        bind="query-params",
        help=glossary.meaning("window"),
    )
    beneath = st.container()
    own = separator_of(tokenizer)
    separator: Separator | None = st.selectbox(
        tr("Between documents"),
        SEPARATORS,
        index=None,
        format_func=words.SEPARATORS.__getitem__,
        placeholder=words.SEPARATORS[own],
        key="separator",
        bind="query-params",
        help=glossary.meaning("separator"),
    )
    return context, mode, separator or own, beneath


def _context_of(run: Artefact | None) -> int:
    """The context of the current model, where there is one."""
    try:
        return shape_of(run).context_length if run else _USUAL_CONTEXT
    except (WorkspaceError, ConfigError):
        return _USUAL_CONTEXT


def _draw(documents: EncodedDocuments, layout: Layout, engine: TextTokenizer) -> None:
    """The windows from a number on, and the tokens of the one that is clicked."""
    n_windows = layout.starts_W.size
    held = st.session_state.get("window_from", 1)
    if not isinstance(held, int) or not 1 <= held <= n_windows:
        st.session_state["window_from"] = 1
    first = st.session_state.get("window_from", 1)
    picture = words.picture(documents, layout, engine, first)
    opened = words.chosen_row(kept.recall("window_open"), picture.rows)
    clicked = windows_view(picture, selected=opened, key="windows-picture")
    if clicked is not None:
        kept.keep("window_open", str(clicked))
        opened = clicked
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    row.number_input(
        tr("From window, of {n_windows:,}").format(n_windows=n_windows),
        1,
        n_windows,
        step=words.ROWS,
        key="window_from",
        bind="query-params",
        width=190,
    )
    if opened is None:
        row.caption(tr("Click a window to see its tokens."))
        return
    row.caption(
        tr("The tokens of window {opened:,}, as the model reads them:").format(opened=opened)
    )
    tokens_view(words.chips(documents, layout, engine, opened), key="window-chips", height=180)


def _remark(mode: WindowMode, documents: EncodedDocuments) -> str:
    """What the picture leaves out."""
    if mode == "documents" and not documents.marked:
        return tr(
            "No special token marks where documents end, so windows begin anywhere, as if side "
            "by side."
        )
    return tr(
        "Training reads the windows in random order, and cuts long documents elsewhere in each "
        "epoch."
    )


def _layouts(documents: EncodedDocuments, context: int) -> dict[WindowMode, Totals]:
    """The totals of every way that is possible for these documents."""
    modes = [mode for mode in words.MODES if documents.marked or mode != "one_document"]
    return {mode: documents.lay_out(context, mode).totals for mode in modes}


def documents_of(
    workspace: Workspace,
    corpus: Artefact,
    tokenizer: Artefact,
    engine: TextTokenizer,
    separator: Separator,
) -> EncodedDocuments:
    """The first documents as ids, read once.

    Raises: DataError when the corpus is damaged.
    """
    version = (tokenizer.folder / "tokenizer.json").stat().st_mtime_ns
    digest = corpus.manifest.digest
    version_key = (str(workspace.root), corpus.id, digest, tokenizer.id, version, separator)
    return _documents(version_key, workspace, corpus, tokenizer, engine)


@st.cache_resource(max_entries=12, show_spinner=tr("Cutting the text into tokens"))
def _documents(
    version_key: tuple[str, str, str, str, int, Separator],
    _workspace: Workspace,
    _corpus: Artefact,
    _tokenizer: Artefact,
    _engine: TextTokenizer,
) -> EncodedDocuments:
    return training_documents(
        _workspace, _corpus, _tokenizer, _engine, separator=version_key[-1], max_tokens=LOOKED_AT
    )


def _show_code(
    state: PageState,
    corpus: Artefact,
    tokenizer: Artefact,
    separator: Separator,
    context: int,
    mode: WindowMode,
) -> None:
    here = state.workspace
    beside = ", ".join(f"Path({str(folder)!r})" for folder in here.read_only)
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.documents import training_documents\n"
        "from slm.tokenizer.loading import load_tokenizer\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({str(here.root)!r}), read_only=[{beside}])\n"
        f"corpus = workspace.corpora.get({corpus.id!r})\n"
        f"tokenizer = workspace.tokenizers.get({tokenizer.id!r})\n"
        "documents = training_documents(\n"
        "    workspace, corpus, tokenizer, load_tokenizer(tokenizer.folder),\n"
        f"    separator={separator!r}, max_tokens={LOOKED_AT:_},\n"
        ")\n"
        f"layout = documents.lay_out({context}, {mode!r})\n"
        "print(layout.totals)\n"
        "print(layout.to_json(3))",
        lay_out,
    )
