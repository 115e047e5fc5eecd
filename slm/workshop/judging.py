"""The server measures a model that takes part in a challenge: on the same documents for all.

Each model reads the documents in its own tokens, in windows as long as its context; the bits
that it needs are shared out over the same bytes. One model is judged at a time, so that thirty
who hand in at once do not fill the memory.
"""

import time
from collections.abc import Iterator

from slm import locks
from slm.data.corpus import open_corpus
from slm.data.sources import Document
from slm.errors import CheckpointError, DataError, DivergedError, JobError, NoMemoryError
from slm.evaluation.perplexity import evaluate
from slm.jobs import Reporter, silent
from slm.lab.judged_text import JudgedText, encode_text
from slm.lab.reports import open_run
from slm.tokenizer.protocol import TextTokenizer
from slm.workshop import challenges, room
from slm.workshop.challenges import Challenge, Try
from slm.workspace import Workspace

_TURN_SECONDS = 900.0
_LOOK_SECONDS = 0.3


def judge(workspace: Workspace, challenge_id: str, one: Try, report: Reporter = silent) -> Try:
    """Measure a try that was taken in, and write down the figure; gives it with its verdict.

    A model that cannot be measured is written down with the reason.

    Raises: JobError when others are judged for too long; WorkspaceError when the corpus or the
    run is gone; StoppedError never: asked to stop, the try waits on.
    """
    if one.state == "judged":
        return one
    challenge = challenges.read_challenge(workspace, challenge_id)
    lock = locks.FileLock(room.folder(workspace) / "judging.lock")
    if not _take_turn(lock, report):
        return one
    try:
        bits = _measure(workspace, challenge, one, report)
    except (CheckpointError, DivergedError, NoMemoryError, DataError) as error:
        return challenges.keep_verdict(workspace, challenge_id, one, None, str(error))
    finally:
        lock.release()
    if bits is None:
        return one
    return challenges.keep_verdict(workspace, challenge_id, one, bits)


def judged_text(workspace: Workspace, challenge: Challenge, tokenizer: TextTokenizer) -> JudgedText:
    """The held-out documents of the challenge in a model's tokens: whole ones, up to its size.

    Raises: WorkspaceError when the corpus is gone; DataError when it is another one now.
    """
    corpus = workspace.corpora.get(challenge.corpus_id)
    if corpus.manifest.digest != challenge.corpus_sha256:
        raise DataError(f"{corpus.name!r} was changed since the challenge began. Begin another.")
    texts = open_corpus(corpus).texts("val")
    documents = _first_documents(texts, challenge.config.judged_kilobytes * 1_000)
    return encode_text(corpus.name, documents, tokenizer, keep_empty=True)


def _first_documents(texts: Iterator[str], n_bytes: int) -> Iterator[Document]:
    """Whole documents until so many bytes are full; one at least."""
    taken = 0
    for text in texts:
        yield Document(text, "")
        taken += len(text.encode("utf-8", "replace"))
        if taken >= n_bytes:
            return


def _measure(
    workspace: Workspace, challenge: Challenge, one: Try, report: Reporter
) -> float | None:
    opened = open_run(workspace.runs.get(one.run))
    if opened.step != one.step:
        raise DataError(
            f"The run was at step {one.step:,} when it was handed in; what is sound of it now is "
            f"at step {opened.step:,}. Hand it in again."
        )
    report(0.05, "reading the held-out text")
    text = judged_text(workspace, challenge, opened.tokenizer)
    found = evaluate(opened.model, text.ids, n_bytes=text.n_bytes, report=report)
    if report.should_stop():
        return None
    return found.bits_per_byte


def _take_turn(lock: locks.FileLock, report: Reporter) -> bool:
    """Wait until no other model is judged; False when asked to stop."""
    deadline = time.monotonic() + _TURN_SECONDS
    while not lock.acquire():
        if report.should_stop():
            return False
        if time.monotonic() > deadline:
            raise JobError("Others are judged for too long. Hand the model in again.")
        report(0.0, "waiting: another model is judged just now")
        time.sleep(_LOOK_SECONDS)
    return True
