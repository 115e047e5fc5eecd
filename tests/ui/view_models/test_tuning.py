"""Fine-tuning in words: what is trained, what it takes, the command that does it."""

import shlex

import pytest

from slm.errors import ConfigError
from slm.model.config import PRESETS, ModelConfig
from slm.training.config import TrainConfig
from slm.training.memory import Fit
from ui.view_models import recipe
from ui.view_models.tuning import (
    base_recipe,
    came_from,
    first_fields,
    folded_fields,
    memory_need,
    trained_share,
    tune_argv,
)

SHAPE = ModelConfig(n_layers=1, n_heads=4, d_model=64, d_ff=128, vocab_size=256)


def test_the_share_of_trained_numbers_is_told():
    """qkv of one block: 3 · 2 · (64 + 64) = 768 of 57,632 numbers, which is 1.3%."""
    config = base_recipe(SHAPE, "adapters").replace(lora_rank=2, lora_parts="qkv")
    shown, sentence = trained_share(SHAPE, config)
    assert shown == "768" and "1.3% of the model's" in sentence and "rank 2" in sentence
    assert trained_share(SHAPE, base_recipe(SHAPE, "all"))[1].startswith("All 57.6 k parameters")
    with pytest.raises(ConfigError, match="at most 64"):
        trained_share(SHAPE, config.replace(lora_rank=65))


def test_the_command_names_the_model_and_what_differs_from_its_recipe():
    config = base_recipe(SHAPE, "adapters").replace(lora_rank=4, steps=50)
    argv = tune_argv("model-id", SHAPE, 20, config, "corpus-id", "my tale", processes=2)
    assert shlex.join(argv) == (
        "train --from=model-id --at=20 --corpus=corpus-id '--name=my tale' --nproc=2 "
        "--lora-rank=4 --steps=50"
    )
    whole = tune_argv("m", SHAPE, None, base_recipe(SHAPE, "all"), "c", "n")
    assert whole == ["train", "--from=m", "--corpus=c", "--name=n"]


def test_wide_models_are_tuned_at_lower_rates_and_adapters_at_higher_ones():
    narrow, wide = PRESETS["nano"], PRESETS["smollm2-135m"]
    rates = {
        (shape is wide, way): base_recipe(shape, way).learning_rate
        for shape in (narrow, wide)
        for way in ("all", "adapters")
    }
    assert rates[True, "all"] < rates[False, "all"] < rates[False, "adapters"]
    assert rates[True, "adapters"] == pytest.approx(5 * rates[True, "all"], rel=0.5)


@pytest.mark.parametrize("way", ["adapters", "all"])
def test_the_form_asks_for_every_setting_that_matters(way: str):
    asked = {*first_fields(way), *(name for names in folded_fields(way).values() for name in names)}
    left_out = set(TrainConfig.model_fields) - asked - {"sample_prompts"}
    of_muon = {"optimizer", "muon_learning_rate", "muon_momentum"}
    rest = {"sharding"} if way == "adapters" else set(recipe.ADAPTERS)
    assert left_out == of_muon | rest


def test_what_does_not_fit_is_told_with_what_would():
    fit = Fit(needed=2_000_000_000, free=1_000_000_000, grad_accum_steps=None, preset="nano")
    told = memory_need(fit, base_recipe(SHAPE, "all"), 1, on_gpu=False)
    assert told.problem and "adapters in place of all weights" in told.problem
    told = memory_need(fit, base_recipe(SHAPE, "adapters"), 1, on_gpu=False)
    assert told.problem and "Take shorter windows, or a smaller model" in told.problem


def test_a_tuned_run_says_what_it_began_with():
    run = {"kind": "runs", "name": "first", "step": 720}
    details = {"trained_parameters": 768, "parameters": 57_632}
    config = base_recipe(SHAPE, "adapters")
    assert came_from(run, details, config) == (
        "Fine-tuned from first at step 720: step 0 is that model as it was. Adapters of rank 8 "
        "are trained: 768 numbers beside 57.6 k that stay as they are."
    )
