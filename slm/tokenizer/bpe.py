"""Byte-pair encoding as it is explained: join the most frequent pair, and again.

This is the reference. `fast.py` does the same with compiled engines, and tests
hold the two equal, merge by merge and id by id.

A text is first cut into chunks (`patterns.py`), and each chunk into its UTF-8
bytes. Training joins the most frequent pair of neighbours into a new token, counts
anew and repeats. Encoding replays the joins in the order in which they were learned.

Ids: 0 to 255 are the bytes themselves, 256 + i is what merge i made.
Ties: of pairs that are equally frequent the one with the smaller left id wins,
then the one with the smaller right id. Older tokens have smaller ids.

Source: Gage 1994, "A New Algorithm for Data Compression"; for words, Sennrich et al.
2016, algorithm 1; on bytes, Radford et al. 2019, section 2.2.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TypeAlias

from slm.errors import TokenizerError
from slm.tokenizer.patterns import chunks, count_chunks

Piece: TypeAlias = bytes
N_BYTES = 256
END_OF_TEXT = "<|endoftext|>"


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of training: `pair` became the token `bytes`.

    `count` is how often the two stood side by side just then ("aaa" holds "a a"
    twice); None for a tokenizer from elsewhere, where nobody counted.
    """

    pair: tuple[Piece, Piece]
    count: int | None
    bytes: Piece


def train_bpe(
    texts: Iterable[str],
    vocab_size: int,
    special_tokens: Sequence[str] = (END_OF_TEXT,),
    pattern: str = "gpt2",
) -> list[Merge]:
    """The merges that fill a vocabulary of 256 bytes, the merges, and the special tokens.

    >>> [merge.bytes for merge in train_bpe(["hug pug hugs bun"], 261)]
    [b'ug', b'hug', b' b', b' p']

    Raises: TokenizerError when the text has too few pairs for that vocabulary.
    """
    n_merges = merges_wanted(vocab_size, special_tokens)
    merges = list(islice(learn(count_chunks(texts, pattern)), n_merges))
    require_merges(len(merges), n_merges, special_tokens)
    return merges


def learn(chunk_counts: Mapping[str, int]) -> Iterator[Merge]:
    """Merge after merge, until no pair is left.

    Only the chunks that hold the chosen pair are counted anew. Counts of old pairs
    can but fall, so a pair that comes off the heap with its true count is the most
    frequent; one that comes off with an outdated count goes back with the true one.
    """
    token_bytes = [bytes([value]) for value in range(N_BYTES)]
    words = [list(chunk.encode()) for chunk in chunk_counts]
    times = list(chunk_counts.values())
    pair_counts: Counter[tuple[int, int]] = Counter()
    words_with: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for index, word in enumerate(words):
        for pair in pairwise(word):
            pair_counts[pair] += times[index]
            words_with[pair].add(index)
    heap = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(heap)

    while heap:
        queued, best = heapq.heappop(heap)
        count = pair_counts[best]
        if count != -queued:
            if count > 0:
                heapq.heappush(heap, (-count, best))
            continue
        joined = token_bytes[best[0]] + token_bytes[best[1]]
        yield Merge((token_bytes[best[0]], token_bytes[best[1]]), count, joined)
        new_id = len(token_bytes)
        token_bytes.append(joined)
        born: set[tuple[int, int]] = set()
        for index in words_with.pop(best):
            before, after = words[index], join_pair(words[index], best, new_id)
            words[index] = after
            for pair in pairwise(before):
                pair_counts[pair] -= times[index]
            for pair in pairwise(after):
                pair_counts[pair] += times[index]
                if new_id in pair:
                    words_with[pair].add(index)
                    born.add(pair)
        for pair in born:
            heapq.heappush(heap, (-pair_counts[pair], pair))


def join_pair(word: Sequence[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """`word` with `new_id` wherever the pair stood, from left to right.

    >>> join_pair([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    left, right = pair
    joined: list[int] = []
    position, last = 0, len(word) - 1
    while position <= last:
        if position < last and word[position] == left and word[position + 1] == right:
            joined.append(new_id)
            position += 2
        else:
            joined.append(word[position])
            position += 1
    return joined


def encode(text: str, merges: Sequence[Merge], pattern: str = "gpt2") -> list[int]:
    """The ids of the text: every chunk by itself, its pairs joined earliest merge first."""
    ids = token_ids(merges)
    ranks = pair_ids((merge.pair for merge in merges), ids)
    return [
        token_id
        for chunk in chunks(text, pattern)
        for token_id in replay(list(chunk.encode()), ranks)[-1]
    ]


def decode(ids: Iterable[int], merges: Sequence[Merge]) -> str:
    """The text of the ids; bytes that are no UTF-8 become U+FFFD."""
    token_bytes = {token_id: piece for piece, token_id in token_ids(merges).items()}
    return b"".join(token_bytes[token_id] for token_id in ids).decode(errors="replace")


def replay(word: list[int], ranks: Mapping[tuple[int, int], int]) -> list[list[int]]:
    """Every state of a chunk from its bytes to its tokens, one merge applied in each step.

    `ranks` gives for a pair the id of the token that it becomes: the smaller the
    id, the earlier it was learned, and the earlier it is joined.

    >>> replay([1, 2, 3], {(2, 3): 256, (1, 256): 257})
    [[1, 2, 3], [1, 256], [257]]
    """
    states = [word]
    while len(word) > 1:
        new_id, pair = min((ranks.get(pair, _NEVER), pair) for pair in pairwise(word))
        if new_id == _NEVER:
            break
        word = join_pair(word, pair, new_id)
        states.append(word)
    return states


_NEVER = 2**62


def token_ids(merges: Iterable[Merge]) -> dict[Piece, int]:
    """The id of every token: the 256 bytes, then what the merges made, in order."""
    pieces = [bytes([value]) for value in range(N_BYTES)]
    pieces += [merge.bytes for merge in merges]
    return {piece: token_id for token_id, piece in enumerate(pieces)}


def pair_ids(
    pairs: Iterable[tuple[Piece, Piece]], ids: Mapping[Piece, int]
) -> dict[tuple[int, int], int]:
    """For each pair of pieces, as ids, the id of the two joined."""
    return {(ids[left], ids[right]): ids[left + right] for left, right in pairs}


def merges_wanted(vocab_size: int, special_tokens: Sequence[str]) -> int:
    """How many merges fill the vocabulary.

    Raises: TokenizerError when bytes and special tokens alone do not fit.
    """
    smallest = N_BYTES + len(special_tokens)
    if vocab_size < smallest:
        raise TokenizerError(
            f"vocab_size is {vocab_size}; the {N_BYTES} bytes and {len(special_tokens)} special "
            f"tokens need at least {smallest}. Choose {smallest} or more."
        )
    return vocab_size - smallest


def require_merges(found: int, wanted: int, special_tokens: Sequence[str]) -> None:
    """Raises: TokenizerError when the text gave fewer merges than were wanted."""
    if found < wanted:
        given = N_BYTES + found + len(special_tokens)
        asked = N_BYTES + wanted + len(special_tokens)
        raise TokenizerError(
            f"The text gives only {given:,} tokens; vocab_size asks for {asked:,}. "
            f"Choose a vocab_size of {given:,} or less, or add text."
        )
