"""Reports of looks into a model, on the tiny run of the pages' tests."""

from pathlib import Path

import numpy as np
import pytest
import torch

from slm.__main__ import main
from slm.errors import DataError
from slm.lab.looking import text_timeline_report, timeline_report, walk_report
from slm.lab.reports import open_run
from slm.model.checkpoint import snapshots
from slm.workspace import Workspace

TEXT = "Ben saw the otter. Ben saw"


def test_the_report_tells_what_the_model_says(tiny_workspace: Workspace, tmp_path: Path):
    opened = open_run(tiny_workspace.runs.get("tiny"))
    told = walk_report(opened, TEXT, layer=1, out=tmp_path / "walk.npz")
    logits_V = opened.model(torch.tensor([told["ids"]]))[0, -1].detach()
    assert told["next"][0]["id"] == int(logits_V.argmax())
    assert told["next"][0]["probability"] == pytest.approx(float(logits_V.softmax(-1).max()), 1e-3)
    assert told["logit_parts"]["logit"] == pytest.approx(float(logits_V.max()), abs=1e-3)
    assert len(told["next_by_depth"]) == len(told["stream_lengths"]) == 3
    with np.load(tmp_path / "walk.npz") as arrays:
        np.testing.assert_allclose(arrays["weights_HTS"].sum(-1), 1, atol=1e-5)
        assert arrays["stream_LTD"].shape == (3, len(told["ids"]), 32)


def test_a_long_text_is_walked_as_far_as_it_goes(tiny_workspace: Workspace):
    opened = open_run(tiny_workspace.runs.get("tiny"))
    assert len(walk_report(opened, TEXT * 40)["ids"]) == 64


def test_a_position_that_is_not_there_is_said(tiny_workspace: Workspace):
    opened = open_run(tiny_workspace.runs.get("tiny"))
    with pytest.raises(DataError, match="the text has 0 to 0"):
        walk_report(opened, "B", position=1)


def test_the_timeline_tells_every_snapshot(tiny_workspace: Workspace):
    run = tiny_workspace.runs.get("tiny")
    told = timeline_report(run)
    steps = [each["step"] for each in told["snapshots"]]
    assert steps == [reference.step for reference in snapshots(run.folder)]
    assert told["snapshots"][-1]["text_nats"] < told["snapshots"][0]["text_nats"]
    assert 0 <= told["snapshots"][0]["best_heads"]["induction"] <= 1
    assert told["problems"] == []


def test_a_text_of_ones_own_goes_through_every_snapshot(
    tiny_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = tiny_workspace.runs.get("tiny")
    told = text_timeline_report(run, TEXT, out=tmp_path / "text.npz")
    steps = [each["step"] for each in told["snapshots"]]
    rise = told["steepest_rises"]["previous_token"]
    assert rise is None or rise["before"] < rise["after"]
    with np.load(tmp_path / "text.npz") as arrays:
        n_tokens = len(told["tokens"])
        assert arrays["weights_SLHTT"].shape == (len(steps), 2, 2, n_tokens, n_tokens)
        assert arrays["steps"].tolist() == steps
        assert arrays["nats_ST1"][0].mean() == pytest.approx(told["snapshots"][0]["nats_per_token"])
    here = ["--workspace", str(tiny_workspace.root)]
    assert main(["timeline", "--run", "tiny", "--text", TEXT, *here]) == 0
    assert "steepest_rises" in capsys.readouterr().out
    assert main(["timeline", "--run", "tiny", "--out", "x.npz", *here]) == 1
    assert "--text" in capsys.readouterr().err
    assert main(["timeline", "--run", "tiny", "--text", "", *here]) == 1


def test_both_are_verbs(tiny_workspace: Workspace, capsys: pytest.CaptureFixture[str]):
    here = ["--workspace", str(tiny_workspace.root)]
    assert main(["walk", "--run", "tiny", "--text", TEXT, *here]) == 0
    assert "stream_lengths" in capsys.readouterr().out
    assert main(["timeline", "--run", "tiny", *here]) == 0
    assert "best_heads" in capsys.readouterr().out
    assert main(["walk", "--run", "tiny", "--text", "", *here]) == 1
    assert "text is empty" in capsys.readouterr().err
