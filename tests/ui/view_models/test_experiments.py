"""Sweeps and races in words."""

from dataclasses import replace

import pytest

from slm.jobs import Job, JobStatus, StageStatus
from slm.lab.experiments import Budget, Plan
from slm.lab.lanes import lane_of
from slm.model.config import PRESETS, ModelConfig
from slm.queueing import Waiting
from slm.training.config import TrainConfig, recipe_for
from slm.training.events import Event
from slm.training.runs import RunSettings
from tests.lab.test_standings import trace
from ui.view_models import experiment_forms as forms
from ui.view_models import experiments, lane_rows, race_words, sweep_words
from ui.view_models import run_comparison as comparing
from ui.view_models.model import read_design
from ui.view_models.queue import queue_rows
from ui.view_models.settings import from_text


def plan_of(*traces, kind="race", budget=None, field=None):
    lanes = tuple(each.lane for each in traces)
    return Plan(kind, "it", "c", "t", "k", lanes, field=field, budget=budget)


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        (None, "Race of 2 lanes, 2.00 k tokens each: stopped, 50%"),
        (JobStatus("interrupted"), "Race of 2 lanes, 2.00 k tokens each: interrupted, 50%"),
        (
            JobStatus("queued", queue_position=2),
            "Race of 2 lanes, 2.00 k tokens each: waiting behind 2 jobs, 50%",
        ),
        (
            JobStatus("running", (StageStatus("race", "running", 0.5),), elapsed_seconds=60),
            "Race of 2 lanes, 2.00 k tokens each: under way, 50%, about 1 min left",
        ),
    ],
)
def test_the_headline_tells_state_share_and_time(status, headline):
    half = [trace(name, [4.0, 3.0, 2.0]).until(0.5) for name in "ab"]
    found = experiments.head(plan_of(*half, budget=Budget("tokens", 2_000)), half, status)
    assert found.headline.replace("2,000", "2.00 k") == headline
    assert found.can_resume == (not found.alive)


def test_the_verdict_names_the_first_and_its_lead():
    """`fast` passes 3.0, where `slow` ended at 2,000 tokens, with 1,000."""
    fast, slow = trace("fast", [4.0, 3.0, 2.0]), trace("slow", [4.0, 3.5, 3.0])
    told = race_words.race_verdict(
        plan_of(fast, slow, budget=Budget("tokens", 2_000)), [slow, fast], "tokens"
    )
    assert told.startswith("fast is first with 2.000 nats, 1.000 below the next.")
    assert "had reached with 50% of the tokens" in told


def test_a_difference_smaller_than_that_of_seeds_is_called_level():
    pair = [trace("a", [4.0, 3.001]), trace("b", [4.0, 3.003])]
    assert "are level" in race_words.race_verdict(plan_of(*pair), pair, "step")


def test_a_lane_that_missed_its_budget_is_told():
    """10 s of 8 s are 125%."""
    one = trace("late", [4.0, 3.0])
    facts = race_words.fairness(plan_of(one, budget=Budget("seconds", 8)), [one])
    (unfair,) = [fact.text for fact in facts if not fact.fair]
    assert unfair.startswith("late used 125% of its seconds")
    assert race_words.fairness_title(facts) == "Is it fair? 1 thing to know"


def test_longer_contexts_are_told_to_be_an_advantage():
    short, long = trace("a", [4.0, 3.0]), trace("b", [4.0, 3.0])
    lane = replace(long.lane, model=long.lane.model.replace(context_length=512))
    facts = race_words.fairness(plan_of(short, replace(long, lane=lane)), [])
    assert any("longer context" in fact.text for fact in facts if not fact.fair)


def test_texts_of_the_lanes_stand_at_most_three_in_a_row():
    texts = lane_rows.lane_texts([trace(str(n), [4.0]) for n in range(5)], "")
    assert [len(row) for row in lane_rows.in_rows(texts)] == [3, 2]
    assert texts[0].caption == "has not written yet"


def test_a_sweep_says_that_its_best_is_at_the_edge_and_what_diverged():
    traces = [
        trace("a", [4.0, 3.0], value=0.1),
        trace("b", [4.0, 2.5], value=0.2),
        trace("c", [4.0, 2.0], value=0.4),
        trace("d", [4.0, 3.9], value=0.8, state="diverged"),
    ]
    told = sweep_words.sweep_verdict(plan_of(*traces, kind="sweep", field="learning_rate"), traces)
    assert told == "Best: learning rate 0.4, 2.000 nats at the end. Diverged: 0.8."
    told = sweep_words.sweep_verdict(
        plan_of(*traces[:3], kind="sweep", field="learning_rate"), traces[:3]
    )
    assert told.endswith("It is at the edge: the best may be larger still.")


def test_values_as_near_as_seeds_are_not_told_apart():
    """0.2 is best by 0.05 in the mean; its own seeds differ by 0.1."""
    traces = [
        trace("a1", [4.0, 2.10], value=0.1),
        trace("b1", [4.0, 2.10], value=0.2),
        trace("a2", [4.0, 2.10], value=0.1),
        trace("b2", [4.0, 2.00], value=0.2),
    ]
    told = sweep_words.sweep_verdict(plan_of(*traces, kind="sweep", field="learning_rate"), traces)
    assert "0.1 is as good within what seeds change (0.050 apart)" in told


def test_a_lane_fills_the_form_of_a_new_training_with_its_settings_alone():
    lane = lane_of("preset=nano,n_layers=2,learning_rate=0.02,steps=77", {}, {})
    raced = replace(
        lane,
        model=lane.model.replace(vocab_size=1_024),
        train=lane.train.replace(evaluate_every=3, sample_every=9, snapshots=0, threads=1),
    )
    design, recipe = experiments.form_texts(raced)
    assert read_design(design).config == PRESETS["nano"].replace(n_layers=2)
    wanted = recipe_for("nano").replace(learning_rate=0.02, steps=77)
    assert from_text(recipe, recipe_for("nano")) == wanted


@pytest.mark.parametrize("name", forms.READY_MADE)
def test_every_ready_made_race_can_be_run(name):
    preview = forms.race_preview(forms.READY_MADE[name], Budget("tokens", 1e6), 1_024, ())
    assert preview.problem is None
    assert len(preview.rows) == len(forms.READY_MADE[name])


def test_a_race_that_cannot_be_is_a_sentence_before_it_starts():
    assert forms.race_preview(["preset=nano"], Budget("tokens", 1e6), 64, ()).problem
    tiny = forms.race_preview(["preset=nano"] * 2, Budget("tokens", 100), 64, ())
    assert tiny.problem is not None and "at least 10" in tiny.problem


def test_a_sweep_is_previewed_with_the_runs_that_it_makes():
    model, recipe = ModelConfig(), TrainConfig(steps=30)
    preview = forms.sweep_preview(model, recipe, "n_layers", ("1", "2"), 2, ())
    assert [row["run"] for row in preview.rows] == [
        "n_layers 1, seed 1",
        "n_layers 2, seed 1",
        "n_layers 1, seed 2",
        "n_layers 2, seed 2",
    ]
    assert forms.sweep_preview(model, recipe, "n_layers", ("0", "2"), 1, ()).problem


def test_changes_in_mid_run_are_marked_where_they_were():
    """A step is 100 tokens: a change after step 10 stands at 1,000."""
    one = trace("one", [4.0, 3.0, 2.0])
    events = {"one": [Event(10, "learning_rate", 0.01, 0.02)]}
    (mark,) = comparing.mark_rows([one], events, "tokens")
    assert (mark["x"], mark["run"]) == (1000, "one")
    assert mark["note"] == "step 10: learning_rate 0.01 → 0.02"


def test_only_settings_that_differ_are_listed_and_ids_are_told_by_name():
    model = ModelConfig(n_layers=2)
    first = RunSettings(model, TrainConfig(steps=5), "c1", "t", "k", {})
    second = RunSettings(model, TrainConfig(steps=9), "c2", "t", "k", {})
    rows = comparing.difference_rows(
        [("a", first), ("b", second)],
        [trace("a", [4.0, 3.0]), trace("b", [4.0])],
        {"c1": "Tales", "c2": "Code"},
    )
    assert rows[0] == {
        "setting": "best validation loss (nats)",
        "a": "3.000 at step 10",
        "b": "4.000 at step 0",
    }
    assert rows[2:] == [
        {"setting": "steps", "a": "5", "b": "9"},
        {"setting": "corpus", "a": "Tales", "b": "Code"},
    ]


def test_the_line_tells_place_owner_and_when(tmp_path):
    def job(name, verb, owner, place):
        return Job(tmp_path, name, name, owner, "", (verb,), place, None, place)

    line = [
        Waiting(job("one", "train", "local", 1), JobStatus("running"), 0),
        Waiting(job("two", "race", "Ada", 2), JobStatus("queued"), 1),
        Waiting(job("three", "sweep", "local", 3), JobStatus("queued"), 2),
    ]
    rows = queue_rows(line, [0.0, 75.0, None])
    assert [row.told for row in rows] == [
        "▶ one (training) · runs now",
        "1. two (race) · begins in about 1 min 15 s",
        "2. three (sweep) · nobody knows when it begins",
    ]
    assert [row.can_move for row in rows] == [False, False, True]
    assert [row.can_leave for row in rows] == [False, True, True]
    assert queue_rows(line[:1], [0.0]) == ()
