"""Every stage of a text equals what the readable tokenizer makes of it with fewer merges."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import TokenizerError
from slm.tokenizer import bpe
from slm.tokenizer.bpe import train_bpe
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.patterns import chunks
from slm.tokenizer.replay import Join, replay, replay_text, whole_at

HUGS = "hug pug hugs bun"
LEARNED = train_bpe(["hug pug hugs bun", "aaaa aaaaaa baab", "日本 日本語 é é"], 280)


def test_the_worked_example_of_the_chapter():
    """Merges "ug", "hug", " b", " p": "hugs" is h u g s, then h ug s, then hug s."""
    merges = train_bpe([HUGS], 261)
    story = replay([b"hugs"], merges)
    assert story.joins == (Join(1, 1, 2, 3), Join(2, 0, 1, 3))
    assert [story.pieces(n) for n in (0, 1, 2, 4)] == [
        [b"h", b"u", b"g", b"s"],
        [b"h", b"ug", b"s"],
        [b"hug", b"s"],
        [b"hug", b"s"],
    ]
    assert story.closed_by.tolist() == [0, 2, 1, 0]


@given(text=st.text(alphabet="ab hugps\n日本語é🦊", max_size=40) | st.text(max_size=30))
def test_every_stage_is_what_the_readable_tokenizer_makes(text):
    tokenizer = Tokenizer.from_learned(LEARNED)
    story = replay_text(tokenizer, LEARNED, text)
    token_bytes = {i: piece for piece, i in bpe.token_ids(LEARNED).items()}
    for n_merges in range(len(LEARNED) + 1):
        ids = bpe.encode(text, LEARNED[:n_merges])
        assert story.pieces(n_merges) == [token_bytes[i] for i in ids]


@given(text=st.text(alphabet="ab ", max_size=60))
def test_joins_come_in_order_and_each_closes_a_cut_of_its_own(text):
    story = replay([chunk.encode() for chunk in chunks(text)], LEARNED)
    assert all(a.number <= b.number for a, b in pairwise(story.joins))
    assert len({join.middle for join in story.joins}) == len(story.joins)
    assert not {join.middle for join in story.joins} & set(story.chunk_starts)


def test_a_word_is_whole_at_the_merge_that_completes_it():
    """ "hug" by merge 2 in both of its places; " pug" and " bun" never."""
    merges = train_bpe([HUGS], 261)
    story = replay([b"hug", b" pug", b"hug"], merges)
    assert story.whole_chunks(2) == [b"hug", b"hug"]
    assert story.whole_chunks(1) == []
    assert whole_at([b"hug", b" pug", b"ug", b"x"], merges) == {b"hug": 2, b"ug": 1}


def test_a_word_of_two_thousand_letters_is_cut_too():
    story = replay([b"a" * 2_000, b"aab" * 2_000], LEARNED)
    assert story.starts(0) == list(range(8_000))


def test_no_text_has_one_empty_stage():
    story = replay([], LEARNED)
    assert story.pieces(0) == story.pieces(5) == []


def test_what_joins_no_bytes_is_told_in_a_sentence():
    characters = CharacterTokenizer.train([HUGS])
    with pytest.raises(TokenizerError, match="no merges to replay"):
        replay_text(characters, (), HUGS)


@pytest.fixture()
def accented(tmp_path):
    """A published kind: byte letters, with Unicode brought to NFC first, digits one by one."""
    Tokenizer.train(["hé hé ab ab 123 123"], 264, pattern="gpt4").save(tmp_path)
    values = json.loads((tmp_path / "tokenizer.json").read_text())
    values["normalizer"] = {"type": "NFC"}
    split = values["pre_tokenizer"]["pretokenizers"][0]
    split["pattern"]["Regex"] = split["pattern"]["Regex"].replace(r"\p{N}{1,3}", r"\p{N}")
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    return load_tokenizer(tmp_path)


def test_a_published_byte_level_tokenizer_is_replayed_with_its_own_cuts(accented):
    assert accented.kind == "imported" and len(accented.merges) == 7
    story = replay_text(accented, accented.merges, "hé 12")
    assert story.pieces(7) == [accented.token_bytes(i) for i in accented.encode("hé 12")]
    assert story.chunk_starts == (0, 3, 4, 5)
    with pytest.raises(TokenizerError, match="changes the text"):
        replay_text(accented, accented.merges, "e\u0301")
