"""Data sets of the Hub: what one has, chosen from lists, and what of it is kept here."""

from pathlib import Path

import pandas as pd
import streamlit as st

from slm.data.catalogue import EMBEDDED
from slm.data.hub import spool as hub_spool
from slm.data.hub.data_sets import HubDescription, check_hub_name, describe
from slm.data.hub.spool import Download
from slm.data.sources import SourceConfig, hub_request
from slm.workshop.rights import is_presenter
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary, sources
from ui.view_models import hub as words
from ui.view_models.settings import described
from ui.view_models.sources import SourceCard

_FIELDS = SourceConfig.model_fields
_PARTS = ("hub_config", "hub_split")


def ask(state: PageState, card: SourceCard) -> SourceConfig | None:
    """The settings of a source on the Hub; None while its name is missing.

    Raises: HubError for a name that is not owner/name.
    """
    source = _ask_any() if card.key == sources.HUB else _ask_known(card)
    if source is None:
        return None
    kept = hub_spool.find_download(_folder(state), hub_request(source))
    if kept is None or not kept.texts:
        return source
    st.caption(widgets.esc_md(words.kept(kept)))
    if kept.complete:
        return source
    offline = st.toggle(
        tr("Use only what is here"),
        key="hub_offline",
        bind="query-params",
        persist_state="session",
        help=described(_FIELDS["hub_offline"]),
    )
    return source.replace(hub_offline=offline)


def downloads(state: PageState) -> None:
    """What is kept of the Hub, with its size, and a way to delete it."""
    found = hub_spool.downloads_in(_folder(state))
    if not found:
        return
    with st.popover(words.downloads_label(found), icon=":material/download_done:"):
        st.caption(
            tr("What arrived from the Hub. Corpora that were made from it do not need it any more.")
        )
        for download in found:
            row = st.container(horizontal=True, vertical_alignment="center")
            row.text(words.download_title(download))
            row.button(
                tr("Delete"),
                key=f"delete-{download.key}",
                on_click=_delete,
                args=(state, download.key),
                disabled=download.busy or not is_presenter(state.owner),
            )


def kept_for(state: PageState, argv: tuple[str, ...]) -> Download | None:
    """What a job that reads the Hub has kept so far."""
    source = sources.hub_source(argv)
    return hub_spool.find_download(_folder(state), hub_request(source)) if source else None


def offer_embedded(key: str) -> None:
    """Ways on without a network."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(tr("Without a network:"), width="content")
    for name in ("tales", "python-docs", "python-code"):
        title = EMBEDDED[name].title
        row.button(title, key=f"{key}-{name}", type="tertiary", on_click=_choose, args=(name,))


def _folder(state: PageState) -> Path:
    return state.workspace.root / hub_spool.FOLDER


def _delete(state: PageState, key: str) -> None:
    hub_spool.delete_download(_folder(state), key)


def _choose(source: str) -> None:
    st.session_state["source"] = source


def _ask_known(card: SourceCard) -> SourceConfig | None:
    variant = None
    if card.variants:
        variant = st.selectbox(
            tr("Language"),
            card.variants,
            key=f"variant-{card.key}",
            bind="query-params",
            persist_state="session",
            help=glossary.meaning("configuration"),
        )
    return sources.source_config(card.key, variant=variant)


def _ask_any() -> SourceConfig | None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.text_input(
        tr("Data set"),
        key="hub_name",
        placeholder=tr("owner/name, as in roneneldan/TinyStories"),
        bind="query-params",
        persist_state="session",
        max_chars=200,
        on_change=_forget_parts,
    )
    named = sources.source_config(sources.HUB, hub_name=name)
    asked = row.button(
        tr("Ask the Hub what it has"),
        icon=":material/cloud_download:",
        disabled=named is None,
        key="hub-ask",
    )
    if named is None:
        return None
    checked = hub_request(named).name
    check_hub_name(checked)
    if asked:
        st.session_state["hub_asked"] = checked
    told = None
    if st.session_state.get("hub_asked") == checked:
        told = _told(checked)
    return _ask_parts(name, told)


def _ask_parts(name: str, told: HubDescription | None) -> SourceConfig | None:
    """Configuration, split and column: from the Hub's lists once it was asked, else as typed."""
    places = st.columns(3)
    given: dict[str, str] = {}
    options = {
        "hub_config": words.config_options(told) if told else [],
        "hub_split": list(told.splits) if told else [],
        "text_column": words.readable_columns(told) if told else [],
    }
    labels = {
        "hub_config": (tr("Configuration"), tr("its default")),
        "hub_split": (tr("Split"), "train"),
        "text_column": (tr("Text column"), told.column if told else tr("found by itself")),
    }
    for place, (field, (label, usual)) in zip(places, labels.items(), strict=True):
        held = st.session_state.get(field) or st.query_params.get(field)
        extra = [held] if isinstance(held, str) and held not in options[field] else []
        given[field] = (
            place.selectbox(
                label,
                [*options[field], *extra],
                index=None,
                key=field,
                placeholder=usual or tr("choose one"),
                help=described(_FIELDS[field]),
                accept_new_options=True,
                bind="query-params",
                persist_state="session",
            )
            or ""
        )
    if told is not None:
        _show(told)
        if told.problem and not given["text_column"]:
            st.warning(widgets.esc_md(told.problem), icon=":material/rule:")
            return None
    return sources.source_config(
        sources.HUB,
        hub_name=name,
        hub_config=given["hub_config"],
        hub_split=given["hub_split"],
        text_column=given["text_column"],
    )


def _told(name: str) -> HubDescription | None:
    """What the Hub says of a data set; a mistake is shown here, with ways on."""
    config, split = (
        str(st.session_state.get(key) or st.query_params.get(key) or "") for key in _PARTS
    )
    told = None
    with widgets.user_errors():
        told = _described(name, config or None, split or None)
    if told is None:
        offer_embedded("hub-none")
    return told


@st.cache_data(
    ttl=600, max_entries=64, show_spinner=tr("Asking the Hub; it has 30 seconds to answer")
)
def _described(name: str, config: str | None, split: str | None) -> HubDescription:
    return describe(name, config=config, split=split)


def _show(told: HubDescription) -> None:
    st.caption(widgets.esc_md(words.facts(told)))
    if told.more_configs:
        st.caption(words.more_configs(told))
    if told.first_rows:
        with st.expander(tr("Its columns and first rows")):
            frame = pd.DataFrame(
                [(row.name, row.kind) for row in words.columns(told)],
                columns=[tr("Column"), tr("Holds")],
            )
            st.dataframe(frame, hide_index=True, height="content")
            st.dataframe(pd.DataFrame(words.first_rows(told)), hide_index=True)


def _forget_parts() -> None:
    """Another data set has other parts."""
    for field in (*_PARTS, "text_column"):
        st.session_state[field] = None
