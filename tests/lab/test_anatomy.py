"""A choice taken apart on the command line."""

import json

import pytest

from slm.__main__ import main
from slm.lab.reports import open_run
from slm.sampling.config import SamplingConfig
from slm.sampling.draws import uniforms
from slm.sampling.filters import next_token_distribution
from slm.sampling.generate import generate, logits
from slm.workspace import Workspace


def test_the_number_of_a_seed_draws_what_generate_writes(tiny_workspace: Workspace):
    opened = open_run(tiny_workspace.runs.get("tiny"))
    ids = opened.tokenizer.encode("Ben saw")
    for seed in range(5):
        config = SamplingConfig(seed=seed, temperature=1.5)
        (step,) = generate(opened.model, ids, config, 1)
        distribution = next_token_distribution(logits(opened.model, ids), config, ids)
        assert distribution.draw(uniforms(seed, 1)[0]) == step.id


def test_anatomy_tells_each_stage_and_the_tally(
    tiny_workspace: Workspace, capsys: pytest.CaptureFixture[str]
):
    where = ("--workspace", str(tiny_workspace.root), "--run", "tiny", "--json")
    asked = ("--prompt", "Ben saw", "--top-k", "3", "--draws", "20", *where)
    assert main(["anatomy", *asked]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stages"][0]["name"] == "model"
    assert found["stages"][-1]["kept"] == 3
    assert sum(found["tally"].values()) == 20 and found["drawn"] in found["tally"]
