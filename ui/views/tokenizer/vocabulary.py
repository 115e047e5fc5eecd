"""All tokens of a tokenizer: search, filter, see how often each occurs and where."""

from collections.abc import Sequence
from typing import Any, cast

import pandas as pd
import streamlit as st

from slm.tokenizer import usage, vocabulary
from slm.tokenizer.usage import Context, Usage
from slm.tokenizer.vocabulary import Entry, Standing
from slm.workspace import Artefact, Workspace
from ui import widgets
from ui.figures import vocabulary as figures
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import vocabulary as words
from ui.view_models.vocabulary import Searchable
from ui.views import kept
from ui.views.tokenizer import one_token, train
from ui.views.tokenizer.current import Current, current, merges_of

_PICKED = "token"


def render(state: PageState) -> None:
    """The table to the left; the picture, and one token in full, to the right."""
    tokenizer = current(state)
    if tokenizer is None:
        train.invite()
        return
    _panel(tokenizer, state.workspace, state.corpus)


@st.fragment
def _panel(tokenizer: Current, workspace: Workspace, corpus: Artefact | None) -> None:
    known = _searchable(str(tokenizer.folder), tokenizer.version, tokenizer)
    used, standing = None, None
    if corpus is not None:
        with widgets.user_errors():
            used = _usage(*_key(tokenizer, corpus), workspace, tokenizer, corpus)
            standing = _standing(*_key(tokenizer, corpus), used, tokenizer)
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        found = _ask(known, standing)
        picked = _table(found, known, standing)
    with right:
        if standing is not None and corpus is not None and used is not None:
            picked = _picture(known, standing, picked)
            st.caption(
                widgets.esc_md(words.usage_note(standing, corpus.name, sampled=used.sampled))
            )
        else:
            st.caption(tr("Choose a corpus in the sidebar to see how often each token occurs."))
        _one(tokenizer, known, standing, used, corpus, picked)
    widgets.demo_note(tokenizer.on_demo, tr("the vocabulary"))
    _show_code(tokenizer, workspace, corpus)


def _ask(known: Searchable, standing: Standing | None) -> list[Entry]:
    """What is looked for, of which kind, in which order."""
    wanted, order = st.columns([1.4, 1])
    typed = wanted.text_input(
        tr("Search"),
        key="find",
        placeholder=tr("part of a token, or an id"),
        help=glossary.meaning("vocabulary"),
        bind="query-params",
    )
    sorting = order.selectbox(
        tr("Order"),
        list(words.ORDERS),
        format_func=words.ORDERS.__getitem__,
        key="order",
        bind="query-params",
    )
    which = st.pills(
        tr("Show"),
        list(words.WHICH),
        format_func=words.WHICH.__getitem__,
        default="all",
        key="which",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
        help=glossary.meaning("glitch token"),
    )
    chosen = vocabulary.select(words.search(known, typed), which, standing)
    return vocabulary.ordered(chosen, sorting, standing)


def _table(found: Sequence[Entry], known: Searchable, standing: Standing | None) -> int | None:
    """The rows; the id of the token that is open, chosen here or before."""
    held = kept.recall(_PICKED) or ""
    picked = int(held) if held.isascii() and held.isdigit() and len(held) < 10 else None
    if not found:
        st.info(tr("No token is like that. A text that holds it is written with shorter tokens."))
        return picked
    table = words.columns(found, standing)
    st.caption(words.how_many(len(table[tr("Id")]), len(found), len(known.entries)))
    frame = pd.DataFrame({name: pd.Series(values) for name, values in table.items()})
    for name in (tr("Merge"), tr("Count then"), tr("Rank")):
        if name in frame:
            frame[name] = frame[name].astype("Int64")
    event = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="vocabulary-table",
        height=430,
        placeholder="–",
        column_config={
            tr("Id"): st.column_config.NumberColumn(width=56),
            tr("Token"): st.column_config.TextColumn(width=94),
            tr("Length"): st.column_config.NumberColumn(
                help=tr("Bytes that the token stands for."), width=60
            ),
            tr("Merge"): st.column_config.NumberColumn(
                help=tr("Which merge made it, in order of learning."), width=60
            ),
            tr("Count then"): st.column_config.NumberColumn(
                help=tr("How often its pair stood in the training text when the two were joined."),
                format="localized",
                width=84,
            ),
            tr("Frequency"): st.column_config.NumberColumn(
                help=tr("How often the token occurs in the corpus now."),
                format="localized",
                width=84,
            ),
            tr("Rank"): st.column_config.NumberColumn(
                help=tr("1 is the most frequent token."), width=54
            ),
        },
    )
    places = event["selection"]["rows"]
    if places and places[0] < len(table[tr("Id")]):
        chosen = cast(int, table[tr("Id")][places[0]])
        if st.session_state.get("vocabulary_row") != chosen:
            st.session_state["vocabulary_row"] = chosen
            picked = _pick(chosen)
    return picked


def _picture(known: Searchable, standing: Standing, picked: int | None) -> int | None:
    """How often tokens occur; a click on a point opens its token."""
    by = st.segmented_control(
        tr("Tokens by"),
        ["rank", "id"],
        format_func={"rank": tr("By rank"), "id": tr("By id")}.__getitem__,
        default="rank",
        key="tokens_by",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    chart = figures.frequencies(words.points(known, standing, by), by=by, marked=picked)
    event: Any = st.plotly_chart(
        chart,
        key="vocabulary-picture",
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
    )
    clicked = [point.get("customdata") for point in event["selection"]["points"]]
    chosen = clicked[0][0] if clicked and isinstance(clicked[0], list) else (clicked or [None])[0]
    if isinstance(chosen, int) and st.session_state.get("vocabulary_point") != chosen:
        st.session_state["vocabulary_point"] = chosen
        picked = _pick(chosen)
        st.rerun(scope="fragment")
    return picked


def _pick(token_id: int) -> int:
    kept.keep(_PICKED, str(token_id))
    return token_id


def _one(
    tokenizer: Current,
    known: Searchable,
    standing: Standing | None,
    used: Usage | None,
    corpus: Artefact | None,
    picked: int | None,
) -> None:
    """The open token: how it was joined, how often it occurs, and where."""
    entry = next((each for each in known.entries if each.id == picked), None)
    if entry is None:
        st.caption(tr("Choose a row, or click a point, to see one token in full."))
        return
    one_token.show(tokenizer, entry.id, key="vocabulary-tree")
    if standing is None or used is None or corpus is None:
        return
    glitch = vocabulary.is_glitch_prone(entry, standing)
    st.caption(words.standing_note(entry, standing, glitch=glitch))
    if standing.counts[entry.id]:
        rows = words.context_rows(_contexts(*_key(tokenizer, corpus), entry.id, used, tokenizer))
        frame = pd.DataFrame(
            {
                tr("before"): [row.before for row in rows],
                tr("token"): [row.token for row in rows],
                tr("after"): [row.after for row in rows],
            }
        )
        st.dataframe(
            frame,
            hide_index=True,
            height="content",
            column_config={tr("before"): st.column_config.TextColumn(alignment="right")},
        )


def _key(tokenizer: Current, corpus: Artefact) -> tuple[str, int, str]:
    return str(tokenizer.folder), tokenizer.version, corpus.manifest.digest


@st.cache_resource(max_entries=8, show_spinner=False)
def _searchable(folder: str, version: int, _tokenizer: Current) -> Searchable:
    del folder, version
    return words.searchable(vocabulary.entries(_tokenizer.engine, merges_of(_tokenizer)))


@st.cache_resource(max_entries=8, show_spinner=tr("Looking for the corpus as tokens"))
def _usage(
    folder: str, version: int, digest: str, _workspace: Workspace, _of: Current, _corpus: Artefact
) -> Usage:
    del folder, version, digest
    return usage.usage_of(_workspace, _corpus, _of.engine, _of.artefact)


@st.cache_resource(max_entries=8, show_spinner=tr("Counting tokens"))
def _standing(folder: str, version: int, digest: str, _used: Usage, _of: Current) -> Standing:
    del folder, version, digest
    return Standing(usage.count_ids(_used.row, _of.engine.vocab_size))


@st.cache_resource(max_entries=256, show_spinner=False)
def _contexts(
    folder: str, version: int, digest: str, token_id: int, _used: Usage, _of: Current
) -> list[Context]:
    del folder, version, digest
    return usage.contexts(_used, _of.engine, token_id)


def _show_code(tokenizer: Current, workspace: Workspace, corpus: Artefact | None) -> None:
    named = corpus.id if corpus is not None else "tales"
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.loading import load_tokenizer\n"
        "from slm.tokenizer.usage import count_ids, usage_of\n"
        "from slm.tokenizer.vocabulary import Standing, entries, select\n"
        "from slm.workspace import Workspace\n\n"
        f"tokenizer = load_tokenizer(Path({str(tokenizer.folder)!r}))\n"
        f"workspace = Workspace(Path({str(_root(workspace, corpus))!r}))\n"
        f"used = usage_of(workspace, workspace.corpora.get({named!r}), tokenizer)\n"
        "standing = Standing(count_ids(used.row, tokenizer.vocab_size))\n"
        "for token in select(entries(tokenizer, tokenizer.merges), 'glitch', standing):\n"
        "    print(token, standing.counts[token.id])",
        vocabulary.is_glitch_prone,
        usage.count_ids,
    )


def _root(workspace: Workspace, corpus: Artefact | None) -> Any:
    return corpus.folder.parents[1] if corpus is not None else workspace.root
