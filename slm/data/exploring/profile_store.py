"""Profiles kept on disk, so that a large corpus is counted once.

    <workspace>/profiles/<digest of the corpus>/
        profile.json        the numbers of the whole
        documents.parquet   one row a document: see `document_table.py`
        leakage.json        what of the validation text stands in the training text

Derived: deleting the folder loses nothing but time. A read-only corpus has its profile in
the user's workspace too. Profiles of corpora that are gone go when a new one is saved.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from slm import files, locks
from slm.config import Config
from slm.data.corpus import Corpus
from slm.data.exploring.document_table import DocumentTable
from slm.data.exploring.leakage import Leakage, corpus_leakage
from slm.data.exploring.profile import SCHEMA, Profile
from slm.data.exploring.profiling import ReadAgain, profile_with_table
from slm.errors import WorkspaceError
from slm.jobs import Reporter, StageOf, StoppedError, silent
from slm.workspace import Workspace

FOLDER = "profiles"
_PROFILE, _DOCUMENTS, _LEAKAGE = "profile.json", "documents.parquet", "leakage.json"
_LOCK = ".lock"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STAGES = {"counting": 5.0, "leakage": 1.0}


class ExploreConfig(Config):
    """Which corpus to count."""

    corpus: str = Field(description="Name or id of the corpus.")


@dataclass(frozen=True)
class Explored:
    """Everything that is known of a corpus, exactly."""

    profile: Profile
    leakage: Leakage
    folder: Path

    def table(self) -> DocumentTable:
        """The row of each document, read from disk.

        Raises: DataError when it is damaged.
        """
        return DocumentTable.read(self.folder / _DOCUMENTS)


def profile_folder(workspace: Workspace, corpus: Corpus) -> Path:
    """Where the profile of this corpus, as it is now, is kept."""
    return workspace.root / FOLDER / corpus.artefact.manifest.digest


def saved_profile(workspace: Workspace, corpus: Corpus) -> Explored | None:
    """The profile that was made of this corpus; None when there is none that can be read."""
    folder = profile_folder(workspace, corpus)
    try:
        values = files.read_json(folder / _PROFILE)
        if values.get("schema") != SCHEMA:
            return None
        leakage = Leakage.from_json(files.read_json(folder / _LEAKAGE))
        return Explored(Profile.from_json(values), leakage, folder)
    except (WorkspaceError, KeyError, TypeError):
        return None


def explore(workspace: Workspace, corpus: Corpus, report: Reporter = silent) -> Explored | None:
    """The saved profile of a corpus, made first where it is missing; None when stopped.

    Raises:
        DataError: the corpus is damaged.
        WorkspaceError: the disk is full.
    """
    found = saved_profile(workspace, corpus)
    if found is not None:
        return found
    report.plan(_STAGES)
    counting, leaking = StageOf(report, "counting"), StageOf(report, "leakage")
    try:
        profile, table = profile_with_table(
            ReadAgain(corpus.texts), counting, expected=corpus.count
        )
        leakage = corpus_leakage(corpus, leaking)
    except StoppedError:
        report(None, "Stopped; nothing was saved")
        return None
    _save(workspace, corpus, profile, leakage, table)
    report(1.0, f"{profile.documents:,} documents, {profile.words:,} words")
    return saved_profile(workspace, corpus)


def _save(
    workspace: Workspace, corpus: Corpus, profile: Profile, leakage: Leakage, table: DocumentTable
) -> None:
    """Keep what was counted, unless another process has done so meanwhile."""
    folder = profile_folder(workspace, corpus)
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = locks.FileLock(folder.with_suffix(_LOCK))
    if not lock.acquire(patience_seconds=60):
        raise WorkspaceError(
            f"Another program has been saving the profile of {corpus.artefact.name!r} for a "
            "minute. Wait until it has ended, then count again."
        )
    try:
        if saved_profile(workspace, corpus) is not None:
            return
        files.remove_folder(folder)
        fields = {"schema": SCHEMA, "corpus": corpus.artefact.id}
        with files.commit_folder(folder, fields) as staging:
            files.write_json(staging / _PROFILE, profile.to_json(), checked=True)
            files.write_json(staging / _LEAKAGE, leakage.to_json(), checked=True)
            table.write(staging / _DOCUMENTS)
        _remove_stale(workspace, folder)
    finally:
        lock.release()


def _remove_stale(workspace: Workspace, new: Path) -> None:
    """Remove the profiles of corpora that are no longer there."""
    needed = {corpus.manifest.digest for corpus in workspace.corpora.list()} | {new.name}
    for path in list(new.parent.iterdir()):
        if _DIGEST.fullmatch(path.stem) and path.stem not in needed and not _is_saved_now(path):
            if path.suffix == _LOCK:
                path.unlink(missing_ok=True)
            else:
                files.remove_folder(path)


def _is_saved_now(path: Path) -> bool:
    return locks.is_held(path.with_suffix(_LOCK))
