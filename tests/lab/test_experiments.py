"""Sweeps and races of tiny runs: planned, trained in turns, killed and gone on with."""

import json
import time
from dataclasses import replace

import pytest

from slm import jobs
from slm.__main__ import main
from slm.errors import ConfigError, NoMemoryError
from slm.lab import experiments, races, standings, sweeps
from slm.lab.experiments import Budget
from slm.lab.lanes import Lane, lane_of
from slm.lab.races import RaceConfig
from slm.model.config import ModelConfig
from slm.training.config import TrainConfig
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Workspace
from tests.processes import end_all

PATIENCE_SECONDS = 90
SMALL = "preset=nano,context_length=64,n_layers=1,n_heads=2,n_kv_heads=1,d_model=32,d_ff=64"
SMALL += ",batch_size=2,warmup_steps=2"
CONFIG = RaceConfig(threads=1, device="cpu", samples=2, sample_tokens=4, evaluations=4)


@pytest.fixture
def here(workspace_env: Workspace) -> Workspace:
    return workspace_env


def parents(here: Workspace):
    return here.corpora.list()[0], here.tokenizers.list()[0], here.tokens.list()[0]


def race_of(here: Workspace, *lanes: str, budget: str):
    plan = races.plan_race(
        *parents(here), Budget.parse(budget), races.read_lanes(lanes, CONFIG), CONFIG, name="race"
    )
    assert plan is not None
    return plan, experiments.create(here, plan)


class StopAfter:
    """A reporter that asks to stop once it was asked so often."""

    def __init__(self, asked: int) -> None:
        self.left = asked

    def __call__(self, fraction, message="", *, stage=None, **facts) -> None:
        return

    def plan(self, stages) -> None:
        return

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_steps_follow_from_the_budget():
    """A step of 2 windows of 64 places is 128 tokens: 12,800 tokens are 100 steps."""
    lane = lane_of(SMALL, {}, {})
    assert races.steps_for(lane, Budget("tokens", 12_800)) == 100
    assert races.steps_for(lane, Budget("flops", 12_800 * lane.flops_per_token)) == 100
    assert races.steps_for(lane, Budget("seconds", 10), places_per_second=1_280) == 100
    half_empty = replace(lane, filled=0.5)  # a step has half the tokens, and costs as much
    assert races.steps_for(half_empty, Budget("tokens", 12_800)) == 200
    assert races.steps_for(half_empty, Budget("flops", 12_800 * lane.flops_per_token)) == 100


def test_a_budget_of_too_few_steps_names_the_lane():
    with pytest.raises(ConfigError, match=r"is 1 steps of the lane 'one'.*at least 10"):
        races.steps_for(lane_of(f"{SMALL},name=one", {}, {}), Budget("tokens", 200))


@pytest.mark.parametrize("wrong", ["", "tokens", "tokens=0", "tokens=-5", "hours=3", "tokens=nan"])
def test_a_budget_that_is_none_is_refused(wrong):
    with pytest.raises(ConfigError, match="tokens=, flops= or seconds="):
        Budget.parse(wrong)


@pytest.mark.parametrize(
    ("lane", "told"),
    [
        ("preset=huge", "no preset 'huge'"),
        ("preset=nano,colour=red", "'colour=red'"),
        ("preset=nano,steps=5", "follows from the budget"),
        ("preset=nano,seed=5", "the same for all lanes"),
        ("preset=nano,n_heads=7", "cannot be"),
        ("preset=nano,learning_rate=fast", "cannot be"),
    ],
)
def test_a_lane_that_cannot_be_is_named_with_the_reason(lane, told):
    with pytest.raises(ConfigError, match=told):
        races.read_lanes([lane, "preset=nano"], CONFIG)


def test_a_race_has_two_to_six_lanes_and_each_a_name_of_its_own():
    for number in (0, 1, 7):
        with pytest.raises(ConfigError, match=f"this one has {number}"):
            races.read_lanes(["preset=nano"] * number, CONFIG)
    assert [lane.name for lane in races.read_lanes(["preset=nano"] * 2, CONFIG)] == [
        "nano",
        "nano (2)",
    ]


def test_all_lanes_are_measured_on_the_same_tokens_at_the_same_shares(here):
    plan, _ = race_of(here, SMALL, f"{SMALL},batch_size=4", budget="tokens=15360")
    first, second = (lane.train for lane in plan.lanes)
    assert (first.steps, second.steps) == (120, 60)
    assert (first.evaluate_every, second.evaluate_every) == (30, 15)
    assert first.evaluation_tokens == second.evaluation_tokens
    assert (first.seed, first.threads) == (second.seed, second.threads) == (1, 1)


def test_a_race_in_turns_gives_each_lane_the_losses_that_it_has_alone(here):
    """Turns end and begin bit for bit, so who else races changes nothing."""
    fast = f"{SMALL},name=fast,learning_rate=0.02"
    plan, experiment = race_of(here, fast, f"{SMALL},name=slow", budget="tokens=5120")
    traces = races.run_race(here, experiment, plan)
    assert [each.state for each in traces] == ["done", "done"]
    assert [each.last.step for each in traces if each.last] == [40, 40]

    alone = experiments.Plan(**{**vars(plan), "lanes": plan.lanes[:1], "name": "alone"})
    (single,) = races.run_race(here, experiments.create(here, alone), alone)
    assert [p.val_nats for p in single.points] == [p.val_nats for p in traces[0].points]
    assert [p.train_nats for p in single.points] == [p.train_nats for p in traces[0].points]


def test_lanes_grow_side_by_side_and_a_stopped_race_goes_on(here):
    plan, experiment = race_of(
        here, f"{SMALL},name=a", f"{SMALL},name=b,optimizer=adamw", budget="tokens=7680"
    )
    stopped = races.run_race(here, experiment, plan, StopAfter(35))
    done = [each.fraction for each in stopped]
    assert min(done) > 0 and max(done) < 1
    assert max(done) - min(done) <= 1 / 12 + 1e-9
    assert standings.read_record(experiment) == {}
    runs = experiments.runs_of(here, experiment.id)
    finished = races.run_race(here, experiment, plan)
    assert [each.fraction for each in finished] == [1, 1]
    assert experiments.runs_of(here, experiment.id) == runs
    assert list(standings.read_record(experiment)) == ["a", "b"]


def test_a_lane_that_diverges_is_out_and_the_other_goes_on(here):
    """A decay of 10 at a rate of 1 multiplies weights by -9 a step, past all numbers soon."""
    wild = f"{SMALL},name=wild,optimizer=adamw,learning_rate=1,weight_decay=10,gradient_clip=0"
    plan, experiment = race_of(here, wild, f"{SMALL},name=calm", budget="tokens=12800")
    traces = races.run_race(here, experiment, plan)
    assert [each.state for each in traces] == ["diverged", "done"]
    assert traces[0].final is None
    assert traces[0].last is not None and 0 < traces[0].last.step < 100
    assert standings.ranking(traces)[-1].lane.name == "wild"
    assert races.run_race(here, experiment, plan) == traces  # it is not tried again


def test_curves_outlive_the_runs(here):
    plan, experiment = race_of(here, f"{SMALL},name=a", f"{SMALL},name=b", budget="tokens=2560")
    before = races.run_race(here, experiment, plan)
    for run in experiments.runs_of(here, experiment.id).values():
        here.runs.delete(run.id)
    after = standings.traces_of(plan, experiment, experiments.runs_of(here, experiment.id))
    assert after == before


def test_a_plan_survives_its_file(here):
    plan, experiment = race_of(here, SMALL, f"{SMALL},mlp=gelu", budget="flops=1e10")
    assert experiments.read_plan(experiment) == plan


def test_a_sweep_tries_every_value_before_a_second_seed(here):
    base = base_lane()
    plan = sweeps.plan_sweep(
        *parents(here), base, "learning_rate", ["0.003", "0.01"], 2, name="sweep"
    )
    assert [(lane.value, lane.train.seed) for lane in plan.lanes] == [
        (0.003, 1),
        (0.01, 1),
        (0.003, 2),
        (0.01, 2),
    ]
    traces = sweeps.run_sweep(here, experiments.create(here, plan), plan)
    results = standings.by_value(traces)
    assert [len(each.finals) for each in results] == [2, 2]
    assert all(each.waiting == each.diverged == 0 for each in results)


def test_both_rates_are_swept_by_one_factor(here):
    plan = sweeps.plan_sweep(*parents(here), base_lane(), "rates", ["0.5", "2"], 1, name="rates")
    assert [
        (lane.train.learning_rate, lane.train.muon_learning_rate, lane.value) for lane in plan.lanes
    ] == [(0.005, 0.0075, 0.5), (0.02, 0.03, 2.0)]


@pytest.mark.parametrize(
    ("field", "values", "seeds", "told"),
    [
        ("learning_rate", ["0.1"], 1, "2 to 12 different values"),
        ("learning_rate", ["0.1", "0.1"], 1, "2 to 12 different values"),
        ("learning_rate", ["0.1", "0.2"], 4, "1 to 3 seeds"),
        ("seed", ["1", "2"], 2, "one seed a value"),
        ("vocab_size", ["10", "20"], 1, "no setting that a sweep can vary"),
        ("learning_rate", ["0.1", "2"], 1, "learning_rate is '2'"),
        ("rates", ["fast", "2"], 1, "give a factor"),
        ("n_heads", ["2", "3"], 1, "n_heads"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_is_trained(
    here, field, values, seeds, told
):
    with pytest.raises(ConfigError, match=told):
        sweeps.plan_sweep(*parents(here), base_lane(), field, values, seeds, name="wrong")


@pytest.mark.parametrize("field", sweeps.swept_fields())
def test_suggested_values_can_all_be_trained(field):
    values = sweeps.suggested_values(field, ModelConfig(), TrainConfig())
    if len(values) > 1:
        lanes = sweeps.lanes_of(base_lane(), field, values, 1)
        assert len(lanes) == len(values)


@pytest.mark.parametrize(
    ("kills", "budget", "steps"),
    [
        pytest.param((1,), "tokens=10240", 80, id="once"),
        pytest.param((1, 80, 200), "tokens=40960", 320, id="three times", marks=pytest.mark.slow),
    ],
)
def test_a_race_that_is_killed_goes_on_as_a_job(here, kills, budget, steps):
    """The worker is killed after those steps; the job goes on with one experiment and two runs."""
    argv = ["race", f"--corpus={parents(here)[0].id}", f"--tokenizer={parents(here)[1].id}"]
    argv += [f"--budget={budget}", "--threads=1", "--samples=0", "--name=killed"]
    argv += [f"--lane={SMALL},name=a", f"--lane={SMALL},name=b"]
    job = jobs.start(here, argv, name="killed")
    for step in kills:
        until(lambda step=step: furthest(here) >= step)
        job.kill()
        until(lambda: not job.is_alive())
        jobs.restart(here, job)
    until(lambda: not job.status().alive)
    assert job.status().state == "done", job.log_tail()
    (experiment,) = experiments.shelf(here).list()
    plan = experiments.read_plan(experiment)
    runs = experiments.runs_of(here, experiment.id)
    traces = standings.traces_of(plan, experiment, runs)
    assert [each.last.step for each in traces if each.last] == [steps, steps]
    assert [p.val_nats for p in traces[0].points] == [p.val_nats for p in traces[1].points]
    assert len(here.runs.list()) == 3
    end_all(here)


def test_the_verb_tells_its_table_as_json(here, capsys):
    corpus, tokenizer, _ = parents(here)
    command = ["sweep", "--workspace", str(here.root), "--json"]
    command += [f"--corpus={corpus.id}", f"--tokenizer={tokenizer.id}", "--steps=6", "--threads=1"]
    command += ["--n-layers=1", "--d-model=32", "--d-ff=64", "--context-length=64"]
    command += ["--batch-size=2", "--field=n_heads", "--values=2,4", "--name=heads"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["field"]) == ("sweep", "n_heads")
    assert [lane["state"] for lane in told["lanes"]] == ["done", "done"]
    assert told["best_value"] in (2, 4)


def base_lane() -> Lane:
    lane = lane_of(SMALL, {}, {"threads": 1, "device": "cpu", "snapshots": 0, "sample_every": 0})
    return replace(lane, train=lane.train.replace(steps=8, evaluate_every=4, evaluation_tokens=512))


def furthest(here: Workspace) -> int:
    """The last step that any run of the one experiment has logged."""
    for experiment in experiments.shelf(here).list():
        logs = [run.folder / METRICS for run in experiments.runs_of(here, experiment.id).values()]
        records = [record for log in logs for record in standings.read_log(log)]
        return max((int(record["step"]) for record in records), default=0)
    return 0


def until(condition) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_lane_that_does_not_fit_into_memory_costs_only_itself(here, monkeypatch):
    """Training is refused for the one whose batch is 4; the other is trained for real."""
    from slm.training import trainer

    really = trainer.train

    def short_of_memory(run, **how):
        if RunSettings.read(run).train.batch_size == 4:
            raise NoMemoryError("Out of memory; try a batch of 2.")
        return really(run, **how)

    monkeypatch.setattr(trainer, "train", short_of_memory)
    plan, experiment = race_of(
        here, f"{SMALL},name=large,batch_size=4", f"{SMALL},name=small", budget="tokens=5120"
    )
    traces = races.run_race(here, experiment, plan)
    assert [each.state for each in traces] == ["failed", "done"]
    assert experiments.problems_of(experiment) == {"large": "Out of memory; try a batch of 2."}
    monkeypatch.setattr(trainer, "train", really)
    assert [each.state for each in races.run_race(here, experiment, plan)] == ["done", "done"]
