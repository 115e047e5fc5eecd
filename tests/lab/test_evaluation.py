"""How good is a run: every figure from the same losses, on any text, kept in the workspace."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from slm.__main__ import main
from slm.data.batches import TokenFile
from slm.data.embedded import tales
from slm.data.sources import Document
from slm.errors import ConfigError, DataError
from slm.evaluation.perplexity import token_losses
from slm.lab import judged_text, kept_evaluations
from slm.lab.evaluation import Contender, EvaluateConfig, evaluate_run, measure
from slm.lab.judged_text import TokenRow, byte_widths, encode_text, open_text
from slm.lab.kept_evaluations import keep_evaluation, kept_evaluation
from slm.lab.reports import OpenedRun, open_run, run_tokens
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.tokenizer.fast import Tokenizer
from slm.workspace import Workspace
from tests.data.hub.fake_hub import STORIES, running_hub

TALE = tales.generate(5).text


@pytest.fixture(scope="module")
def run(tiny_workspace: Workspace):
    return tiny_workspace.runs.get("tiny")


@pytest.fixture(scope="module")
def opened(run) -> OpenedRun:
    return open_run(run)


def told(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str) -> dict:
    capsys.readouterr()
    place = ("--workspace", str(workspace.root), "--json", "--run", "tiny")
    assert main(["evaluate", *arguments, *place]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_verb_gives_every_figure_as_json(tiny_workspace: Workspace, run, opened, capsys):
    found = told(capsys, tiny_workspace, "--documents", "3")
    tokens = run_tokens(tiny_workspace, run)
    ids = TokenFile(tokens.folder / "val.bin").ids()
    nats = token_losses(opened.model, [opened.tokenizer.eos_id, *ids.tolist()])[1:]
    assert found["model"]["tokens"] == len(ids)
    assert found["model"]["nats_per_token"] == pytest.approx(nats.mean(), abs=1e-6)
    assert found["model"]["n_bytes"] == tokens.details["val"]["bytes"]
    between = found["model"]["intervals"]["bits_per_byte"]
    assert between["low"] < found["model"]["bits_per_byte"] < between["high"]
    names = ["uniform", "unigram", "bigram", "trigram"]
    assert all(found[name]["tokens"] == len(ids) for name in names)
    assert found["uniform"]["perplexity"] == pytest.approx(512)
    assert found["trigram"]["worse_by"]["bits_per_byte"] == pytest.approx(
        found["trigram"]["bits_per_byte"] - found["model"]["bits_per_byte"]
    )
    for slices in ("by_place", "by_frequency", "by_source"):
        assert sum(each["tokens"] for each in found["slices"][slices]) == len(ids)
    assert [each["label"] for each in found["slices"]["by_source"]] == ["tale"]
    assert found["text"]["documents"] == tokens.details["val"]["documents"]


def test_documents_are_listed_worst_first_with_what_they_say(
    tiny_workspace: Workspace, run, opened
):
    found = evaluate_run(tiny_workspace, run, EvaluateConfig(documents=2, baselines=False))
    listed = found["documents"]
    assert len(listed) == 4
    bits = [each["bits_per_byte"] for each in listed]
    assert bits == sorted(bits, reverse=True)
    text = open_text(tiny_workspace, run, opened.tokenizer, EvaluateConfig())
    worst = text.text(listed[0]["document"] - 1)
    assert worst.startswith(listed[0]["begins"][:20])
    alone = encode_text("", [Document(worst, "")], opened.tokenizer)
    me = Contender("a", "a", 0, opened.model, opened.tokenizer)
    again = measure(me, alone, EvaluateConfig(baselines=False))
    assert again["model"]["n_bytes"] == len(worst.encode())


def test_a_text_is_measured_from_its_first_token(tiny_workspace: Workspace, run, opened):
    ids = [opened.tokenizer.eos_id, *opened.tokenizer.encode(TALE), opened.tokenizer.eos_id]
    found = evaluate_run(tiny_workspace, run, EvaluateConfig(text=TALE))
    nats = token_losses(opened.model, ids)[1:]
    assert found["model"]["nats_per_token"] == pytest.approx(nats.mean(), abs=1e-6)
    expected = nats.sum() / math.log(2) / len(TALE.encode())
    assert found["model"]["bits_per_byte"] == pytest.approx(expected, rel=1e-5)
    assert found["model"]["intervals"]["perplexity"] is None  # one short document
    assert "trigram" in found


def test_a_shorter_stride_lets_each_token_see_more(tiny_workspace: Workspace, run):
    whole = evaluate_run(tiny_workspace, run, EvaluateConfig(max_tokens=600, baselines=False))
    half = evaluate_run(
        tiny_workspace, run, EvaluateConfig(max_tokens=600, baselines=False, stride=32)
    )
    places = {each["label"]: each["tokens"] for each in half["slices"]["by_place"]}
    assert places["33–64"] > 500 and places["1"] == 1
    assert {each["label"] for each in whole["slices"]["by_place"]} == set(places)
    assert whole["model"]["tokens"] == half["model"]["tokens"] == 600


def test_another_model_with_other_tokens_reads_the_same_documents(
    tiny_workspace: Workspace, run, opened, capsys
):
    found = told(capsys, tiny_workspace, "--max-tokens", "900", "--against", "tiny")
    (same,) = found["others"]
    assert same["same_tokens"] and same["worse_by"]["bits_per_byte"] == 0.0
    tokenizer = Tokenizer.train([TALE * 3], vocab_size=300)
    torch.manual_seed(0)
    other = Contender("o", "other", 0, Transformer(ModelConfig(
        vocab_size=300, context_length=64, n_layers=1, n_heads=2, d_model=16, d_ff=32
    )).eval(), tokenizer)  # fmt: skip
    text = open_text(tiny_workspace, run, opened.tokenizer, EvaluateConfig())
    me = Contender(run.id, "tiny", opened.step, opened.model, opened.tokenizer)
    apart = measure(me, text, EvaluateConfig(), None, [other], 1)["others"][0]
    assert not apart["same_tokens"]
    assert apart["tokens"] > len(text.ids) and apart["n_bytes"] == text.n_bytes
    interval = apart["worse_by"]["interval"]
    assert interval["low"] < apart["worse_by"]["bits_per_byte"] < interval["high"]


def test_a_corpus_a_file_and_the_hub_are_measured_like_the_own_text(
    workspace_env: Workspace, run, tmp_path: Path, capsys, monkeypatch
):
    corpus = workspace_env.corpora.list()[0]
    own = told(capsys, workspace_env, "--max-tokens", "500")
    again = told(capsys, workspace_env, "--max-tokens", "500", "--corpus", corpus.id)
    assert again["model"]["perplexity"] == pytest.approx(own["model"]["perplexity"], rel=1e-5)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps({"text": tales.generate(n).text}) for n in range(9)))
    file = told(capsys, workspace_env, "--source", str(rows))
    assert file["text"]["documents"] == 9 and file["model"]["intervals"]["perplexity"]
    with running_hub() as hub:
        for name, value in hub.environment(tmp_path / "home").items():
            monkeypatch.setenv(name, value)
        there = told(capsys, workspace_env, "--source", "hub:good/stories", "--hub-split", "train")
    assert there["text"]["documents"] == len(STORIES)
    assert there["model"]["n_bytes"] == sum(len(story.encode()) for story in STORIES)


def test_text_that_cannot_be_measured_is_refused_in_words(
    tiny_workspace: Workspace, run, tmp_path: Path
):
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match="no UTF-8: byte 3"):
        evaluate_run(tiny_workspace, run, EvaluateConfig(text_file=latin))
    with pytest.raises(DataError, match="cannot be read"):
        evaluate_run(tiny_workspace, run, EvaluateConfig(text_file=tmp_path / "none.txt"))
    with pytest.raises(DataError, match="no source 'nowhere'"):
        evaluate_run(tiny_workspace, run, EvaluateConfig(source="nowhere"))
    with pytest.raises(ConfigError, match="max_tokens"):
        EvaluateConfig(max_tokens=1)


def test_long_texts_are_cut_and_empty_ones_left_out(opened):
    tokenizer = opened.tokenizer
    documents = [Document(text, "x") for text in ("", TALE, "", TALE, TALE)]
    n = len(tokenizer.encode(TALE))
    cut = encode_text("", documents, tokenizer, max_tokens=n + 11)
    assert cut.partial and cut.documents == 2
    assert len(cut.ids) - 1 == n + 1 + 10  # an end behind the first; the second is not at its end
    assert TALE.startswith(cut.text(1)) and cut.bytes_D[1] == len(cut.text(1).encode())
    whole = encode_text("", documents, tokenizer, keep_empty=True)
    assert whole.documents == 5 and not whole.partial
    assert list(whole.texts()) == ["", TALE, "", TALE, TALE]
    with pytest.raises(DataError, match="too short"):
        encode_text("", [Document("", "x")], tokenizer)


def test_a_row_of_tokens_is_read_as_if_it_were_in_memory(tmp_path: Path):
    file = TokenFile.write(tmp_path / "t.bin", [np.arange(10)], vocab_size=16)
    row = TokenRow(file, most=7, lead=[15])
    whole = [15, 0, 1, 2, 3, 4, 5, 6]
    assert len(row) == 8
    for start in range(9):
        for stop in range(start, 9):
            assert row[start:stop].tolist() == whole[start:stop]


def test_bytes_of_tokens_are_those_of_text(opened):
    widths = byte_widths(opened.tokenizer, 600)
    assert len(widths) == 600 and widths[opened.tokenizer.eos_id] == 0 and widths[599] == 0
    assert widths[opened.tokenizer.encode(TALE)].sum() == len(TALE.encode())


def test_sources_are_told_only_while_the_corpus_is_the_same(
    tiny_workspace: Workspace, run, opened, monkeypatch
):
    text = open_text(tiny_workspace, run, opened.tokenizer, EvaluateConfig(max_tokens=500))
    assert len(text.sources_D) == text.documents
    monkeypatch.setattr(judged_text, "read_columns", lambda *_: iter([[]]))
    text = open_text(tiny_workspace, run, opened.tokenizer, EvaluateConfig(max_tokens=500))
    assert text.sources_D == ()


class Stopping:
    """A reporter that asks to stop at once."""

    def __call__(self, fraction: float | None, message: str = "", **facts: object) -> None:
        return

    def plan(self, stages: object) -> None:
        return

    def should_stop(self) -> bool:
        return True


def test_asked_to_stop_it_tells_of_the_tokens_that_it_has(tiny_workspace: Workspace, run):
    config = EvaluateConfig(split="train", against=("tiny",))
    found = evaluate_run(tiny_workspace, run, config, report=Stopping())
    assert found["text"]["partial"] and found["others"] == []
    assert found["model"]["tokens"] == found["trigram"]["tokens"] > 0


def test_what_was_measured_is_found_again_for_the_same_text_and_settings_alone(
    workspace_env: Workspace, capsys
):
    run = workspace_env.runs.get("tiny")
    config = EvaluateConfig(max_tokens=300, documents=1)
    assert kept_evaluation(workspace_env, run, config) is None
    found = told(capsys, workspace_env, "--max-tokens", "300", "--documents", "1")
    assert kept_evaluation(workspace_env, run, config) == found
    assert kept_evaluation(workspace_env, run, config.replace(stride=3)) is None
    file = workspace_env.root / "text.txt"
    file.write_text("one")
    own = EvaluateConfig(text_file=file)
    keep_evaluation(workspace_env, run, own, {"a": 1})
    assert kept_evaluation(workspace_env, run, own) == {"a": 1}
    file.write_text("another")
    assert kept_evaluation(workspace_env, run, own) is None


def test_only_the_newest_measurements_are_kept(workspace_env: Workspace, monkeypatch):
    monkeypatch.setattr(kept_evaluations, "KEPT", 2)
    run = workspace_env.runs.get("tiny")
    paths = [
        keep_evaluation(workspace_env, run, EvaluateConfig(max_tokens=n), {"n": n})
        for n in (10, 20, 30)
    ]
    assert sum(path.exists() for path in paths) == 2 and paths[-1].exists()
