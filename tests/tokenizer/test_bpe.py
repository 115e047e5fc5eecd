"""The readable BPE, worked by hand."""

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import TokenizerError
from slm.tokenizer import bpe
from slm.tokenizer.bpe import Merge, learn, replay, train_bpe
from slm.tokenizer.patterns import count_chunks

BELLS = "ding ding dong dong dong sing song"
"""Chunks: "ding" once, " ding" once, " dong" three times, " sing" and " song" once each.

Pairs at first: "n g" 7, " d" 4, "o n" 4 (3 dong + song), "d o" 3, "i n" 3, "d i" 2, …
"""


def test_the_first_merges_worked_by_hand():
    """ng (7) comes first. Then " d", "o ng" at 4 each: the space (32) is the older left token."""
    merges = train_bpe([BELLS], 256 + 3, special_tokens=())
    assert merges == [
        Merge((b"n", b"g"), 7, b"ng"),
        Merge((b" ", b"d"), 4, b" d"),
        Merge((b"o", b"ng"), 4, b"ong"),
    ]


def test_ties_go_to_the_smaller_left_id_and_then_to_the_smaller_right_id():
    """Each pair stands once; by bytes "ab" < "ca" < "cb"."""
    merges = train_bpe(["cb", "ca", "ab"], 256 + 3, special_tokens=())
    assert [merge.bytes for merge in merges] == [b"ab", b"ca", b"cb"]


def test_a_learned_token_is_younger_than_every_byte():
    """After "a b" (2) the pairs "c d" and "X e" stand once each, X = 256 being the larger."""
    merges = train_bpe(["abe", "ab", "cd"], 256 + 3, special_tokens=())
    assert [merge.bytes for merge in merges] == [b"ab", b"cd", b"abe"]


def test_overlapping_pairs_are_all_counted_but_joined_from_the_left():
    """ "aaaaa" holds "a a" 4 times and becomes "aa aa a"; then "aa a" and "aa aa" once each."""
    merges = train_bpe(["aaaaa"], 256 + 2, special_tokens=())
    assert merges == [Merge((b"a", b"a"), 4, b"aa"), Merge((b"aa", b"a"), 1, b"aaa")]


def test_a_chunk_is_replayed_earliest_merge_first():
    """With "b c" learned before "a b", "abc" keeps its a."""
    b, c = ord("b"), ord("c")
    states = replay(list(b"abc"), {(b, c): 256, (ord("a"), b): 257})
    assert states == [[97, 98, 99], [97, 256]]


def test_encoding_worked_by_hand():
    """ " dongs" is " d" + "ong" + "s"; "song" is "s" + "ong"."""
    merges = train_bpe([BELLS], 256 + 3, special_tokens=())
    assert bpe.encode("song dongs", merges) == [ord("s"), 258, 257, 258, ord("s")]
    assert bpe.decode([257, 258], merges) == " dong"


def test_a_chunk_is_never_joined_with_its_neighbour():
    """ "ab" stands only across the cut between a letter and a sign."""
    merges = list(learn(count_chunks(["a-a-a-"])))
    assert merges == []


def test_learning_goes_on_until_no_pair_is_left():
    merges = list(learn({"abcd": 1}))
    assert merges[-1].bytes == b"abcd"
    assert len(merges) == 3


@pytest.mark.parametrize(
    ("vocab_size", "sentence"),
    [(256, "need at least 257. Choose 257 or more"), (999, "only 260 tokens; .* 260 or less")],
)
def test_a_vocabulary_that_cannot_be_is_refused_with_the_remedy(vocab_size, sentence):
    """256 bytes + end of text + 3 merges of "abcd"."""
    with pytest.raises(TokenizerError, match=sentence):
        train_bpe(["abcd"], vocab_size)


def test_a_pattern_that_is_not_published_is_refused():
    with pytest.raises(TokenizerError, match=r"'\(a\+\)\+\$'; choose one of: gpt2, gpt4"):
        train_bpe(["abcd"], 257, pattern="(a+)+$")


@given(st.lists(st.text(alphabet="ab -\n", max_size=40), max_size=5))
def test_the_heap_finds_what_counting_everything_anew_would_find(texts):
    """Against the definition: count all pairs, take the most frequent, smallest ids first."""
    words = [(list(chunk.encode()), n) for chunk, n in count_chunks(texts).items()]
    token_bytes = [bytes([value]) for value in range(256)]
    expected = []
    while len(expected) < 12:
        counts = {}
        for word, times in words:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + times
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        pair = (token_bytes[best[0]], token_bytes[best[1]])
        expected.append(Merge(pair, counts[best], b"".join(pair)))
        words = [(bpe.join_pair(word, best, len(token_bytes)), n) for word, n in words]
        token_bytes.append(b"".join(pair))
    assert list(islice(learn(count_chunks(texts)), 12)) == expected


@given(st.text())
def test_any_text_comes_back(text):
    merges = train_bpe([BELLS], 256 + 3, special_tokens=())
    assert bpe.decode(bpe.encode(text, merges), merges) == text
