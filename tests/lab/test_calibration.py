"""A run's certainty held against its held-out text, another corpus, or a file."""

import json
from pathlib import Path

import numpy as np
import pytest

from slm.__main__ import main
from slm.lab.calibration import ids_to_judge
from slm.lab.reports import open_run
from slm.workspace import Workspace


def told(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str) -> dict:
    capsys.readouterr()
    place = ("--workspace", str(workspace.root), "--json", "--run", "tiny")
    assert main(["calibration", *arguments, *place]) == 0
    return json.loads(capsys.readouterr().out)


def test_arrays_and_figures_tell_the_same(tiny_workspace: Workspace, tmp_path: Path, capsys):
    out = tmp_path / "tokens.npz"
    found = told(capsys, tiny_workspace, "--max-tokens", "300", "--out", str(out))
    assert found["tokens"] == 299
    with np.load(out) as kept:
        assert kept["nats"].mean() == pytest.approx(found["nats_per_token"], rel=1e-5)
        assert kept["hits"][:, 0].mean() == pytest.approx(found["top"]["1"])
        assert kept["guesses"].shape == kept["hits"].shape == (299, 10)
        bins = np.minimum((kept["guesses"][:, 0] * 15).astype(int), 14)
        gaps = [
            abs((kept["guesses"][:, 0] - kept["hits"][:, 0])[bins == b].sum()) for b in range(15)
        ]
        assert sum(gaps) / 299 == pytest.approx(found["width"]["ece"], rel=1e-4)


def test_the_runs_own_corpus_encoded_anew_gives_the_same_ids(tiny_workspace: Workspace):
    run = tiny_workspace.runs.get("tiny")
    opened = open_run(run)
    own = ids_to_judge(tiny_workspace, run, opened.tokenizer, "val", 200)
    corpus = tiny_workspace.corpora.list()[0].id
    again = ids_to_judge(tiny_workspace, run, opened.tokenizer, "val", 201, corpus=corpus)
    assert again[0] == opened.tokenizer.eos_id
    np.testing.assert_array_equal(again[1:], own)


def test_a_text_file_is_judged_from_its_first_token(
    tiny_workspace: Workspace, tmp_path: Path, capsys
):
    file = tmp_path / "text.txt"
    file.write_text("Once upon a time there was a fox.", encoding="utf-8")
    opened = open_run(tiny_workspace.runs.get("tiny"))
    found = told(capsys, tiny_workspace, "--text-file", str(file), "--bins", "10")
    assert found["tokens"] == len(opened.tokenizer.encode(file.read_text(encoding="utf-8")))
    assert all(len(at["width"]["bins"]) <= 10 for at in found["tempered"]["at"])
