"""From a corpus to token files, in a real workspace."""

import numpy as np
import pytest

from slm.data.batches import TokenFile
from slm.data.corpus import PrepareConfig, open_corpus, prepare_corpus
from slm.errors import ConfigError, TokenizerError
from slm.tokenizer import together
from slm.tokenizer.encoding import (
    TokenizeConfig,
    encode_corpus,
    newest_tokenizer,
    tokens_for,
    train_tokenizer,
)
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.statistics import compression
from slm.workspace import Workspace


class Watcher:
    """A reporter that keeps what it hears, and stops after so many reports."""

    def __init__(self, stop_after=10**9):
        self.heard, self.facts, self.stop_after = [], {}, stop_after

    def __call__(self, fraction, message="", *, stage=None, **facts):
        self.heard.append((fraction, message))
        self.facts |= facts

    def plan(self, stages):
        return

    def should_stop(self):
        return len(self.heard) >= self.stop_after


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def corpus(workspace):
    config = PrepareConfig(source="tales", name="tales", documents=60)
    return prepare_corpus(workspace, config).artefact


@pytest.fixture(scope="module")
def tokenizer(workspace, corpus):
    return train_tokenizer(workspace, TokenizeConfig(corpus="tales", vocab_size=400))


@pytest.fixture(scope="module")
def tokens(workspace, corpus, tokenizer):
    return encode_corpus(workspace, corpus, tokenizer)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_token_file_is_the_documents_in_order_each_with_its_end(split, corpus, tokenizer, tokens):
    engine = load_tokenizer(tokenizer.folder)
    written = TokenFile(tokens.folder / f"{split}.bin").ids()
    documents = np.split(written, np.flatnonzero(written == engine.eos_id) + 1)
    assert documents[-1].size == 0
    found = [engine.decode(ids[:-1]) for ids in documents[:-1]]
    assert found == list(open_corpus(corpus).texts(split))


@pytest.mark.parametrize("split", ["train", "val"])
def test_details_count_documents_bytes_and_tokens_of_each_split(split, corpus, tokens):
    texts = list(open_corpus(corpus).texts(split))
    assert tokens.details[split] == {
        "documents": len(texts),
        "bytes": sum(len(text.encode()) for text in texts),
        "tokens": len(TokenFile(tokens.folder / f"{split}.bin")),
    }
    assert (tokens.details["vocab_size"], tokens.details["dtype"]) == (400, "uint16")
    assert 1.5 < tokens.details["bytes_per_token"] < 4


def test_small_blocks_write_the_same_file(workspace, corpus, tokenizer, tokens, monkeypatch):
    monkeypatch.setattr(together, "_BLOCK_CHARACTERS", 500)
    other = encode_corpus(workspace, corpus, tokenizer)
    assert other.manifest.digest == tokens.manifest.digest


def test_tokens_are_made_once_for_a_corpus_and_a_tokenizer(workspace, corpus, tokenizer, tokens):
    before = len(workspace.tokens.list())
    found = tokens_for(workspace, corpus, tokenizer)
    assert found.manifest.digest == tokens.manifest.digest
    renamed = workspace.tokenizers.rename(tokenizer.id, "another name")
    assert tokens_for(workspace, corpus, renamed).id == found.id
    assert len(workspace.tokens.list()) == before


def test_tokens_of_a_read_only_workspace_are_made_anew_where_runs_can_find_them(
    workspace, corpus, tokenizer, tokens, tmp_path
):
    mine = Workspace(tmp_path, read_only=[workspace.root])
    found = tokens_for(mine, corpus, tokenizer)
    assert found.folder.parent == tmp_path / "tokens" and found.id != tokens.id
    assert found.details["train"]["tokens"] == tokens.details["train"]["tokens"]


def test_a_tokenizer_remembers_its_corpus_and_its_settings(workspace, corpus, tokenizer):
    assert tokenizer.manifest.parents == {"corpus": corpus.as_parent()}
    assert tokenizer.details["config"]["vocab_size"] == tokenizer.details["vocab_size"] == 400
    assert sorted(path.name for path in tokenizer.folder.iterdir()) == [
        *("manifest.json", "merges.jsonl", "tokenizer.json")
    ]


def test_the_saved_merges_are_those_of_the_compiled_trainer(corpus, tokenizer):
    texts = list(open_corpus(corpus).texts("train"))
    assert load_tokenizer(tokenizer.folder).merges == Tokenizer.train(texts, 400).merges


def test_characters_take_no_vocab_size_from_the_settings(workspace, corpus):
    config = TokenizeConfig(corpus=corpus.id, kind="characters", name="letters")
    made = train_tokenizer(workspace, config)
    assert made.name == "letters"
    assert made.details["vocab_size"] == load_tokenizer(made.folder).vocab_size < 100
    assert newest_tokenizer(workspace, corpus).id == made.id
    tokens = tokens_for(workspace, corpus, made)
    assert 0.9 < tokens.details["bytes_per_token"] < 1.1


def test_work_says_how_far_it_is(workspace, corpus, tokenizer):
    watcher = Watcher()
    encode_corpus(workspace, corpus, tokenizer, watcher)
    fractions = [fraction for fraction, _ in watcher.heard]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_training_says_how_many_pairs_are_joined_and_which(workspace, corpus, tokenizer):
    """143 merges fill 400 tokens: 256 bytes and the end of text are there at first."""
    watcher = Watcher()
    train_tokenizer(workspace, TokenizeConfig(corpus="tales", vocab_size=400), watcher)
    fractions = [fraction for fraction, _ in watcher.heard]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert "Joining pairs: 96 of 143" in [message for _, message in watcher.heard]
    last = load_tokenizer(tokenizer.folder).merges[-1]
    left, right, joined, count = watcher.facts["newest"][0]
    assert (left.encode("latin-1"), right.encode("latin-1")) == last.pair
    assert (joined.encode("latin-1"), count) == (last.bytes, last.count)


def test_the_curve_told_is_bytes_of_training_text_per_token(workspace, corpus, tokenizer):
    watcher = Watcher()
    train_tokenizer(workspace, TokenizeConfig(corpus="tales", vocab_size=400), watcher)
    texts = list(open_corpus(corpus).texts("train"))
    merges, ratio = watcher.facts["curve"][-1]
    assert watcher.facts["curve"][0] == (0, 1.0)
    fewer = Tokenizer.train(texts, 257 + merges)
    assert ratio == pytest.approx(compression(fewer, texts).bytes_per_token, abs=1e-4)


def test_bytes_need_no_training_and_special_tokens_are_those_asked_for(workspace, corpus):
    marks = ("<|end|>", "<|user|>")
    config = TokenizeConfig(corpus="tales", kind="bytes", special_tokens=marks)
    made = train_tokenizer(workspace, config)
    engine = load_tokenizer(made.folder)
    assert (engine.kind, engine.vocab_size, engine.merges) == ("bytes", 258, [])
    assert engine.special_tokens == {"<|end|>": 256, "<|user|>": 257}
    assert engine.encode("é") == [0xC3, 0xA9]
    assert (made.details["kind"], made.details["bytes_per_token"]) == ("bytes", 1.0)
    tokens = tokens_for(workspace, corpus, made)
    assert TokenFile(tokens.folder / "val.bin").ids()[-1] == engine.eos_id == 256


@pytest.mark.parametrize("reports", [0, 1, 2])
def test_asked_to_stop_it_saves_nothing(workspace, corpus, tokenizer, reports):
    before = workspace.tokens.list(), workspace.tokenizers.list()
    assert encode_corpus(workspace, corpus, tokenizer, Watcher(reports)) is None
    config = TokenizeConfig(corpus="tales", vocab_size=400)
    assert train_tokenizer(workspace, config, Watcher(reports)) is None
    assert (workspace.tokens.list(), workspace.tokenizers.list()) == before
    assert not list(workspace.tokens.folder.glob(".tmp*"))


def test_a_vocabulary_that_the_corpus_does_not_allow_is_refused(workspace, corpus):
    with pytest.raises(TokenizerError, match="The text gives only"):
        train_tokenizer(workspace, TokenizeConfig(corpus="tales", vocab_size=200_000))
    with pytest.raises(ConfigError, match="vocab_size is 12"):
        TokenizeConfig(corpus="tales", vocab_size=12)


def test_a_corpus_without_a_tokenizer_says_so(workspace):
    config = PrepareConfig(source="tales", name="untouched", documents=5, seed=9)
    other = prepare_corpus(workspace, config).artefact
    with pytest.raises(TokenizerError, match="No tokenizer has been trained on 'untouched' yet"):
        newest_tokenizer(workspace, other)
