"""What left, and what its proof found, in words."""

from pathlib import Path

import pytest

from slm.exchange.formats import FORMATS
from slm.exchange.outgoing import Finding, Proof
from slm.exchange.taking_out import exports
from slm.workspace import Artefact, Workspace
from ui.view_models.taking_out import (
    code_lines,
    export_argv,
    export_view,
    loading_lines,
    opening_lines,
    proof_view,
)

FOUND = (Finding("Weights", "all 8", True), Finding("Moved by rounding", "1e-2"))


@pytest.fixture()
def export(tmp_path: Path) -> Artefact:
    shelf = exports(Workspace(tmp_path))
    details = {
        "format": "hugging-face",
        "number_format": "bfloat16",
        "step": 1_200,
        "folder": "m-step-1200",
    }
    with shelf.create("*m*", details=details) as draft:
        (draft.folder / "m-step-1200").mkdir()
        (draft.folder / "m-step-1200" / "config.json").write_text("{}" * 500)
    return shelf.get(draft.id)


def test_an_export_is_told_with_form_numbers_step_and_size(export: Artefact):
    view = export_view(export)
    assert view.facts.startswith("Hugging Face folder · bfloat16 · step 1,200 · ")
    assert view.file_name == "m-step-1200.zip"
    assert (view.name, view.proof, view.problem) == ("*m*", None, None)
    assert view.can_download
    assert view.can_prove


def test_a_damaged_export_says_so_and_can_only_be_deleted(export: Artefact):
    (export.folder / "manifest.json").write_text("{")
    view = export_view(exports(Workspace(export.folder.parents[1])).list()[0])
    assert view.problem is not None
    assert not view.can_download
    assert not view.can_prove


def test_a_passed_proof_names_the_program():
    view = proof_view(Proof("transformers 5.23.0, torch 2.13.0", FOUND))
    assert view.verdict == "Proof: opened with transformers 5.23.0, it is the same model."
    assert view.rows == (
        (":material/check:", "Weights", "all 8"),
        (":material/info:", "Moved by rounding", "1e-2"),
    )
    assert view.passed is True


def test_a_failed_proof_is_plain_about_it():
    view = proof_view(Proof("transformers 5.23.0", (Finding("Weights", "3 differ", False),)))
    assert "it is not the same model" in view.verdict
    assert view.passed is False
    assert view.rows == ((":material/close:", "Weights", "3 differ"),)


def test_a_check_that_could_not_run_gives_the_reason_alone():
    view = proof_view(Proof("transformers", missing="not installed: pip install transformers"))
    assert (view.passed, view.verdict) == (None, "not installed: pip install transformers")


def test_the_job_runs_the_verb_with_what_was_chosen():
    argv = export_argv("run-1", 40, FORMATS[0], "bfloat16", None)
    assert argv == [
        "export",
        "--run=run-1",
        "--format=hugging-face",
        "--writing=",
        "--step=40",
        "--number-format=bfloat16",
    ]


def test_the_code_shown_is_python():
    for source in (
        code_lines("/tmp/a'b", "run-1", 40, FORMATS[0], "float32"),
        loading_lines("/tmp/a'b"),
    ):
        compile(source, "shown", "exec")


def test_each_form_with_weights_says_how_it_is_opened():
    """A path is quoted as the language wants it; a notebook needs no lines."""
    assert opening_lines("gguf", "/tmp/my model") == (
        "llama-completion -m '/tmp/my model/model.gguf' -no-cnv -n 100 -p \"Once upon a time\"",
        "bash",
    )
    told = opening_lines("onnx", "/tmp/a'b")
    assert told is not None
    assert '"/tmp/a\'b/model.onnx"' in told[0]
    compile(told[0], "lines", "exec")
    assert opening_lines("notebook", "/tmp/a") is None
