"""A first picture of a corpus in about two seconds, from documents all over it.

The whole is counted by `profile_store.explore`; this says of itself what share it saw.
"""

import time
from collections.abc import Iterator

import numpy as np

from slm.data.corpus import Corpus
from slm.data.exploring.document_table import DocumentTable
from slm.data.exploring.lookup import random_documents
from slm.data.exploring.profile import Profile
from slm.data.exploring.profiling import profile_with_table

SAMPLE_CHARACTERS = 600_000
_READING_SHARE = 0.3  # of the time; counting takes the rest


def sample_profile(
    corpus: Corpus, *, seconds: float = 2.0, characters: int = SAMPLE_CHARACTERS, seed: int = 0
) -> tuple[Profile, DocumentTable]:
    """The profile of some documents of the corpus, and their rows.

    At most so many characters, and no more reading when its part of the time is over.
    Its `sampled_from` is None when these were all the documents.

    Raises: DataError when the corpus is damaged.
    """
    read = sorted(_while_time_lasts(corpus, seconds * _READING_SHARE, characters, seed))
    ids = np.array([each for each, _ in read], np.int64)
    return profile_with_table(
        [text for _, text in read],
        ids=ids,
        sampled_from=corpus.count if len(read) < corpus.count else None,
    )


def _while_time_lasts(
    corpus: Corpus, seconds: float, characters: int, seed: int
) -> Iterator[tuple[int, str]]:
    deadline = time.monotonic() + seconds
    given = 0
    for document, text in random_documents(corpus, seed):
        yield document, text
        given += len(text)
        if given >= characters or time.monotonic() > deadline:
            return
