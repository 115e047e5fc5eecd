"""How long waiting jobs will take: steps × places of a step / places a second, and 15% more."""

from pathlib import Path

import pytest

from slm import files
from slm.jobs import Job
from slm.lab import experiments, races
from slm.lab.experiments import Budget, Plan
from slm.lab.lanes import lane_of
from slm.lab.queue_estimates import begin_times, seconds_of
from slm.limits import Limits, Share
from slm.training.rates import Rate
from slm.training.runs import METRICS, create_run
from slm.workspace import Artefact, Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, artefacts

PER_SECOND = 128.0  # places; a step of the runs below is 8 windows of 16 places: one second
RATES = [Rate(PER_SECOND, "probe", SMALL_MODEL, SHORT)]
LANE = "preset=nano,vocab_size=24,context_length=16,n_layers=2,n_heads=2,n_kv_heads=1"
LANE += ",d_model=16,d_ff=32,batch_size=8,threads=1,device=cpu"


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def seconds(here: Workspace, *argv: str) -> float | None:
    """What is told of a job, without the 15%."""
    job = Job(here.jobs.folder / "j", "j", "job", "", "", argv, 0)
    told = seconds_of(here, job, RATES)
    return None if told is None else told / 1.15


def at_step(run: Artefact, step: int, train_seconds: float = 0.0) -> None:
    record = {"step": step, "tokens": 128 * step, "train_seconds": train_seconds}
    files.append_record(run.folder / METRICS, record)


def run_of(here: Workspace) -> Artefact:
    return create_run(here, SMALL_MODEL, SHORT, name="run", **artefacts(here))


def test_a_run_that_goes_on_has_only_its_last_steps_before_it(here):
    run = run_of(here)
    at_step(run, 20)
    assert seconds(here, "train", f"--resume={run.id}") == pytest.approx(10)
    assert seconds(here, "train", f"--resume={run.id}", "--steps=50") == pytest.approx(30)


def test_a_fork_has_the_settings_of_its_parent_but_for_those_that_are_changed(here):
    run = run_of(here)
    at_step(run, 30)
    fork = ("train", f"--fork={run.id}", "--at=10", "--name=fork")
    assert seconds(here, *fork) == pytest.approx(20)
    assert seconds(here, *fork, "--steps=70") == pytest.approx(60)


@pytest.mark.parametrize(
    ("budget", "one", "both"), [("tokens=3840", 30, 50), ("seconds=100", 100, 160)]
)
def test_a_race_that_goes_on_has_what_its_lanes_have_left(here, budget, one, both):
    """Two lanes of 30 steps, of which one has made 10 in 40 seconds."""
    parts = artefacts(here)
    assert seconds(here, "race", f"--lane={LANE}", f"--budget={budget}") == pytest.approx(one)
    lanes = tuple(
        races.with_steps(lane_of(f"{LANE},name={name}", {}, {}), 30, races.RaceConfig())
        for name in ("a", "b")
    )
    ids = (each.id for each in (parts["corpus"], parts["tokenizer"], parts["tokens"]))
    plan = Plan("race", "race", *ids, lanes, budget=Budget.parse(budget))
    experiment = experiments.create(here, plan, job="j")
    at_step(experiments.ensure_run(here, experiment, plan, 0), 10, 40.0)
    assert seconds(here, "race", f"--resume={experiment.id}") == pytest.approx(both)
    assert seconds(here, "race", f"--lane={LANE}", f"--budget={budget}") == pytest.approx(both)


def test_a_sweep_has_a_training_for_each_value_and_seed(here):
    flags = [f"--{part.replace('_', '-')}" for part in LANE.split(",")]
    sweep = ("sweep", *flags, "--steps=30", "--field=seed", "--values=1,2,3")
    assert seconds(here, *sweep) == pytest.approx(90)
    assert seconds(here, *sweep, "--seeds=2") == pytest.approx(180)


def test_nobody_knows_how_long_a_job_takes_whose_run_is_gone(here):
    assert seconds(here, "train", "--resume=20260101-000000-abcdef") is None


def test_on_one_slot_each_begins_when_all_before_it_have_ended():
    told = begin_times([("local", 10.0)], [("local", 20.0), ("local", 5.0)], Limits())
    assert told == [10.0, 30.0]


def test_a_person_with_one_at_work_waits_for_its_end_while_others_pass():
    """Two slots: a works for 100 s, and has another; b and c take the second slot in turn."""
    now = Limits(slots=2, everybody=Share(running=1))
    waiting = [("b", 30.0), ("a", 10.0), ("c", 30.0)]
    assert begin_times([("a", 100.0)], waiting, now) == [0.0, 100.0, 30.0]


def test_nobody_knows_what_begins_behind_a_job_of_unknown_length():
    assert begin_times([("a", None)], [("b", 5.0)], Limits()) == [None]
    assert begin_times([], [("b", None), ("c", 5.0)], Limits()) == [0.0, None]
    assert begin_times([("a", None)], [("b", 5.0), ("c", 5.0)], Limits(slots=2)) == [0.0, 5.0]


def test_what_is_held_back_has_no_time_and_the_presenters_own_has():
    now = Limits(paused=True)
    assert begin_times([], [("p-1", 5.0), ("local", 5.0), ("local", 9.0)], now) == [None, 0.0, 5.0]
