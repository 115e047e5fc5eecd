"""A training that is still to be started: its cost in words, and its command line."""

from dataclasses import dataclass

import pytest

from slm.model.config import PRESETS, parameter_counts
from slm.training.config import TrainConfig, recipe_for
from ui.view_models.jobs import size
from ui.view_models.model import Design
from ui.view_models.recipe import (
    ADAPTERS,
    FIELDS,
    SCHEDULES,
    disk_need,
    memory_need,
    plan,
    processes_problem,
    prompts_of,
    prompts_problem,
    schedule_rows,
    suggested_name,
    train_argv,
)


@dataclass(frozen=True)
class Fit:
    """What the memory check tells."""

    needed: int
    free: int
    grad_accum_steps: int | None = None
    preset: str | None = None
    in_shares: bool = False

    @property
    def fits(self) -> bool:
        return self.needed <= self.free


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


def test_several_processes_stand_in_the_command():
    assert "--nproc=2" in train_argv(NANO, recipe_for("nano"), "c", "t", "n", processes=2)


def test_epochs_are_tokens_read_over_tokens_there():
    """10 steps of 4 windows of 256 tokens read 10,240 tokens: a text of 5,120 twice."""
    told = plan(NANO.config, TrainConfig(steps=10, batch_size=4), 5_120)
    assert (told.tokens, told.epochs) == ("10.2 k", "2.00")
    assert "the whole training text 2.0 times" in told.sentence
    assert told.problem is None
    assert plan(NANO.config, TrainConfig(), None).epochs == "…"


def test_many_repeats_are_warned_of():
    recipe = TrainConfig(steps=100, batch_size=4)
    assert "by heart" in plan(NANO.config, recipe, 5_120).sentence


def test_a_text_shorter_than_a_context_is_a_problem_with_its_remedy():
    told = plan(NANO.config, TrainConfig(), 256)
    assert told.problem is not None
    assert "holds 256 tokens" in told.problem and "at least 257" in told.problem


def test_memory_that_is_enough_is_stated():
    need = memory_need(Fit(needed=2_000_000_000, free=8_000_000_000))
    assert need.problem is None and "2.0 GB of memory; 8.0 GB are free here" in need.sentence


@pytest.mark.parametrize(
    ("fit", "remedy"),
    [
        (Fit(9_000_000_000, 8_000_000_000, grad_accum_steps=4), "4 micro-batches per step"),
        (Fit(9_000_000_000, 8_000_000_000, preset="mini"), "such as mini"),
        (Fit(9_000_000_000, 8_000_000_000), "much smaller model"),
    ],
)
def test_memory_that_is_not_enough_is_refused_with_what_would_fit(fit, remedy):
    need = memory_need(fit)
    assert need.problem is not None and "9.0 GB" in need.problem and remedy in need.problem


def test_processes_share_the_memory_of_a_processor_but_not_of_their_gpus():
    fit = Fit(needed=3_000_000_000, free=8_000_000_000)
    assert "fewer than 4 processes" in (memory_need(fit, 4).problem or "")
    assert memory_need(fit, 4, on_gpu=True).problem is None


def test_a_model_in_shares_is_said_to_be_without_samples():
    fit = Fit(needed=3_000_000_000, free=8_000_000_000, in_shares=True)
    assert "holds a share of the model" in memory_need(fit, 4, on_gpu=True).sentence
    assert "its own batch" in (memory_need(fit, 4).problem or "")


def test_the_disk_holds_the_kept_checkpoints_the_best_and_the_snapshots():
    """AdamW: weights and two averages, 12 bytes a parameter; a snapshot takes 2."""
    n = sum(parameter_counts(NANO.config).values())
    recipe = TrainConfig(optimizer="adamw", steps=400, snapshots=2)
    need = disk_need(NANO.config, recipe, 2, 10**12, kept=3)
    assert need.shown == size(4 * 12 * n + 2 * 2 * n) and need.problem is None
    assert "no room for more" in disk_need(NANO.config, recipe, 1, 10**12, 3).sentence
    assert "Delete runs" in (disk_need(NANO.config, recipe, 2, 10**6, 3).problem or "")


def test_all_schedules_are_drawn_from_the_first_step_to_the_last():
    rows = schedule_rows(TrainConfig(steps=1_000, learning_rate=0.01))
    assert set(rows["schedule"]) == set(SCHEDULES) and max(rows["step"]) == 999
    assert len(rows["step"]) < 700 and max(rows["value"]) == pytest.approx(0.01)


def test_a_batch_too_small_for_its_processes_is_told():
    recipe = TrainConfig(batch_size=12, grad_accum_steps=4)
    assert processes_problem(recipe, 3) is None
    assert "take at most 3" in (processes_problem(recipe, 4) or "")


def test_prompts_are_lines_and_none_may_pass_for_a_flag():
    assert len(prompts_of("\n".join("abcdefghijkl"))) == 8
    assert prompts_problem(("Once", "")) is None
    assert "hyphen" in (prompts_problem(("--steps=9",)) or "")


def test_a_name_is_made_that_no_run_has():
    assert suggested_name(NANO, "tales", ()) == "nano on tales"
    assert suggested_name(NANO, "tales", {"nano on tales", "nano on tales 2"}) == "nano on tales 3"


def test_the_form_asks_for_every_setting():
    assert set(TrainConfig.model_fields) - set(FIELDS) == {"sample_prompts", *ADAPTERS}
