"""A model's text held against the text that it learned from, in a small workspace."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from slm.__main__ import main
from slm.data.batches import TokenFile
from slm.data.corpus import open_corpus
from slm.errors import DataError
from slm.exchange.importing import ImportConfig, import_model
from slm.exchange.pretrained import export_pretrained
from slm.lab import copy_index
from slm.lab.copy_index import build_index, choose_text, open_index
from slm.lab.copying import examine, find_sources, held_out_copies
from slm.lab.reports import open_run, run_tokens
from slm.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy: what is made here stays out of the workspace that others read."""
    root = tmp_path_factory.mktemp("copies") / "workspace"
    return Workspace(Path(shutil.copytree(tiny_workspace.root, root)))


@pytest.fixture(scope="module")
def published(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory):
    """The tiny model as one that was trained elsewhere."""
    folder = tmp_path_factory.mktemp("elsewhere") / "tiny"
    opened = open_run(workspace.runs.get("tiny"))
    export_pretrained(opened.model, opened.tokenizer, folder)
    made = import_model(workspace, ImportConfig(source=str(folder), name="elsewhere"))
    assert made is not None
    return made


def told(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str) -> dict:
    capsys.readouterr()
    place = ("--workspace", str(workspace.root), "--json")
    assert main([*arguments, *place]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_training_text_is_found_whole_with_its_document(workspace: Workspace):
    run = workspace.runs.get("tiny")
    text = choose_text(workspace, run)
    index = build_index(workspace, text)
    assert index is not None and text.own and text.corpus is not None
    document = next(open_corpus(text.corpus).documents("train", start=20))
    opened = open_run(run)
    ids = opened.tokenizer.encode(document.text)
    examined = examine(index, ids)
    assert examined.copying.longest == len(ids)
    assert examined.copying.copied_share(len(ids)) == 1.0
    found = find_sources(index, text, ids)
    assert (found.times, found.documents) == (1, 1)
    assert (found.sources[0].document, found.sources[0].named) == (document.id, document.source)
    first, stop = found.sources[0].first, found.sources[0].stop
    assert index.array.tokens_N[first:stop].tolist() == [*ids, opened.tokenizer.eos_id]


def test_an_index_is_made_once_and_by_all_runs_of_a_text(workspace: Workspace, monkeypatch):
    text = choose_text(workspace, workspace.runs.get("tiny"))
    assert build_index(workspace, text) is not None
    monkeypatch.setattr(copy_index, "_make", None)
    again = build_index(workspace, text)
    assert again is not None
    tokens = run_tokens(workspace, text.run)
    assert len(again.array) == len(TokenFile(tokens.folder / "train.bin"))


def test_a_damaged_index_is_none_and_is_made_again(workspace: Workspace):
    text = choose_text(workspace, workspace.runs.get("tiny"), max_tokens=500)
    index = build_index(workspace, text)
    assert index is not None and len(index.array) == 500 and index.of_tokens > 500
    (index.folder / "suffixes.npy").write_bytes(b"no array")
    assert open_index(workspace, text) is None
    assert build_index(workspace, text) is not None


def test_a_stopped_build_leaves_nothing(workspace: Workspace):
    class Stopping:
        def __call__(self, *told, **facts): ...

        def plan(self, stages): ...

        def should_stop(self):
            return True

    text = choose_text(workspace, workspace.runs.get("tiny"), max_tokens=700)
    assert build_index(workspace, text, Stopping()) is None
    assert open_index(workspace, text) is None


def test_old_indexes_make_room_for_new_ones(workspace: Workspace, monkeypatch):
    monkeypatch.setattr(copy_index, "KEPT", 2)
    run = workspace.runs.get("tiny")
    for n in (300, 301, 302):
        build_index(workspace, choose_text(workspace, run, max_tokens=n))
    kept = list((workspace.root / copy_index.FOLDER).glob("*/manifest.json"))
    assert len(kept) == 2


def test_held_out_text_repeats_the_training_text_too(workspace: Workspace):
    index = build_index(workspace, choose_text(workspace, workspace.runs.get("tiny")))
    assert index is not None
    passages = held_out_copies(index, 60, count=3)
    assert [passage.tokens for passage in passages] == [60, 60, 60]
    assert all(0 < passage.longest <= 60 for passage in passages)


def test_a_model_trained_elsewhere_is_compared_with_a_corpus_of_the_workspace(
    workspace: Workspace, published
):
    with pytest.raises(DataError, match="Choose a corpus"):
        choose_text(workspace, published)
    corpus = workspace.corpora.list()[0]
    text = choose_text(workspace, published, corpus.id)
    index = build_index(workspace, text)
    assert index is not None and not text.own
    own = build_index(workspace, choose_text(workspace, workspace.runs.get("tiny")))
    assert own is not None
    np.testing.assert_array_equal(index.array.tokens_N, own.array.tokens_N)
    np.testing.assert_array_equal(index.starts_D, own.starts_D)
    assert index.key != own.key


def test_the_verb_finds_a_pasted_training_text_and_writes_arrays(
    workspace: Workspace, tmp_path: Path, capsys
):
    corpus = open_corpus(workspace.corpora.list()[0])
    document = next(corpus.documents("train"))
    out = tmp_path / "copies.npz"
    found = told(
        capsys, workspace, "copying", "--run", "tiny", "--text", document.text, "--out", str(out)
    )
    assert found["longest_match"] == found["tokens"]
    assert found["copied_share"] == 1.0
    assert found["spans"][0]["document"] == document.id
    assert found["spans"][0]["source"] == document.source
    assert found["novel_n_grams"]["shares"] == [0.0] * 8
    with np.load(out) as kept:
        assert kept["lengths"][0] == kept["ids"].size == found["tokens"]


def test_the_verb_lets_the_model_write_and_repeats_it_by_its_seed(workspace: Workspace, capsys):
    asked = ("copying", "--run", "tiny", "--prompt", "Once", "--max-new-tokens", "30")
    one = told(capsys, workspace, *asked, "--seed", "5")
    assert one == told(capsys, workspace, *asked, "--seed", "5")
    assert one["tokens"] <= 30 and one["prompt"] == "Once"


def test_the_verb_only_builds_the_index_where_that_is_asked(workspace: Workspace, capsys):
    found = told(capsys, workspace, "copying", "--run", "tiny", "--index-only", "True")
    assert "longest_match" not in found and found["training_tokens"] > 1_000


def test_an_empty_text_is_a_sentence_and_status_1(workspace: Workspace, capsys):
    place = ("--workspace", str(workspace.root))
    assert main(["copying", "--run", "tiny", "--text", "", *place]) == 1
    assert "at least one character" in capsys.readouterr().err
