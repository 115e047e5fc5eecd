"""Ids behind the vocabulary, which models have and tokenizers do not."""

import pytest

from slm.errors import TokenizerError
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.padded import PaddedTokenizer, fitted


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["é é é é"], vocab_size=259)


def test_texts_are_cut_as_before(tokenizer):
    padded = PaddedTokenizer(tokenizer, 270)
    assert padded.encode_with_spans("é ab") == tokenizer.encode_with_spans("é ab")
    assert padded.decode(padded.encode("é ab")) == "é ab"
    assert padded.eos_id == tokenizer.eos_id


def test_an_id_without_a_token_is_shown_by_its_number(tokenizer):
    padded = PaddedTokenizer(tokenizer, 270)
    assert padded.token_bytes(269).decode() == "⟨id 269⟩"
    with pytest.raises(TokenizerError):
        padded.token_bytes(270)


def test_in_a_stream_it_ends_a_character_that_was_never_finished(tokenizer):
    """The first byte of é, then such an id: the byte becomes U+FFFD, as at a text's end."""
    first = next(i for i in range(259) if tokenizer.token_bytes(i) == b"\xc3")
    stream = PaddedTokenizer(tokenizer, 270).decoder()
    assert (stream.push(first), stream.push(265), stream.flush()) == ("", "\ufffd⟨id 265⟩", "")


def test_a_tokenizer_that_fits_stays_itself(tokenizer, tmp_path):
    assert fitted(tokenizer, 259) is tokenizer
    fitted(tokenizer, 300).save(tmp_path)
    assert load_tokenizer(tmp_path).vocab_size == 259
