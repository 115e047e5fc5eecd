"""The merge replay ready to draw: every stage of a text as a few rows of numbers.

Knows neither Streamlit nor files. The browser goes from stage to stage by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm.tokenizer.bpe import N_BYTES, Merge
from slm.tokenizer.replay import MAX_CHARACTERS, Replay
from ui.texts import tr
from ui.view_models.chips import visible

MOST_LISTED = 60_000  # with more merges than this only those that touch the text are sent
_MOST_WORDS = 6


@dataclass(frozen=True)
class ReplayView:
    """Merges and joins as the browser needs them.

    A stage is a place in the list of merges: at stage s the first s listed merges are known.
    Pieces are numbered: 0 to 255 the bytes, 256 + i what listed merge i made.

    texts      of every piece, as chips show it
    numbers_K  of the listed merges, from 1 in order of learning; all of them, or those that
               touch the text
    pairs_K2   the pieces that each joined
    counts_K   how often its pair stood in the training text then; -1 where nobody counted
    joins_J3   stage, first byte and last byte + 1 of each join in the text, by stage and place
    middles_J  the cut that each join closed
    chunks     where no merge joins across, the text's first byte too
    words      frequent words of the corpus that became one token, by stage
    """

    data: bytes
    n_merges: int
    texts: tuple[str, ...]
    numbers_K: NDArray[np.int64]
    pairs_K2: NDArray[np.int64]
    counts_K: NDArray[np.int64]
    joins_J3: NDArray[np.int64]
    middles_J: NDArray[np.int64]
    chunks: tuple[int, ...]
    words: Mapping[int, tuple[str, ...]]

    @property
    def all_listed(self) -> bool:
        """Whether every merge can be stepped to, not only those that touch the text."""
        return len(self.numbers_K) == self.n_merges


def replay_view(
    story: Replay, merges: Sequence[Merge], whole_at: Mapping[bytes, int] | None = None
) -> ReplayView:
    """The replay of a text. `whole_at` tells frequent words and the merge that completed each."""
    if len(merges) <= MOST_LISTED:
        numbers = list(range(1, len(merges) + 1))
    else:
        numbers = sorted({join.number for join in story.joins})
    stage_of = {number: stage for stage, number in enumerate(numbers, start=1)}
    listed = [merges[number - 1] for number in numbers]
    piece_of = {bytes([value]): value for value in range(N_BYTES)}
    for stage, merge in enumerate(listed):
        piece_of.setdefault(merge.bytes, N_BYTES + stage)
    words: dict[int, list[str]] = {}
    for word, number in (whole_at or {}).items():
        if number in stage_of and len(words.setdefault(stage_of[number], [])) < _MOST_WORDS:
            words[stage_of[number]].append(visible(word))
    return ReplayView(
        data=story.data,
        n_merges=story.n_merges,
        texts=(
            *(visible(bytes([value])) for value in range(N_BYTES)),
            *(visible(merge.bytes) for merge in listed),
        ),
        numbers_K=np.array(numbers, dtype=np.int64),
        pairs_K2=_rows([(piece_of[m.pair[0]], piece_of[m.pair[1]]) for m in listed], 2),
        counts_K=np.array([-1 if m.count is None else m.count for m in listed], dtype=np.int64),
        joins_J3=_rows([(stage_of[j.number], j.start, j.end) for j in story.joins], 3),
        middles_J=np.array([join.middle for join in story.joins], dtype=np.int64),
        chunks=story.chunk_starts,
        words={stage: tuple(found) for stage, found in words.items()},
    )


def _rows(rows: Sequence[tuple[int, ...]], width: int) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64).reshape(-1, width)


def shortened(text: str) -> tuple[str, str]:
    """The text as far as it is replayed, and what to say about the rest.

    >>> shortened("short")
    ('short', '')
    """
    if len(text) <= MAX_CHARACTERS:
        return text, ""
    note = tr(
        "The first {max_characters:,} of {n_text:,} characters are "
        "replayed, so that every stage can be drawn at once."
    ).format(max_characters=MAX_CHARACTERS, n_text=len(text))
    return text[:MAX_CHARACTERS], note


def frequent_words(counts: Mapping[str, int], most: int = 600) -> list[bytes]:
    """The most frequent chunks that hold a letter, the most frequent first.

    >>> frequent_words({" the": 9, ".": 12, "a": 3})
    [b' the', b'a']
    """
    lettered = [chunk for chunk in counts if any(letter.isalpha() for letter in chunk)]
    return [word.encode() for word in sorted(lettered, key=lambda w: (-counts[w], w))[:most]]
