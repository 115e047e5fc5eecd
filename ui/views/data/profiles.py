"""What Explore looks at, a saved corpus or the first documents of a source, and what is known
of it: exactly, or of a sample while a job counts the whole. Kept for all visitors by version.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from slm import jobs
from slm.data.corpus import Corpus, open_corpus
from slm.data.documents import StoredDocument
from slm.data.exploring.document_table import DocumentTable
from slm.data.exploring.leakage import Leakage
from slm.data.exploring.lookup import find_documents
from slm.data.exploring.profile import Profile
from slm.data.exploring.profile_store import Explored, explore, saved_profile
from slm.data.exploring.profiling import profile_with_table
from slm.data.exploring.sample import sample_profile
from slm.data.exploring.search import Found, SearchConfig, search, search_texts
from slm.data.sources import SourceConfig
from slm.data.splitting import Split
from slm.jobs import Job
from slm.workspace import Artefact, Workspace
from ui.texts import tr
from ui.view_models.preparing import work_key
from ui.views.data import reading

AT_ONCE_BYTES = 3_000_000
"""Smaller corpora are counted while the visitor waits, about a second."""
BY_ITSELF_BYTES = 500_000_000
"""Larger ones are counted only when a visitor asks."""


@dataclass(frozen=True)
class Known:
    """The numbers of a text, and the row of each document that they cover."""

    profile: Profile
    table: DocumentTable
    leakage: Leakage | None


@dataclass(frozen=True)
class Shown:
    """What is looked at: a saved corpus, or the first documents of a source."""

    workspace: Workspace
    corpus: Artefact | None
    source: SourceConfig | None

    @property
    def key(self) -> str:
        """The same for the same text."""
        if self.corpus is not None:
            return self.corpus.manifest.digest
        assert self.source is not None
        return self.source.model_dump_json()

    def known(self) -> Known:
        """What is known of it now.

        Raises: DataError or HubError when it cannot be read.
        """
        if self.corpus is None:
            assert self.source is not None
            return _known_source(self.key)
        corpus = open_corpus(self.corpus)
        found = saved_profile(self.workspace, corpus)
        if found is None and corpus.n_bytes < AT_ONCE_BYTES:
            found = _counted_now(self.workspace, corpus, self.key)
        if found is None:
            return _known_sample(corpus, self.key)
        return Known(found.profile, _table(str(found.folder), self.key), found.leakage)

    def documents(self, ids: Sequence[int]) -> list[StoredDocument]:
        """Documents by their ids; a source has no splits yet.

        Raises: DataError when the corpus is damaged.
        """
        if self.corpus is not None:
            return _documents(open_corpus(self.corpus), self.key, tuple(map(int, ids)))
        assert self.source is not None
        sample = reading.sample_of(self.source).documents
        return [
            StoredDocument(i, sample[i].text, sample[i].source, cast(Split, ""))
            for i in ids
            if 0 <= i < len(sample)
        ]

    def search(self, config: SearchConfig) -> Found:
        """Where a text stands.

        Raises: DataError for a query that cannot be, or a damaged corpus.
        """
        if self.corpus is not None:
            return _found(open_corpus(self.corpus), self.key, config.model_dump_json())
        assert self.source is not None
        sample = reading.sample_of(self.source).documents
        return search_texts([document.text for document in sample], config)

    def argv(self) -> list[str]:
        """The command line that counts everything."""
        assert self.corpus is not None
        return ["explore", f"--corpus={self.corpus.id}"]

    def job(self) -> Job | None:
        """The newest job that counts this corpus, running or broken off; a done one whose
        profile was deleted since does not count."""
        if self.corpus is None:
            return None
        key = self._job_key()
        newest = next((job for job in jobs.list_jobs(self.workspace) if job.key == key), None)
        return None if newest is not None and newest.status().state == "done" else newest

    def count(self, owner: str) -> Job:
        """Count everything, as a job.

        Raises: JobError or WorkspaceError when it cannot be started.
        """
        assert self.corpus is not None
        return jobs.start(
            self.workspace,
            self.argv(),
            name=tr("Explore {name}").format(name=self.corpus.name)[:80],
            owner=owner,
            key=self._job_key(),
        )

    def _job_key(self) -> str:
        return work_key([*self.argv(), self.key])


_BY_ID: dict[str | type[Any], Callable[[Any], Any]] = {
    Corpus: lambda corpus: corpus.artefact.id,
    Workspace: lambda space: str(space.root),
}


@st.cache_resource(max_entries=24, show_spinner=tr("Counting the first documents"))
def _known_source(config_json: str) -> Known:
    sample = reading.sample_of(SourceConfig.model_validate_json(config_json)).documents
    profile, table = profile_with_table([document.text for document in sample])
    return Known(profile, table, None)


@st.cache_resource(max_entries=12, show_spinner=tr("Counting the text"), hash_funcs=_BY_ID)
def _counted_now(workspace: Workspace, corpus: Corpus, version: str) -> Explored | None:
    del version
    return explore(workspace, corpus)


@st.cache_resource(
    max_entries=6, show_spinner=tr("Looking at documents from all over it"), hash_funcs=_BY_ID
)
def _known_sample(corpus: Corpus, version: str) -> Known:
    del version
    profile, table = sample_profile(corpus)
    return Known(profile, table, None)


@st.cache_resource(max_entries=6, show_spinner=False)
def _table(folder: str, version: str) -> DocumentTable:
    del version
    return DocumentTable.read(Path(folder) / "documents.parquet")


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=_BY_ID)
def _documents(corpus: Corpus, version: str, ids: tuple[int, ...]) -> list[StoredDocument]:
    del version
    return find_documents(corpus, ids)


@st.cache_data(max_entries=100, show_spinner=tr("Searching"), hash_funcs=_BY_ID)
def _found(corpus: Corpus, version: str, config_json: str) -> Found:
    del version
    return search(corpus, SearchConfig.model_validate_json(config_json))


def chosen_ids(table: DocumentTable, wanted: str, order: str) -> NDArray[np.int64]:
    """Ids of the documents that a filter lets through, in that order."""
    return table.ids[table.select(wanted, order)]
