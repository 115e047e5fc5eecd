"""Which tokens occur, where, and which a model never meets."""

import numpy as np
import pytest

from slm.data.batches import TokenFile
from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.tokenizer import usage as usage_module
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.encoding import TokenizeConfig, encode_corpus, train_tokenizer
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.usage import HeldIds, Usage, contexts, count_ids, places, usage_of
from slm.tokenizer.vocabulary import Standing, entries, is_glitch_prone, ordered, select
from slm.workspace import Workspace


@pytest.fixture(scope="module")
def hugs() -> Tokenizer:
    """Merges: 256 "ug", 257 "hug", 258 " b", 259 " p"; 260 ends texts."""
    return Tokenizer.train(["hug pug hugs bun"], vocab_size=261)


def test_counting_in_blocks_is_counting_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(usage_module, "_BLOCK", 7)
    ids = np.random.default_rng(0).integers(300, size=1_000)
    row = TokenFile.write(tmp_path / "train.bin", [ids], vocab_size=301)
    assert count_ids(row, 301).tolist() == np.bincount(ids, minlength=301).tolist()


def test_places_come_from_all_parts_of_the_row():
    """Ones everywhere, asked for two places: one from each half. A single nine is found too."""
    row = HeldIds(np.array([1, 1, 1, 1, 9, 1, 1, 1]))
    assert places(row, 1, most=2) == [0, 5]
    assert places(row, 9, most=3) == [4]
    assert places(row, 7) == []
    assert places(HeldIds(np.empty(0, dtype=np.int64)), 1) == []


def test_more_places_are_taken_from_where_they_are(monkeypatch):
    monkeypatch.setattr(usage_module, "_BLOCK", 3)
    row = HeldIds(np.array([5, 5, 5, 0, 0, 0, 0, 0, 0]))
    assert places(row, 5, most=3) == [0, 1, 2]


def test_a_context_ends_with_its_document(hugs):
    """Two documents, "hug bun" and "ug": the "ug" of the second has nothing around it."""
    ids = [257, 258, ord("u"), ord("n"), 260, 256, 260]
    usage = Usage(HeldIds(np.array(ids)), document_end=260, sampled=True)
    (first,) = contexts(usage, hugs, 258)
    assert (first.before, first.piece, first.after) == (b"hug", b" b", b"un")
    (second,) = contexts(usage, hugs, 256)
    assert (second.before, second.piece, second.after) == (b"", b"ug", b"")


def test_a_token_file_is_used_where_there_is_one(tiny_workspace):
    (corpus,), (made,) = tiny_workspace.corpora.list(), tiny_workspace.tokenizers.list()
    tokenizer = Tokenizer.load(made.folder)
    whole = usage_of(tiny_workspace, corpus, tokenizer, made)
    assert (
        not whole.sampled
        and len(whole.row) == tiny_workspace.tokens.list()[0].details["train"]["tokens"]
    )
    sample = usage_of(tiny_workspace, corpus, tokenizer)
    assert sample.sampled
    assert count_ids(sample.row, 512).sum() == len(sample.row)
    n = min(len(whole.row), len(sample.row))
    assert sample.row.ids(0, n // 2).tolist() == whole.row.ids(0, n // 2).tolist()


def test_token_files_with_another_separator_are_passed_over(tmp_path):
    """Without ends of texts the end would seem a token that no model meets."""
    workspace = Workspace(tmp_path)
    corpus = prepare_corpus(workspace, PrepareConfig(name="tales", documents=20)).artefact
    made = train_tokenizer(workspace, TokenizeConfig(corpus="tales", vocab_size=300))
    tokenizer = Tokenizer.load(made.folder)
    encode_corpus(workspace, corpus, made, separator="none")
    sample = usage_of(workspace, corpus, tokenizer, made)
    assert sample.sampled and sample.document_end == tokenizer.eos_id
    encode_corpus(workspace, corpus, made)
    encode_corpus(workspace, corpus, made, separator="none")
    whole = usage_of(workspace, corpus, tokenizer, made)
    assert not whole.sampled
    documents = corpus.details["train"]["documents"]
    for used in (sample, whole):
        assert count_ids(used.row, 300)[tokenizer.eos_id] == documents


def test_every_token_has_a_kind_and_a_merge(hugs):
    found = entries(hugs, hugs.merges)
    assert len(found) == 261
    assert found[257][:5] == (257, b"hug", "merge", 2, 2)
    assert found[260].kind == "special" and found[0xC3].kind == "byte"
    assert not found[0xC3].is_text and found[ord("a")].is_text
    characters = entries(CharacterTokenizer.train(["né"]), ())
    assert [entry.kind for entry in characters] == ["character"] * 3 + ["special"]


def test_unused_whole_tokens_are_prone_to_glitches_and_bytes_are_not(hugs):
    """1,000 tokens over 261 ids: nearly unused means once at most."""
    counts = np.zeros(261, dtype=np.int64)
    counts[257], counts[256], counts[258] = 997, 1, 2
    standing = Standing(counts)
    found = entries(hugs, hugs.merges)
    assert standing.few == 1
    assert [e.id for e in found if is_glitch_prone(e, standing)] == [256, 259]
    assert len(select(found, "unused", standing)) == 258
    assert [e.id for e in select(found, "special")] == [260]
    assert all(not e.is_text for e in select(found, "partial"))
    assert len(select(found, "partial")) == 128
    assert select(found, "glitch") == []


def test_orders(hugs):
    counts = np.zeros(261, dtype=np.int64)
    counts[258], counts[97] = 5, 2
    standing = Standing(counts)
    found = entries(hugs, hugs.merges)
    assert [e.id for e in ordered(found, "frequent", standing)[:3]] == [258, 97, 0]
    assert [e.id for e in ordered(found, "rare", standing)[-2:]] == [97, 258]
    assert ordered(found, "longest")[0].piece == b"<|endoftext|>"
    assert ordered(found, "id", standing) == found
