"""One weight's making and a film, told in words and kept as files."""

import json
from pathlib import Path

import numpy as np
import pytest

from slm.errors import DataError
from slm.lab.filmstrip import FilmConfig
from slm.lab.reports import open_run
from slm.lab.weight_reports import cell_report, film_report
from slm.workspace import Workspace


def test_a_cell_adds_up_and_its_file_holds_the_row(tiny_workspace: Workspace, tmp_path: Path):
    opened = open_run(tiny_workspace.runs.get("tiny"))
    told = cell_report(opened, "Ben saw the lamp", 1, 1, out=tmp_path / "cell.npz")
    width = len(told["products"])
    assert told["dot_product"] == pytest.approx(sum(told["products"]), abs=1e-3)
    assert told["score"] == pytest.approx(told["dot_product"] / width**0.5, abs=1e-4)
    assert (told["query"], told["rank"]) == (len(told["tokens"]) - 1, 1)
    json.dumps(told, allow_nan=False)
    with np.load(tmp_path / "cell.npz", allow_pickle=False) as stored:
        assert stored["weights_S"][told["key"]] == pytest.approx(told["weight"])
        assert stored["query_TK"].shape == (len(told["tokens"]), width)


def test_a_position_that_is_not_there_is_named(tiny_workspace: Workspace):
    opened = open_run(tiny_workspace.runs.get("tiny"))
    with pytest.raises(DataError, match="There is no position 99"):
        cell_report(opened, "Ben saw", query=99)


def test_a_film_tells_what_was_written_and_keeps_every_frame(
    tiny_workspace: Workspace, tmp_path: Path
):
    opened = open_run(tiny_workspace.runs.get("tiny"))
    config = FilmConfig(max_new_tokens=4, temperature=0)
    told = film_report(opened, "Ben saw", config, out=tmp_path / "film.npz")
    assert told["text"].startswith("Ben saw")
    assert all(len(frame["by_depth"]) == 3 for frame in told["frames"])
    json.dumps(told, allow_nan=False)
    with np.load(tmp_path / "film.npz", allow_pickle=False) as stored:
        assert len(stored["weights"]) == len(told["frames"])
        np.testing.assert_allclose(stored["weights"].sum(-1), 1, atol=1e-3)
