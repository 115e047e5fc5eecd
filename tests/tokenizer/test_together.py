"""Many texts at once: as if each had been encoded by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.tokenizer import engines
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.engines import _MARK
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.patterns import PATTERNS
from slm.tokenizer.together import Tally, encode_together, id_blocks, with_ends

TEXT = "It wasn't 1859 yet.\n\n    naïve café — 日本語 🙂🙂\n" * 4
PIECES = st.sampled_from([*" \n'a1é日🙂", "\ud800", "\uffff", "\ufffe", _MARK, "  ", "it's"])
TEXTS = st.lists(st.lists(PIECES, max_size=12).map("".join) | st.text(), max_size=8)
ABC = [(b"a", b"b"), (b"ab", b"c")]
BACKWARDS = {**{bytes([v]): 2 + v for v in range(256)}, b"ab": 259, b"abc": 258}


class NotTogether:
    """A tokenizer that only knows lists, as imported ones do."""

    def __init__(self, inner):
        self.encode_batch = inner.encode_batch


TOKENIZERS = {
    **{name: Tokenizer.train([TEXT], 300, pattern=name) for name in PATTERNS},
    "bytes": Tokenizer.from_learned([]),
    "characters": CharacterTokenizer.train([TEXT]),
    "ids in another order": Tokenizer.from_merges(BACKWARDS, ABC),
    "lists": NotTogether(Tokenizer.train([TEXT], 300)),
}


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(texts=TEXTS)
def test_the_row_is_what_the_texts_give_one_by_one(kind, texts):
    tokenizer = TOKENIZERS[kind]
    ids, lengths = encode_together(tokenizer, texts)
    rows = tokenizer.encode_batch(texts)
    assert ids.dtype == np.uint32
    assert ids.tolist() == [token for row in rows for token in row]
    assert lengths == [len(row) for row in rows]
    if hasattr(tokenizer, "encode"):
        assert rows == [tokenizer.encode(text) for text in texts]


def test_vast_blanks_in_one_of_many_texts(monkeypatch):
    monkeypatch.setattr(engines, "_BLANK_BLOCK", 10)
    tokenizer = TOKENIZERS["gpt2"]
    texts = ["ab", " " * 50, TEXT]
    ids, lengths = encode_together(tokenizer, texts)
    assert ids.tolist() == [token for text in texts for token in tokenizer.encode(text)]
    assert len(lengths) == 3


@pytest.mark.parametrize(
    ("end", "expected"),
    [([], [1, 2, 3]), ([9], [1, 2, 9, 9, 3, 9]), ([8, 9], [1, 2, 8, 9, 8, 9, 3, 8, 9])],
)
def test_ends_stand_behind_each_text_also_behind_an_empty_one(end, expected):
    assert with_ends(np.array([1, 2, 3], np.uint32), [2, 0, 1], end).tolist() == expected


@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_come_in_order_and_are_counted(threads, monkeypatch):
    monkeypatch.setattr("slm.tokenizer.together._BLOCK_CHARACTERS", 20)
    tokenizer = TOKENIZERS["gpt4"]
    texts = [f"{number} 日本 " * (number % 5) for number in range(40)]
    tally = Tally()
    found = list(id_blocks(iter(texts), tokenizer, [299], tally, threads=threads))
    expected = [token for text in texts for token in [*tokenizer.encode(text), 299]]
    assert len(found) > 10 and np.concatenate(found).tolist() == expected
    assert tally == Tally(40, sum(len(text.encode()) for text in texts), len(expected))
