"""Texts and their statistics, read once for all visitors and kept by version."""

from dataclasses import dataclass
from itertools import islice

import streamlit as st

from slm.data.cleaning import RuleReport, clean
from slm.data.corpus import Corpus, open_corpus
from slm.data.documents import StoredDocument
from slm.data.sources import Document, SourceConfig, open_source
from slm.data.splitting import Leakage, leakage
from slm.data.statistics import CorpusStatistics, describe
from slm.workspace import Artefact

PREVIEW_DOCUMENTS = 500
_PREVIEW_CHARACTERS = 2_000_000


@dataclass(frozen=True)
class Sample:
    """The first documents of a source. `whole` when there are no more."""

    documents: tuple[Document, ...]
    how_split: str
    whole: bool


def sample_of(config: SourceConfig) -> Sample:
    """The first documents of a source, at most 500.

    Raises: DataError or HubError as `open_source`.
    """
    return _sample(config.model_dump_json())


@st.cache_data(max_entries=24, show_spinner="Reading the first documents")
def _sample(config_json: str) -> Sample:
    opened = open_source(SourceConfig.model_validate_json(config_json))
    documents: list[Document] = []
    characters = 0
    for document in islice(opened.documents, PREVIEW_DOCUMENTS + 1):
        if len(documents) == PREVIEW_DOCUMENTS or characters > _PREVIEW_CHARACTERS:
            return Sample(tuple(documents), opened.how_split, whole=False)
        documents.append(document)
        characters += len(document.text)
    return Sample(tuple(documents), opened.how_split, whole=True)


def sample_statistics(config: SourceConfig) -> CorpusStatistics:
    """What the sample looks like in numbers."""
    return _sample_statistics(config.model_dump_json())


@st.cache_data(max_entries=24, show_spinner=False)
def _sample_statistics(config_json: str) -> CorpusStatistics:
    return describe(document.text for document in _sample(config_json).documents)


def rules_on_sample(config: SourceConfig, rules: tuple[str, ...]) -> list[RuleReport]:
    """What the rules do to the sample."""
    return _rules_on_sample(config.model_dump_json(), rules)


@st.cache_data(max_entries=64, show_spinner="Trying the rules")
def _rules_on_sample(config_json: str, rules: tuple[str, ...]) -> list[RuleReport]:
    return clean(_sample(config_json).documents, rules).ledger


def corpus_statistics(corpus: Artefact) -> CorpusStatistics:
    """What a saved corpus looks like in numbers.

    Raises: DataError when it is damaged.
    """
    return _corpus_statistics(open_corpus(corpus), corpus.manifest.digest)


@st.cache_data(
    max_entries=12,
    show_spinner="Counting the text",
    hash_funcs={Corpus: lambda corpus: corpus.artefact.id},
)
def _corpus_statistics(corpus: Corpus, digest: str) -> CorpusStatistics:
    del digest
    return describe(corpus.texts())


def corpus_leakage(corpus: Artefact) -> Leakage:
    """Validation documents that are also trained on."""
    return _leakage(open_corpus(corpus), corpus.manifest.digest)


@st.cache_data(
    max_entries=12,
    show_spinner="Comparing the two splits",
    hash_funcs={Corpus: lambda corpus: corpus.artefact.id},
)
def _leakage(corpus: Corpus, digest: str) -> Leakage:
    del digest
    return leakage(corpus.texts("train"), corpus.texts("val"))


def corpus_page(corpus: Artefact, start: int, limit: int) -> list[StoredDocument]:
    """Documents of a saved corpus, from `start` (0 is the first) on."""
    return list(open_corpus(corpus).documents(start=start, limit=limit))
