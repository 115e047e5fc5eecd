"""Documents as ids, from token files or encoded on the spot: the same either way."""

import numpy as np
import pytest

from slm.data.corpus import PrepareConfig, open_corpus, prepare_corpus
from slm.errors import DataError
from slm.tokenizer import documents as module
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.documents import (
    encode_documents,
    filled_share,
    training_documents,
    training_size,
)
from slm.tokenizer.encoding import TokenizeConfig, tokens_for, train_tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.workspace import Workspace

LETTERS = CharacterTokenizer.train(["abc\n"])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("workspace"))


@pytest.mark.parametrize("max_tokens", [None, 1_000])
def test_stored_and_encoded_documents_are_the_same(workspace, max_tokens):
    corpus = prepare_corpus(workspace, PrepareConfig(name="tales", documents=30)).artefact
    tokenizer = train_tokenizer(workspace, TokenizeConfig(corpus="tales", vocab_size=300))
    engine = load_tokenizer(tokenizer.folder)

    def documents():
        return training_documents(workspace, corpus, tokenizer, engine, max_tokens=max_tokens)

    encoded = documents()
    tokens = tokens_for(workspace, corpus, tokenizer)
    stored = documents()
    assert stored.ids_N.tolist() == encoded.ids_N.tolist()
    assert stored.lengths_D.tolist() == encoded.lengths_D.tolist()
    assert (stored.whole, encoded.whole) == ((max_tokens is None,) * 2)
    assert stored.marked and encoded.marked
    if max_tokens is None:
        assert stored.lengths_D.size == open_corpus(corpus).counts("train")["documents"]
        assert stored.ids_N.size == tokens.details["train"]["tokens"]
    else:
        assert stored.ids_N.size == stored.lengths_D.sum() == 1_000


@pytest.mark.parametrize(
    ("separator", "lengths", "marked"),
    [("end_of_text", [4, 2], True), ("blank_line", [5, 3], False), ("none", [3, 1], False)],
)
def test_lengths_count_the_separator(separator, lengths, marked):
    found = encode_documents(["abc", "a"], LETTERS, separator)
    assert found.lengths_D.tolist() == lengths
    assert (found.marked, found.whole, found.n_between) == (marked, True, lengths[1] - 1)


def test_a_window_is_what_is_read_and_one_more_that_is_asked_for():
    found = encode_documents(["abc", "cab"], LETTERS, "end_of_text")
    layout = found.lay_out(3, "one_document")
    first = LETTERS.encode("abc")
    assert found.window(layout, 0).tolist() == [*first, LETTERS.eos_id]
    assert found.window(layout, 1).tolist() == [LETTERS.eos_id, *LETTERS.encode("cab")]


def test_only_windows_of_one_document_have_places_without_a_token():
    """abc asks for 3 ids, its end for the 2 of a: two windows of 3, of whose 6 places 5 are filled.

    Nothing is read for windows that are never padded.
    """
    found = encode_documents(["abc", "a"], LETTERS, "end_of_text")
    assert filled_share(lambda: found, 3, "one_document") == pytest.approx(5 / 6)

    def unread():
        raise AssertionError("nothing is padded")

    assert filled_share(unread, 3, "packed") == filled_share(unread, 3, "documents") == 1


def test_a_text_longer_than_what_is_wanted_is_not_read_to_its_end():
    class Counting(CharacterTokenizer):
        def encode_batch(self, texts):
            assert max(map(len, texts)) <= 16 * 10
            return super().encode_batch(texts)

    counting = Counting.train(["ab"])
    found = encode_documents(["ab" * 10_000], counting, "end_of_text", max_tokens=10)
    assert found.ids_N.size == 10 and not found.whole


def test_no_text_is_told():
    with pytest.raises(DataError, match="no document"):
        encode_documents([], LETTERS, "none")
    assert np.all(encode_documents([""], LETTERS, "end_of_text").ids_N == LETTERS.eos_id)


def test_a_corpus_without_token_files_is_judged_by_its_first_documents(workspace, monkeypatch):
    corpus = prepare_corpus(workspace, PrepareConfig(name="more", documents=300)).artefact
    tokenizer = train_tokenizer(workspace, TokenizeConfig(corpus="more", vocab_size=300))
    engine = load_tokenizer(tokenizer.folder)
    exact = training_size(workspace, corpus, tokenizer, engine)
    assert exact.counted
    for wanted, tolerance in ((5_000, 0.05), (30, 0.4)):  # the second is in the first document
        monkeypatch.setattr(module, "_SIZED_TOKENS", wanted)
        judged = training_size(workspace, corpus, tokenizer, engine)
        assert not judged.counted
        assert judged.tokens == pytest.approx(exact.tokens, rel=tolerance)
    tokens = tokens_for(workspace, corpus, tokenizer)
    counted = training_size(workspace, corpus, tokenizer, engine)
    assert (counted.tokens, counted.counted) == (tokens.details["train"]["tokens"], True)
    assert counted.tokens == exact.tokens and counted.bytes == corpus.details["train"]["bytes"]
