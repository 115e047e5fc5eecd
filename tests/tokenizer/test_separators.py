"""What stands between documents, and that token files are told apart by it."""

import numpy as np
import pytest

from slm.data.batches import TokenFile
from slm.data.corpus import PrepareConfig, open_corpus, prepare_corpus
from slm.tokenizer.encoding import TokenizeConfig, encode_corpus, tokens_for, train_tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.separators import matching_tokens, separator_ids, separator_of
from slm.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def corpus(workspace):
    return prepare_corpus(workspace, PrepareConfig(name="tales", documents=40)).artefact


@pytest.fixture(scope="module")
def tokenizer(workspace, corpus):
    return train_tokenizer(workspace, TokenizeConfig(corpus="tales", vocab_size=400))


@pytest.mark.parametrize(
    ("separator", "between"), [("end_of_text", None), ("blank_line", "\n\n"), ("none", "")]
)
def test_each_document_is_followed_by_the_separator(
    workspace, corpus, tokenizer, separator, between
):
    engine = load_tokenizer(tokenizer.folder)
    tokens = encode_corpus(workspace, corpus, tokenizer, separator=separator)
    ids = TokenFile(tokens.folder / "train.bin").ids().tolist()
    texts = list(open_corpus(corpus).texts("train"))
    marked = between is None
    behind = [engine.eos_id] if marked else engine.encode(between)
    assert ids == [id for text in texts for id in (*engine.encode(text), *behind)]
    assert tokens.details["separator"] == separator == separator_of(tokens)
    assert tokens.details["document_end"] == (engine.eos_id if marked else None)
    assert tokens.details["train"]["tokens"] == len(ids)


def test_token_files_are_found_again_by_their_separator(workspace, corpus, tokenizer):
    made = {s: tokens_for(workspace, corpus, tokenizer, separator=s) for s in ("none", None)}
    assert made["none"].id != made[None].id
    for separator, tokens in made.items():
        assert tokens_for(workspace, corpus, tokenizer, separator=separator).id == tokens.id
    found = matching_tokens(workspace.tokens.list(), corpus, tokenizer, "end_of_text")
    assert found.id == made[None].id


def test_a_tokenizer_remembers_the_separator_that_it_was_trained_to_go_with(workspace, corpus):
    config = TokenizeConfig(corpus="tales", vocab_size=300, separator="blank_line")
    trained = train_tokenizer(workspace, config)
    assert separator_of(trained) == "blank_line"
    assert tokens_for(workspace, corpus, trained).details["document_end"] is None


def test_token_files_from_before_there_was_a_choice_have_the_special_token(
    workspace, corpus, tokenizer
):
    parents = {"corpus": corpus, "tokenizer": tokenizer}
    with workspace.tokens.create("old", parents=parents) as draft:
        TokenFile.write(draft.folder / "train.bin", [np.arange(9)], 400)
    assert separator_of(workspace.tokens.get(draft.id)) == "end_of_text"
    newest = matching_tokens(workspace.tokens.list(), corpus, tokenizer, "end_of_text")
    assert newest.id == draft.id


def test_a_vocabulary_without_a_special_token_marks_nothing(tokenizer):
    class Bare:
        eos_id = None

        def encode(self, text):
            return [ord(character) for character in text]

    assert separator_ids(Bare(), "end_of_text") == separator_ids(Bare(), "none") == []
    assert separator_ids(Bare(), "blank_line") == [10, 10]
