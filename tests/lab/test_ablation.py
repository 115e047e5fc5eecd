"""Ablation as the command line tells it, and what is written without some parts."""

import json
from pathlib import Path

import numpy as np
import pytest

from slm.__main__ import main
from slm.attention.interventions import Edit, PaintedRow
from slm.attention.readings import reading
from slm.lab.ablation import continuation
from slm.lab.reports import OpenedRun, open_run
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import generate
from slm.workspace import Workspace

GREEDY = SamplingConfig(temperature=0)


@pytest.fixture()
def tiny(tiny_workspace: Workspace) -> OpenedRun:
    return open_run(tiny_workspace.runs.get("tiny"))


def test_without_edits_it_writes_what_generate_writes(tiny: OpenedRun):
    ids = tiny.tokenizer.encode("Ben saw")
    config = SamplingConfig(seed=3)
    expected = [step.id for step in generate(tiny.model, ids, config, 6)]
    assert continuation(tiny.model, ids, (), config, 6) == expected


def test_each_new_token_is_the_likeliest_of_an_edited_reading(tiny: OpenedRun):
    ids = tiny.tokenizer.encode("Ben saw")
    edits = [Edit(0, 0), Edit(1, None, "scale", 0.2), PaintedRow(1, 1, 1, (1.0, 3.0))]
    written = continuation(tiny.model, ids, edits, GREEDY, 4)
    text = list(ids)
    for token in written:
        assert token == reading(tiny.model, text, edits).logs_PV[0].argmax()
        text.append(token)


def test_writing_ends_where_the_context_does(tiny: OpenedRun):
    """Beyond it the older half would be dropped, and painted rows would hit other tokens."""
    full = tiny.tokenizer.encode("Ben saw Ben " * 99)[: tiny.model.config.context_length - 2]
    assert len(continuation(tiny.model, full, (), GREEDY, 9)) == 2


def told(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str):
    where = ("--workspace", str(workspace.root), "--run", "tiny", "--json")
    assert main(["ablate", *arguments, *where]) == 0
    return json.loads(capsys.readouterr().out)


def test_ablate_tells_the_change_at_each_token_and_both_continuations(
    tiny_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "ablation.npz"
    arguments = ("--text", "Ben saw Ben", "--edit", "0.*:off", "1.ff:x0.5", "--out", str(out))
    found = told(capsys, tiny_workspace, *arguments, "--importance", "mean")
    assert found["edits"] == "0.*:off 1.ff:x0.5"
    nats = found["nats_per_token"]
    assert np.mean(found["change_of_nats"]) == pytest.approx(
        nats["changed"] - nats["untouched"], abs=1e-3
    )
    assert set(found["continuation"]) == {"untouched", "changed"}
    assert np.shape(found["importance"]["heads"]) == (2, 2)
    with np.load(out) as arrays:
        assert arrays["change_of_nats_LP"].shape == (2, 3)
        assert arrays["nats_changed_T"].mean() == pytest.approx(nats["changed"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [((), "Nothing is changed"), (("--edit", "9.0:off"), "no layer 9")],
)
def test_what_cannot_be_ablated_ends_with_a_sentence(
    arguments: tuple[str, ...],
    says: str,
    tiny_workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
):
    where = ("--workspace", str(tiny_workspace.root), "--run", "tiny")
    assert main(["ablate", *arguments, *where]) == 1
    assert says in capsys.readouterr().err
