"""The lens and patching as the command line tells them."""

import json
from pathlib import Path

import numpy as np
import pytest

from slm.__main__ import main
from slm.errors import DataError
from slm.lab.circuits import answer_token
from slm.lab.reports import open_run
from slm.workspace import Workspace


def told(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str):
    where = ("--workspace", str(workspace.root), "--run", "tiny", "--json")
    assert main([*arguments, *where]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_lens_tells_every_depth_and_the_parts_add_up(
    tiny_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "lens.npz"
    found = told(capsys, tiny_workspace, "lens", "--text", "Ben saw Ben", "--out", str(out))
    assert list(found["depths"]) == ["embedding", "block 0", "output"]
    parts = found["parts"]
    total = parts["embedding"] + np.sum(parts["heads"]) + sum(parts["feed_forward"]) + parts["rest"]
    assert total == pytest.approx(found["logit_above_mean"], abs=1e-3)
    with np.load(out) as arrays:
        assert arrays["heads_LH"].shape == (2, 2)
        assert arrays["top_ids_NTK"].shape == (3, len(found["tokens"]), 5)


def test_patching_tells_each_site_and_where_most_comes_back(
    tiny_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "patch.npz"
    texts = ("--clean", "The a", "--corrupted", "The b", "--out", str(out))
    found = told(capsys, tiny_workspace, "patch", *texts)
    assert set(found["recovery"]) == {"resid_pre", "attn_out", "mlp_out", "head_out"}
    assert found["recovery"]["resid_pre"][0][-1] == pytest.approx(1, abs=1e-3)
    assert found["best"]["resid_pre"]["recovery"] >= 0.999
    with np.load(out) as arrays:
        assert arrays["head_out_recovery_LP"].shape == (2, 2)


def test_what_cannot_be_patched_ends_with_a_sentence(
    tiny_workspace: Workspace, capsys: pytest.CaptureFixture[str]
):
    where = ("--workspace", str(tiny_workspace.root), "--run", "tiny")
    assert main(["patch", "--clean", "The a", "--corrupted", "The", *where]) == 1
    assert "align them from the end" in capsys.readouterr().err


def test_an_answer_is_one_token_with_or_without_its_space(tiny_workspace: Workspace):
    tokenizer = open_run(tiny_workspace.runs.get("tiny")).tokenizer
    assert tokenizer.token_bytes(answer_token(tokenizer, " the")) == b" the"
    with pytest.raises(DataError, match="An answer is a single one"):
        answer_token(tokenizer, "three whole words")


@pytest.mark.parametrize(
    ("measure", "shape"),
    [("weights", 4), ("value-norm", 4), ("logit", 4), ("layer-mean", 3), ("rollout", 3)],
)
def test_attention_saves_the_measure_that_was_asked_for(
    measure: str,
    shape: int,
    tiny_workspace: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    out = tmp_path / "attention.npz"
    asked = ("--text", "Ben saw Ben", "--measure", measure, "--out", str(out))
    found = told(capsys, tiny_workspace, "attention", *asked)
    with np.load(out) as arrays:
        values = arrays[measure.replace("-", "_")]
        assert values.ndim == shape and values.shape[-1] == found["tokens"]
        assert found["largest"] == pytest.approx(float(np.abs(values).max()))
        if measure in {"weights", "layer-mean", "rollout"}:
            assert values.sum(-1) == pytest.approx(np.ones(values.shape[:-1]), abs=1e-4)
