"""The Training page. Jobs are recorded instead of started, where a test starts one."""

import pytest

from slm import jobs
from slm.files import append_record, write_json
from slm.training.runs import METRICS


@pytest.fixture()
def started(monkeypatch):
    """The command lines of the jobs that the page starts."""
    argvs = []

    def start(workspace, argv, **names):
        argvs.append((list(argv), names))
        return jobs.Job(workspace.jobs.folder, "none", names["name"], "local", "", tuple(argv), 1)

    monkeypatch.setattr(jobs, "start", start)
    return argvs


def metric(app, label):
    return next(each.value for each in app.metric if each.label == label)


def texts(app):
    return " ".join(each.value for each in app.text)


def test_a_finished_run_is_shown_with_its_losses_and_texts(open_page):
    app = open_page("training")
    assert not app.exception and not app.error
    assert "tiny · Finished: step 12 of 12" in texts(app)
    assert float(metric(app, "Validation loss")) > 0
    assert any("after 12 steps" in each.value for each in app.caption)


def test_an_interrupted_run_can_go_on(open_page, workspace_env, started):
    run = workspace_env.runs.get("tiny")
    lines = (run.folder / METRICS).read_text().splitlines(keepends=True)
    (run.folder / METRICS).write_text("".join(lines[:7]))
    app = open_page("training")
    assert "Interrupted: step 6 of 12" in texts(app)
    app.button(key="training-resume").click().run()
    assert started[0][0] == ["train", f"--resume={run.id}"]


def test_a_failed_job_shows_the_sentence_of_its_error(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    append_record(run.folder / METRICS, {"step": 13, "diverged": True})
    folder = workspace_env.jobs.folder / "20260101-000000-abcdef"
    folder.mkdir(parents=True)
    job = {"id": folder.name, "name": "tiny", "owner": "local", "created": "", "ticket": 1}
    write_json(folder / "job.json", {**job, "argv": ["train"], "key": None})
    error = "Training diverged at step 13: loss nan. Lower the learning rates."
    write_json(
        folder / "status.json", {"state": "failed", "error": error, "result": {"run": run.id}}
    )
    app = open_page("training")
    assert not app.exception
    assert "Training diverged at step 13" in app.error[0].value


def test_a_damaged_run_is_one_sentence(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    (run.folder / "config.json").write_text("{")
    app = open_page("training")
    assert not app.exception


def test_a_training_starts_with_what_differs_from_the_preset(open_page, workspace_env, started):
    app = open_page("training", view="New training", design="nano,n_layers:2,context_length:64")
    assert not app.exception and not app.error
    app.number_input(key="recipe-steps").set_value(20).run()
    app.text_input(key="run_name").set_value("Second").run()
    assert any("--steps=20" in each.value for each in app.code)
    app.button(key="start-training").click().run()
    argv, names = started[0]
    corpus = workspace_env.corpora.list()[0]
    assert argv[:2] == ["train", f"--corpus={corpus.id}"]
    assert {"--name=Second", "--preset=nano", "--n-layers=2", "--steps=20"} < set(argv)
    assert names["key"]


def test_a_batch_that_cannot_be_split_is_a_sentence(open_page):
    app = open_page("training", view="New training")
    app.number_input(key="recipe-grad_accum_steps").set_value(5).run()
    assert not app.exception
    assert "must be a multiple of" in app.error[0].value
    assert app.button(key="start-training").disabled


def test_a_text_shorter_than_a_context_cannot_be_started(open_page):
    app = open_page("training", view="New training", design="nano,context_length:262144")
    assert not app.exception
    assert "Add text or shorten the context" in app.error[0].value
    assert app.button(key="start-training").disabled


def test_a_preset_brings_its_recipe(open_page):
    app = open_page("training", view="New training")
    app.selectbox(key="start-preset-nano").set_value("micro").run()
    assert not app.exception
    assert app.number_input(key="recipe-steps").value == 800


def test_without_a_run_the_page_says_what_is_missing(open_page, no_demo):
    app = open_page("training", run=None)
    assert not app.exception
    app = open_page("training", run=None, view="New training")
    assert not app.exception


def test_runs_are_compared(open_page):
    app = open_page("training", view="Compare runs")
    assert not app.exception and not app.error
    assert "best validation loss (nats)" in app.dataframe[0].value["setting"].tolist()
    app.segmented_control(key="axis").set_value("tokens").run()
    assert not app.exception
