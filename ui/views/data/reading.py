"""The first documents of sources, read once for all visitors, and what rules do to them."""

import streamlit as st

from slm.data.cleaning.cleaner import RuleReport, Step, clean, follow
from slm.data.cleaning.trial import FIRST_DOCUMENTS, FirstDocuments, first_documents
from slm.data.corpus import open_documents
from slm.data.sources import SourceConfig
from ui import session
from ui.texts import tr

PREVIEW_DOCUMENTS = FIRST_DOCUMENTS


def sample_of(config: SourceConfig) -> FirstDocuments:
    """The first documents of a source, at most 500.

    Raises: DataError, HubError or WorkspaceError as `open_documents`.
    """
    return _sample(config.model_dump_json(), _place())


@st.cache_data(max_entries=24, show_spinner=tr("Reading the first documents"))
def _sample(config_json: str, place: str) -> FirstDocuments:
    del place
    config = SourceConfig.model_validate_json(config_json)
    return first_documents(open_documents(session.workspace(), config))


def rules_on_sample(config: SourceConfig, rules: tuple[str, ...]) -> list[RuleReport]:
    """What the rules do to the sample.

    Raises: DataError for a rule that there is not.
    """
    return _rules_on_sample(config.model_dump_json(), _place(), rules)


@st.cache_data(max_entries=64, show_spinner=False)
def _rules_on_sample(config_json: str, place: str, rules: tuple[str, ...]) -> list[RuleReport]:
    return clean(_sample(config_json, place).documents, rules).ledger


def steps_on_sample(config: SourceConfig, rules: tuple[str, ...], document: int) -> list[Step]:
    """What each rule makes of one document of the sample (0 is the first)."""
    return _steps_on_sample(config.model_dump_json(), _place(), rules, document)


@st.cache_data(max_entries=64, show_spinner=False)
def _steps_on_sample(
    config_json: str, place: str, rules: tuple[str, ...], document: int
) -> list[Step]:
    return follow(_sample(config_json, place).documents, rules, document)


def _place() -> str:
    """Whose corpora a source may mean: part of what a reading is kept under."""
    return str(session.workspace().root)
