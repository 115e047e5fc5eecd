"""Tasks over a run's snapshots: measured once, kept by step, ended on request."""

import pytest

from slm.jobs import silent
from slm.lab.task_reports import TasksConfig, steps_of, tasks_report
from slm.model.checkpoint import snapshots

QUICK = TasksConfig(tasks=("pronoun", "brackets"), questions=10)


class Impatient:
    """Asks to stop once so many reports were heard."""

    def __init__(self, patience):
        self.heard, self.patience = 0, patience

    def __call__(self, fraction, message="", *, stage=None, **facts):
        assert 0 <= fraction <= 1
        self.heard += 1

    def plan(self, stages):
        pass

    def should_stop(self):
        return self.heard >= self.patience


@pytest.fixture(scope="module")
def run(tiny_workspace):
    return tiny_workspace.runs.get("tiny")


def test_every_snapshot_is_asked_and_the_last_checkpoint_too(tiny_workspace, run):
    found = tasks_report(tiny_workspace, run, QUICK.replace(all_snapshots=True))
    steps = [row["step"] for row in found["steps"]]
    assert steps == sorted({*(ref.step for ref in snapshots(run.folder)), 12})
    for row in found["steps"]:
        assert list(row["scores"]) == ["pronoun", "brackets"]
        share = row["scores"]["brackets"]
        assert share["asked"] == 10 and share["low"] <= share["accuracy"] <= share["high"]


def test_what_is_known_of_a_step_is_not_measured_again(tiny_workspace, run):
    made = {"step 12": {"pronoun": {"right": 10}}}
    found = tasks_report(tiny_workspace, run, QUICK, made=made)
    assert found["steps"] == [{"step": 12, "scores": {"pronoun": {"right": 10}}}]


def test_a_stop_keeps_whole_steps_and_no_half_ones(tiny_workspace, run):
    made = {}
    config = QUICK.replace(all_snapshots=True)
    tasks_report(tiny_workspace, run, config, made=made, report=Impatient(6))
    assert 1 <= len(steps_of(made)) < len(snapshots(run.folder)) + 1
    assert all(len(scores) == 2 for _, scores in steps_of(made))
    whole = tasks_report(tiny_workspace, run, config, made=made, report=silent)
    assert whole["steps"] == tasks_report(tiny_workspace, run, config)["steps"]


def test_the_tales_corpus_teaches_tales_and_no_arithmetic(tiny_workspace, run):
    found = tasks_report(tiny_workspace, run, TasksConfig(questions=10))
    taught = found["taught_by_corpus"]
    assert taught["tales"] and taught["quotes"] and taught["induction"]
    assert taught["arithmetic"] is False and taught["brackets"] is False


def test_without_its_tokens_nobody_knows_what_a_run_was_taught(workspace_env):
    import shutil

    shutil.rmtree(workspace_env.tokens.folder)
    found = tasks_report(workspace_env, workspace_env.runs.get("tiny"), QUICK)
    assert found["taught_by_corpus"] == {"pronoun": None, "brackets": None}
