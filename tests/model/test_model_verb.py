"""`python -m slm model`: what a shape comes to, as JSON."""

import json

import pytest

from slm.__main__ import main
from slm.model.config import PRESETS, flops_per_token, memory_bytes


@pytest.fixture()
def tell(tmp_path, capsys):
    def tell_(*arguments):
        status = main(["model", *arguments, "--workspace", str(tmp_path), "--json"])
        said = capsys.readouterr()
        return json.loads(said.out) if status == 0 else said.err

    return tell_


def test_a_preset_is_told_part_by_part(tell):
    told = tell("--preset", "gpt2-124m", "--batch-size", "2")
    config = PRESETS["gpt2-124m"]
    assert told["parameters"] == sum(told["parameters_by_part"].values()) == 124_439_808
    assert told["forward_flops_per_token"] == flops_per_token(config)
    assert told["backward_flops_per_token"] == 2 * flops_per_token(config)
    muon = memory_bytes(config, 2, "train", optimizer="muon")
    assert told["training_bytes_by_part"] == muon
    assert told["rate_source"] is None and told["seconds"] is None
    assert [fit["machine"] for fit in told["fits"]][-1] == "H100, 80 GB"


def test_a_size_chooses_the_shape_and_flags_change_it(tell):
    told = tell("--size", "10M", "--vocab-size", "1024", "--norm", "layernorm")
    assert told["parameters"] == pytest.approx(10_000_000, rel=0.05)
    assert told["settings"]["vocab_size"] == 1024
    assert told["settings"]["norm"] == "layernorm"
    assert told["recipe"] == "mini"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "huge"], "is no size"),
        (["--size", "1M", "--vocab-size", "50257"], "Ask for more"),
        (["--preset", "nope"], "There is no preset"),
        (["--batch-size", "-1"], "at least 1"),
    ],
)
def test_what_cannot_be_is_one_sentence(tell, arguments, words):
    assert words in tell(*arguments)
