"""The character tokenizer, by the same rules as the others."""

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import TokenizerError
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.loading import load_tokenizer

HELLO = CharacterTokenizer.train(["hello", "wörld\n"])
"""Ids: \\n 0, d 1, e 2, h 3, l 4, o 5, r 6, w 7, ö 8, unknown 9, end of text 10."""


def test_ids_are_the_order_of_code_points():
    assert HELLO.encode("hold\n") == [3, 5, 4, 1, 0]
    assert (HELLO.vocab_size, HELLO.eos_id) == (11, 10)


def test_a_character_never_seen_becomes_the_unknown_one_and_keeps_its_place():
    ids, spans = HELLO.encode_with_spans("h€ö")
    assert ids == [3, 9, 8]
    assert spans == [(0, 1), (1, 4), (4, 6)]
    assert HELLO.decode(ids) == "h\ufffdö"


@given(st.text(alphabet="helowörd\n"))
def test_text_of_known_characters_comes_back(text):
    assert HELLO.decode(HELLO.encode(text)) == text


@given(text=st.text())
def test_the_saved_file_gives_the_same_ids_in_tokenizers(text, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "characters"
    HELLO.save(folder)
    peer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert peer.encode(text).ids == HELLO.encode(text)
    assert peer.token_to_id("<|endoftext|>") == HELLO.eos_id


def test_saving_and_loading_keeps_ids(tmp_path):
    HELLO.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert loaded.kind == "characters"
    assert loaded.encode("world €") == HELLO.encode("world €")
    assert loaded.eos_id == 10


def test_a_stream_says_what_decoding_says():
    stream = HELLO.decoder(after=[3])
    assert [stream.push(8), stream.push(10), stream.flush()] == ["ö", "<|endoftext|>", ""]


def test_no_text_and_foreign_ids_are_refused():
    with pytest.raises(TokenizerError, match="no characters"):
        CharacterTokenizer.train([])
    with pytest.raises(TokenizerError, match="Id 11 is not in this vocabulary of 11"):
        HELLO.decode([11])


@pytest.mark.parametrize(
    ("old", "new"),
    [('"h": 3', '"h": 30'), ('"h"', '"hh"'), ("WordLevel", "BPE"), ('"\\ufffd": 9', '"x": 9')],
)
def test_a_damaged_file_is_refused(old, new, tmp_path):
    HELLO.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(TokenizerError):
        CharacterTokenizer.load(tmp_path)
