"""A training that is still to be started: its cost in words, and its command line."""

from slm.model.config import PRESETS, flops_per_token
from slm.training.config import TrainConfig, recipe_for
from ui.view_models.model import Design
from ui.view_models.recipe import FIELDS, plan, suggested_name, train_argv

NANO = Design("nano", PRESETS["nano"])


def test_the_command_line_names_what_differs_from_the_preset():
    design = Design("nano", NANO.config.replace(n_kv_heads=None, vocab_size=1024))
    recipe = recipe_for("nano").replace(steps=50, sample_prompts=("Once",))
    assert train_argv(design, recipe, "c", "t", "mine") == [
        "train",
        "--corpus=c",
        "--tokenizer=t",
        "--name=mine",
        "--preset=nano",
        "--n-kv-heads=None",
        "--steps=50",
        "--sample-prompts",
        "Once",
    ]


def test_a_plain_preset_needs_no_flags():
    assert train_argv(NANO, recipe_for("nano"), "c", "t", "n")[-1] == "--preset=nano"


def test_epochs_are_tokens_read_over_tokens_there():
    """10 steps of 4 windows of 256 tokens read 10,240 tokens: a text of 5,120 twice."""
    told = plan(NANO.config, TrainConfig(steps=10, batch_size=4), 5_120, None)
    assert (told.tokens, told.epochs, told.time) == ("10.2 k", "2.00", "…")
    assert "the whole training text 2.0 times" in told.sentence
    assert told.problem is None


def test_time_follows_from_what_the_machine_did_before():
    """Training costs three forward passes a token; at that many FLOPs a second: 10,240 s."""
    recipe = TrainConfig(steps=10, batch_size=4)
    told = plan(NANO.config, recipe, None, 3.0 * flops_per_token(NANO.config))
    assert told.time == "≈ 2 h 50 min"
    slow = plan(NANO.config, recipe, None, 0.03 * flops_per_token(NANO.config))
    assert slow.time == "≈ 12 days"
    assert told.epochs == "…"


def test_many_repeats_are_warned_of():
    recipe = TrainConfig(steps=100, batch_size=4)
    assert "by heart" in plan(NANO.config, recipe, 5_120, None).sentence


def test_a_text_shorter_than_a_context_is_a_problem_with_its_remedy():
    told = plan(NANO.config, TrainConfig(), 256, None)
    assert told.problem is not None
    assert "holds 256 tokens" in told.problem and "at least 257" in told.problem


def test_a_name_is_made_that_no_run_has():
    assert suggested_name(NANO, "tales", ()) == "nano on tales"
    assert suggested_name(NANO, "tales", {"nano on tales", "nano on tales 2"}) == "nano on tales 3"


def test_the_form_asks_for_every_setting():
    assert set(TrainConfig.model_fields) - set(FIELDS) == {"sample_prompts"}
