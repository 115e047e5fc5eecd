"""Fine-tuning on the Training page, and from the command line: an imported model, a run."""

from pathlib import Path

import pytest
import torch
import transformers

from slm import files
from slm.exchange.importing import ImportConfig, import_model
from slm.jobs import silent
from slm.lab.reports import open_run
from slm.model import checkpoint
from slm.tokenizer.fast import Tokenizer
from slm.training.runs import RunSettings
from slm.verbs.common import Common, Context
from slm.verbs.models import train
from slm.workspace import Artefact, Workspace
from tests.conftest import OpenPage

TEXT = "Once there was a kind otter called Ben who lived by the sea with his friend Olga. "
FAST = ["--steps=2", "--batch-size=2", "--window-length=16", "--snapshots=2", "--threads=1"]
FAST += ["--evaluation-tokens=64", "--sample-tokens=4", "--device=cpu", "--sample-every=1"]


@pytest.fixture()
def imported(workspace_env: Workspace, tmp_path: Path) -> Artefact:
    """A Llama in bfloat16 whose table of tokens is longer than its vocabulary."""
    torch.manual_seed(0)
    settings = transformers.LlamaConfig(
        vocab_size=310,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.3,
    )
    folder = tmp_path / "tiny-llama"
    transformers.LlamaForCausalLM(settings).to(torch.bfloat16).save_pretrained(folder)
    Tokenizer.train([TEXT * 9], vocab_size=290).save(folder)
    made = import_model(workspace_env, ImportConfig(source=str(folder)))
    assert made is not None
    return made


def tuned(here: Workspace, *flags: str) -> Artefact:
    """The run that `train` with these flags made."""
    context = Context(Common(workspace=here.root), silent)
    corpus = here.corpora.list()[0].id
    result = train([*flags, f"--corpus={corpus}", *FAST], context)
    return here.runs.get(result["run"])


def test_a_padded_import_is_tuned_by_its_own_tokenizer_and_opens(
    workspace_env: Workspace, imported: Artefact
):
    """The samples along the way may hold ids that stand for no token."""
    run = tuned(workspace_env, f"--from={imported.id}", "--lora-rank=2", "--name=tuned")
    settings = RunSettings.read(run.folder)
    assert settings.train.optimizer == "adamw" and settings.train.lora_rank == 2
    assert settings.finetuned_from == {
        "kind": "models", "id": imported.id, "name": "tiny-llama", "step": 0,
    }  # fmt: skip
    tokenizer = workspace_env.tokenizers.get(settings.tokenizer)
    assert tokenizer.manifest.parents["model"].id == imported.id
    assert len(files.read_records(run.folder / "samples.jsonl").records) == 3
    assert open_run(run).model.config.context_length == 64
    assert checkpoint.load_checkpoint(run.folder / "snapshots" / "0").n_parameters > 0


def test_the_page_of_an_import_offers_to_tune_it(
    open_page: OpenPage,
    workspace_env: Workspace,
    imported: Artefact,
    monkeypatch: pytest.MonkeyPatch,
):
    started: list[list[str]] = []

    class Started:
        id = "20260101-000000-abcdef"

    def start(workspace, argv, **_):
        started.append(list(argv))
        return Started()

    monkeypatch.setattr("slm.jobs.start", start)
    corpus = workspace_env.corpora.list()[0]
    app = open_page(
        "training", run="tiny-llama (imported)", corpus=corpus.name, view="New training"
    )
    assert not app.exception and not app.error
    told = " ".join(caption.value for caption in app.caption).replace("\\", "")
    assert "Begins with tiny-llama" in told and "first cut into tokens" in told
    app.number_input(key="tuning-lora_rank").set_value(500).run()
    assert "Rank of the adapters is 500" in app.error[0].value
    assert app.button(key="start-tuning").disabled
    app.number_input(key="tuning-lora_rank").set_value(4).run()
    assert not app.error
    app.button(key="start-tuning").click().run()
    (argv,) = started
    assert argv[:2] == ["train", f"--from={imported.id}"]
    assert "--lora-rank=4" in argv and f"--corpus={corpus.id}" in argv


@pytest.mark.parametrize("view", ["Watch", "New training", "Time machine"])
def test_a_tuned_run_is_watched_and_tuned_again(
    open_page: OpenPage, workspace_env: Workspace, imported: Artefact, view: str
):
    tuned(workspace_env, f"--from={imported.id}", "--lora-rank=2", "--name=tuned")
    app = open_page("training", run="tuned", view=view, begin_with="A model that exists")
    assert not app.exception and not app.error
    told = " ".join(caption.value for caption in app.caption).replace("\\", "")
    if view == "Watch":
        assert "Fine-tuned from tiny-llama" in told
    if view == "New training":
        assert "Begins with tuned at step 2" in told


def test_all_weights_of_an_own_run_are_tuned(workspace_env: Workspace):
    run = tuned(workspace_env, "--from=tiny", "--name=more")
    base = workspace_env.runs.get("tiny")
    assert run.manifest.parents["model"].id == base.id
    assert (run.folder / "ckpt" / "2" / "model.safetensors").exists()
    assert run.manifest.parents["tokenizer"] == base.manifest.parents["tokenizer"]
