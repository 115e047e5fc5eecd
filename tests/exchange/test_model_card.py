"""The model card tells what is known, and nothing that it is told can break out of its line."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from slm import files
from slm.exchange.card_markdown import plain
from slm.exchange.model_card import model_card
from slm.exchange.outgoing import Outgoing
from slm.lab.reports import open_run
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.tokenizer.fast import Tokenizer
from slm.workspace import Workspace

MEASURED = {
    "step": 12,
    "split": "val",
    "model": {
        "perplexity": 12.5,
        "bits_per_byte": 1.25,
        "nats_per_token": 2.5257,
        "tokens": 4_000,
        "intervals": {"perplexity": {"low": 12.0, "high": 13.0, "level": 0.95}},
    },
    "bigram": {"perplexity": 99.0},
}


@pytest.fixture()
def outgoing(workspace_env: Workspace) -> Outgoing:
    run = workspace_env.runs.get("tiny")
    opened = open_run(run)
    return Outgoing.of(
        opened.model,
        opened.tokenizer,
        name=run.name,
        step=opened.step,
        source=run,
        workspace=workspace_env,
    )


def test_a_run_is_told_from_its_text_to_its_hashes(outgoing: Outgoing):
    card = model_card(outgoing, "Qwen3ForCausalLM", "float32")
    run = outgoing.source
    assert card.startswith('---\nlibrary_name: "transformers"')
    assert "Licence of the text: MIT, as this program." in card
    assert "| `exact_duplicates` |" in card
    assert "| `learning_rate` |" in card
    assert "taken after step 12" in card
    for parent in run.manifest.parents.values():
        assert f"`{parent.sha256}`" in card
    assert "license:" not in card  # nobody has decided that yet


def test_what_was_measured_comes_with_its_intervals(outgoing: Outgoing):
    card = model_card(replace(outgoing, evaluation=MEASURED), "Qwen3ForCausalLM", "float32")
    assert "| perplexity | 12.5 | 12 to 13 |" in card
    assert "| perplexity of counting (bigram) | 99 |" in card
    assert "Intervals hold 95 %" in card


def test_without_a_measurement_of_this_step_the_last_loss_is_told(outgoing: Outgoing):
    (outgoing.source.folder / "report.json").unlink()
    card = model_card(outgoing, "Qwen3ForCausalLM", "float32")
    last = [
        record
        for record in files.read_records(outgoing.source.folder / "metrics.jsonl").records
        if record["val_nats"] is not None
    ][-1]
    assert f"at step {last['step']:,}: {last['val_nats']:.4f} nats per token" in card


def test_a_fine_tuned_model_names_what_it_began_with_and_its_licence(
    outgoing: Outgoing, workspace_env: Workspace
):
    with workspace_env.models.create("base*", details={"licence": "apache-2.0"}) as draft:
        pass
    base = workspace_env.models.get(draft.id)
    parents = {**outgoing.source.manifest.parents, "model": base.as_parent()}
    source = replace(outgoing.source, manifest=replace(outgoing.source.manifest, parents=parents))
    card = model_card(replace(outgoing, source=source), "Qwen3ForCausalLM", "float32")
    assert "trained with SLM Lab, where it began with base\\*" in card
    assert "published as apache-2.0: those terms hold for it too" in card


def test_a_deleted_corpus_is_said_to_be_deleted(outgoing: Outgoing, workspace_env: Workspace):
    workspace_env.corpora.delete(outgoing.source.manifest.parents["corpus"].id)
    card = model_card(outgoing, "Qwen3ForCausalLM", "float32")
    assert "| corpus | deleted since |" in card
    assert "What it learned from" not in card


def test_foreign_names_are_shown_and_do_nothing(outgoing: Outgoing, workspace_env: Workspace):
    hostile = "<img src=x onerror=alert(1)> ![x](http://y) | `a` \n---\nlicense: mine"
    corpus = workspace_env.corpora.get(outgoing.source.manifest.parents["corpus"].id)
    manifest = replace(corpus.manifest, name=hostile)
    files.write_json(corpus.folder / files.MANIFEST, manifest.to_json())
    card = model_card(replace(outgoing, name=hostile), "Qwen3ForCausalLM", "float32")
    head, body = card.removeprefix("---\n").split("\n---\n", 1)
    assert "mine" not in head
    assert "<img" not in body.replace("\\<img", "")
    assert "![x]" not in body
    assert "\n---" not in body


def test_a_model_that_stands_by_itself_has_a_short_card():
    config = ModelConfig(
        vocab_size=300, context_length=16, n_layers=1, n_heads=2, d_model=8, d_ff=8
    )
    tokenizer = Tokenizer.from_learned([])
    torch.manual_seed(0)
    card = model_card(Outgoing.of(Transformer(config), tokenizer), "Qwen3ForCausalLM", "float16")
    assert "stored in float16" in card
    assert "Lineage" not in card


def test_long_and_broken_text_is_cut_and_mended():
    assert plain("x" * 500).endswith("x…")
    assert plain("a\ud800b\nc") == "a?b c"


def test_the_lines_of_the_card_run(outgoing: Outgoing, tmp_path: Path, capsys):
    """As they stand there, in a Python that knows transformers alone."""
    import transformers

    from slm.exchange.hugging_face import HUGGING_FACE
    from slm.jobs import silent

    HUGGING_FACE.write(outgoing, tmp_path, "float32", silent)
    card = (tmp_path / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    transformers.logging.set_verbosity_error()
    exec(code.replace("path/to/this/folder", str(tmp_path)), {})  # noqa: S102 – ours
    assert capsys.readouterr().out.startswith("Once upon a time")
