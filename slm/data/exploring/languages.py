"""Which language a document is in: a guess from its beginning.

The guess is that of py3langid (Lui and Baldwin 2012), a naive Bayes model of byte
sequences over 140 languages. Its automaton is walked here for hundreds of documents at a
time, one byte of each per step, which gives the same answers several times faster. Short
texts, names, code and mixed texts are guessed badly; what has fewer than 20 letters, or is
doubtful, is called unknown.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNKNOWN = "und"
EXAMINED_CHARACTERS = 600
MIN_LETTERS = 20
MIN_CONFIDENCE = 0.5
_BATCH = 256


@dataclass(frozen=True)
class _Model:
    moves: NDArray[np.uint32]
    rows: NDArray[np.int64]
    features: NDArray[np.int64]
    table: NDArray[np.float32]
    prior: NDArray[np.float32]
    languages: tuple[str, ...]
    aliases: tuple[tuple[int, int], ...]


@cache
def _model() -> _Model:
    own = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    languages = tuple(own.nb_classes)
    aliases = tuple(
        (languages.index(name), place)
        for place, name in enumerate(languages)
        if languages.index(name) != place
    )
    return _Model(
        moves=np.frombuffer(own.tk_nextmove, own.tk_nextmove.typecode).astype(np.uint32),
        rows=np.array(own.tk_row, np.int64) << 8,
        features=np.array(own.tk_output, np.int64),
        table=np.asarray(own.nb_ptc, np.float32),
        prior=np.asarray(own.nb_pc, np.float32),
        languages=languages,
        aliases=aliases,
    )


def languages_of(texts: Sequence[str]) -> list[str]:
    """The language of each text as an ISO 639 code, or "und" for unknown.

    >>> languages_of(["Der Hund läuft über die Wiese und freut sich sehr.", "42"])
    ['de', 'und']
    """
    found = [UNKNOWN] * len(texts)
    asked = [
        (place, beginning)
        for place, text in enumerate(texts)
        if sum(map(str.isalpha, beginning := text[:EXAMINED_CHARACTERS])) >= MIN_LETTERS
    ]
    asked.sort(key=lambda pair: len(pair[1]))  # texts of a batch end at about the same step
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        guesses = _guess([_encoded(beginning) for _, beginning in batch])
        for (place, _), language in zip(batch, guesses, strict=True):
            found[place] = language
    return found


def _encoded(text: str) -> bytes:
    """As py3langid sees a text."""
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode(errors="surrogatepass")


def _guess(batch: list[bytes]) -> list[str]:
    model = _model()
    scores = _scores(batch, model)
    for first, other in model.aliases:
        scores[:, first] += scores[:, other]
        scores[:, other] = 0
    best = scores.argmax(axis=1)
    sure = scores[np.arange(len(batch)), best] >= MIN_CONFIDENCE
    return [
        model.languages[place] if is_sure else UNKNOWN
        for place, is_sure in zip(best.tolist(), sure.tolist(), strict=True)
    ]


def _scores(batch: list[bytes], model: _Model) -> NDArray[np.float32]:
    """The probability of each language, softened for short texts as py3langid does."""
    lengths = np.array([len(data) for data in batch])
    longest = int(lengths.max())
    padded = np.zeros((longest, len(batch)), np.uint8)  # one row a step
    for column, data in enumerate(batch):
        padded[: len(data), column] = np.frombuffer(data, np.uint8)
    states = np.zeros((longest, len(batch)), np.int64)
    state = np.zeros(len(batch), np.int64)
    for step in range(longest):
        state = model.moves[model.rows[state] + padded[step]]
        states[step] = state
    features = model.features[states]
    features[np.arange(longest)[:, None] >= lengths] = -1
    seen = features >= 0
    if not seen.any():
        return np.zeros((len(batch), len(model.prior)), np.float32)
    number_of = np.zeros(len(model.table), np.int64)  # those that this batch has, from 0
    number_of[features[seen]] = 1
    used = np.flatnonzero(number_of)
    number_of[used] = np.arange(len(used))
    columns = np.broadcast_to(np.arange(len(batch)), features.shape)[seen]
    places = columns * len(used) + number_of[features[seen]]
    counts = np.bincount(places, minlength=len(batch) * len(used)).reshape(len(batch), -1)
    scores: NDArray[np.float32] = (
        np.log1p(counts.astype(np.float32)) @ model.table[used] + model.prior
    )
    scores /= np.sqrt(lengths)[:, None]
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    return scores
