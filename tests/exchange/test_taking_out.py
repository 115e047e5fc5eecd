"""Models leave whole or not at all, to a folder or to the shelf, as verbs too."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from slm import __main__ as command_line
from slm import files
from slm.errors import ConfigError, WorkspaceError
from slm.exchange import taking_out
from slm.exchange.formats import FORMATS, format_named
from slm.exchange.importing import ImportConfig, import_model
from slm.exchange.outgoing import Finding, Format, Outgoing, Proof
from slm.exchange.packing import packed
from slm.exchange.taking_out import (
    TakeOutConfig,
    content_of,
    exports,
    prove_export,
    read_proof,
    take_out,
    take_out_to_shelf,
)
from slm.jobs import StoppedError, silent
from slm.lab.reports import open_run
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling.methods import WritingConfig
from slm.sampling.presets import BUILT_IN
from slm.tokenizer.fast import Tokenizer
from slm.workspace import Workspace

TEXT = "the cat sat on the mat, the dog sat on the log "
UNPROVED = TakeOutConfig(proof=False)


@pytest.fixture()
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture()
def outgoing() -> Outgoing:
    config = ModelConfig(
        vocab_size=270, context_length=32, n_layers=1, n_heads=2, d_model=16, d_ff=24
    )
    torch.manual_seed(0)
    model = Transformer(config).eval().requires_grad_(False)
    return Outgoing.of(model, Tokenizer.train([TEXT * 9], vocab_size=268), name="Ö/1 <b>", step=40)


class Stops:
    """A watcher who asks to stop as soon as something is written."""

    def __init__(self) -> None:
        self.stopped = False

    def __call__(self, fraction: float | None, message: str = "", **_: Any) -> None:
        self.stopped = self.stopped or message.startswith("Writing")

    def plan(self, stages: Mapping[str, float]) -> None:
        return

    def should_stop(self) -> bool:
        return self.stopped


@pytest.mark.parametrize("chosen", FORMATS, ids=lambda each: each.key)
def test_every_format_says_what_it_is(chosen: Format):
    assert format_named(chosen.key) is chosen
    assert chosen.about.endswith(".")
    assert chosen.label


def test_a_format_that_there_is_not_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="no format 'pickle'; there are: hugging-face"):
        format_named("pickle")


def test_numbers_that_a_format_lacks_are_refused(outgoing: Outgoing, tmp_path: Path):
    with pytest.raises(ConfigError, match="no numbers of 'int3'; it has: float32, bfloat16"):
        take_out(outgoing, TakeOutConfig(number_format="int3"), tmp_path / "out")


def test_what_left_stands_on_the_shelf_and_opens(outgoing: Outgoing, workspace: Workspace):
    made = take_out_to_shelf(workspace, outgoing, UNPROVED)
    assert [each.id for each in exports(workspace).list()] == [made.id]
    assert content_of(made).name == "1-b-step-40"
    assert made.details["told"] == {"architecture": "Qwen3ForCausalLM"}
    assert read_proof(made.folder) is None
    theirs = transformers.AutoModelForCausalLM.from_pretrained(content_of(made))
    ids = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(theirs(ids).logits, outgoing.model(ids), atol=1e-4, rtol=0)


def test_asked_to_stop_nothing_is_kept(outgoing: Outgoing, workspace: Workspace, tmp_path: Path):
    with pytest.raises(StoppedError):
        take_out_to_shelf(workspace, outgoing, UNPROVED, Stops())
    with pytest.raises(StoppedError):
        take_out(outgoing, UNPROVED, tmp_path / "out", Stops())
    assert list(exports(workspace).folder.iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_left_alone(outgoing: Outgoing, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="choose a new folder"):
        take_out(outgoing, UNPROVED, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_proof_is_kept_beside_and_made_anew(
    outgoing: Outgoing, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    """A format whose check fails the second time; what was written stays as it was."""
    verdicts = [True, False]

    def prove(*_: object) -> Proof:
        return Proof("a program", (Finding("Weights", "compared", verdicts.pop(0)),))

    checked = replace(FORMATS[0], prove=prove)
    monkeypatch.setattr(taking_out, "format_named", lambda key: checked)
    made = take_out_to_shelf(workspace, outgoing, TakeOutConfig())
    before = files.file_entries(content_of(made))
    assert read_proof(made.folder).passed
    assert not prove_export(outgoing, made).passed
    assert not read_proof(made.folder).passed
    assert files.file_entries(content_of(made)) == before


def test_stopped_while_it_is_proved_the_export_stays_without_a_verdict(
    outgoing: Outgoing, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    def prove(*_: object) -> Proof:
        raise StoppedError

    checked = replace(FORMATS[0], prove=prove)
    monkeypatch.setattr(taking_out, "format_named", lambda key: checked)
    made = take_out_to_shelf(workspace, outgoing, TakeOutConfig())
    assert read_proof(made.folder) is None
    assert (content_of(made) / "config.json").exists()


@pytest.mark.parametrize("text", ["", "{}", '{"findings": [{"a": 1}], "opened_with": "x"}'])
def test_a_damaged_proof_is_none(tmp_path: Path, text: str):
    (tmp_path / "proof.json").write_text(text)
    assert read_proof(tmp_path) is None


@pytest.mark.parametrize("name", ["../../etc", "/etc", ".hidden", 7, None])
def test_a_manifest_cannot_point_elsewhere(outgoing: Outgoing, workspace: Workspace, name: object):
    made = take_out_to_shelf(workspace, outgoing, UNPROVED)
    details = {**made.details, "folder": name}
    with pytest.raises(WorkspaceError, match="damaged"):
        content_of(replace(made, manifest=replace(made.manifest, details=details)))


def test_the_zip_holds_the_folder_and_the_proof(outgoing: Outgoing, workspace: Workspace):
    made = take_out_to_shelf(workspace, outgoing, UNPROVED)
    proof = made.folder / "proof.json"
    proof.write_text("{}")
    folder = content_of(made)
    with (
        packed(folder, {"proof.json": proof}, workspace.root) as stream,
        zipfile.ZipFile(stream) as archive,
    ):
        assert archive.testzip() is None
        names = archive.namelist()
        held = archive.read(f"{folder.name}/model.safetensors")
    assert held == (folder / "model.safetensors").read_bytes()
    assert {f"{folder.name}/proof.json", f"{folder.name}/config.json"} <= set(names)
    assert {path.name for path in workspace.root.iterdir()} == {"exports"}  # no zip is left


@pytest.mark.parametrize(
    "writing",
    [
        *(preset.writing for preset in BUILT_IN),
        *(WritingConfig(method=method) for method in ("greedy", "beam")),
        WritingConfig(stop=("\n",), max_new_tokens=9),
    ],
    ids=lambda writing: f"{writing.method}-{writing.sampling.temperature}",
)
def test_how_the_model_should_write_is_taken_up_by_transformers(
    outgoing: Outgoing, tmp_path: Path, writing: WritingConfig
):
    FORMATS[0].write(replace(outgoing, writing=writing), tmp_path, "float32", silent)
    told = transformers.GenerationConfig.from_pretrained(tmp_path)
    told.validate(strict=True)
    assert told.do_sample == (writing.method == "sampling")
    if writing.method == "sampling":
        assert told.temperature == writing.sampling.temperature
    assert told.max_new_tokens == min(writing.max_new_tokens, 16)  # half a context of 32
    assert told.eos_token_id == outgoing.tokenizer.eos_id


def test_an_imported_model_leaves_with_its_family_and_its_numbers(
    workspace: Workspace, tmp_path: Path
):
    settings = transformers.Phi3Config(
        **{"vocab_size": 270, "hidden_size": 16, "intermediate_size": 24, "pad_token_id": 0},
        **{"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 32},
        **{"original_max_position_embeddings": 32, "bos_token_id": 0, "eos_token_id": 0},
    )
    theirs = transformers.Phi3ForCausalLM(settings).to(torch.bfloat16)
    theirs.save_pretrained(tmp_path / "phi")
    Tokenizer.train([TEXT * 9], vocab_size=268).save(tmp_path / "phi")
    (tmp_path / "phi" / "README.md").write_text("---\nlicense: mit\n---\n")
    source = import_model(workspace, ImportConfig(source=str(tmp_path / "phi"), name="phi"))
    opened = open_run(source)
    leaving = Outgoing.of(opened.model, opened.tokenizer, source=source, workspace=workspace)
    left = take_out(leaving, UNPROVED, tmp_path / "out")
    assert (left.told["architecture"], left.number_format) == ("Phi3ForCausalLM", "bfloat16")
    assert 'license: "mit"' in (left.folder / "README.md").read_text()
    back = transformers.AutoModelForCausalLM.from_pretrained(left.folder, dtype="auto")
    for name, weight in theirs.state_dict().items():
        assert torch.equal(weight, back.state_dict()[name])


def test_the_verb_writes_any_step_and_the_shelf_can_be_proved(
    workspace_env: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def told(*words: str) -> dict[str, Any]:
        assert command_line.main([*words, "--json"]) == 0
        return dict(json.loads(capsys.readouterr().out))

    to = str(tmp_path / "out")
    made = told("export", "--run", "tiny", "--step", "0", "--to", to, "--proof", "False")
    assert (made["step"], made["architecture"]) == (0, "Qwen3ForCausalLM")
    assert "proof" not in made
    kept = told("export", "--run", "tiny", "--proof", "False", "--writing", "")
    proved = told("prove", "--export", kept["export"])
    assert proved["proof"] == "the same"
    assert read_proof(Path(kept["folder"])).passed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["export", "--run", "tiny", "--format", "pickle"], "There is no format 'pickle'"),
        (["export", "--run", "tiny", "--writing", "Bold"], "There is no preset 'Bold'"),
        (["export", "--run", "tiny", "--step", "7"], "has no snapshot at step 7"),
        (["prove", "--export", "nothing"], "There is no 'nothing' in exports"),
    ],
)
def test_mistakes_cost_a_sentence(
    workspace_env: Workspace, capsys: pytest.CaptureFixture[str], words: list[str], message: str
):
    assert command_line.main(words) == 1
    assert message in capsys.readouterr().err


def test_weights_that_are_gone_are_told_apart_from_a_wrong_export(
    workspace_env: Workspace, capsys: pytest.CaptureFixture[str]
):
    """The run goes on, its checkpoint is dropped; the snapshot left of that step is rounded."""
    run = workspace_env.runs.get("tiny")
    assert command_line.main(["export", "--run", "tiny", "--proof", "False"]) == 0
    files.remove_folder(run.folder / "ckpt")
    assert command_line.main(["prove", "--export", "tiny"]) == 1
    assert "its checkpoint of step 12 is gone" in capsys.readouterr().err


def test_without_its_model_an_export_cannot_be_proved(
    workspace_env: Workspace, capsys: pytest.CaptureFixture[str]
):
    assert command_line.main(["export", "--run", "tiny", "--proof", "False"]) == 0
    workspace_env.runs.delete(workspace_env.runs.get("tiny").id)
    assert command_line.main(["prove", "--export", "tiny"]) == 1
    assert "was deleted, so there is nothing to compare it with" in capsys.readouterr().err
