"""The Training page. Jobs are recorded instead of started, where a test starts one."""

import subprocess
import sys

import pytest

from slm import jobs
from slm.files import append_record, read_json, write_json
from slm.jobs import Job, JobStatus
from slm.training.events import pending_requests
from slm.training.launch import pause_file, stop_file
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


def badges(app):
    return [each.value for each in app.markdown if "-badge[" in each.value]


def cut(run, steps):
    """Leave the run as if its process had been killed after so many steps."""
    lines = (run.folder / METRICS).read_text().splitlines(keepends=True)
    (run.folder / METRICS).write_text("".join(lines[: steps + 1]))


def ended_job(workspace, run, state, error=None):
    """A job that trained the run, as its folder would tell."""
    folder = workspace.jobs.folder / "20260101-000000-abcdef"
    folder.mkdir(parents=True)
    job = {"id": folder.name, "name": "tiny", "owner": "local", "created": "", "ticket": 1}
    write_json(folder / "job.json", {**job, "argv": ["train"], "key": None})
    status = {"state": state, "error": error, "result": {"run": run.id}}
    write_json(folder / "status.json", status)


def test_a_finished_run_is_shown_with_its_losses_and_texts(open_page):
    app = open_page("training")
    assert not app.exception and not app.error
    assert "Finished" in badges(app)[0]
    assert float(metric(app, "Validation loss")) > 0
    assert any("after 12 steps" in each.value for each in app.caption)


def test_losses_change_their_unit(open_page):
    app = open_page("training", unit="perplexity")
    assert float(metric(app, "Validation loss").replace(",", "")) > 20
    app = open_page("training", unit="no such unit", axes="log loss", curves="Inside the layers")
    assert not app.exception and float(metric(app, "Validation loss")) < 20


def test_an_interrupted_run_can_go_on(open_page, workspace_env, started):
    run = workspace_env.runs.get("tiny")
    cut(run, 6)
    app = open_page("training")
    assert "Interrupted" in badges(app)[0]
    assert any("goes on from the checkpoint of step 12" in each.value for each in app.caption)
    app.button(key="training-resume").click().run()
    assert started[0][0] == ["train", f"--resume={run.id}"]


def test_a_paused_run_says_that_it_waits(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    cut(run, 6)
    ended_job(workspace_env, run, "paused")
    app = open_page("training")
    assert "Paused" in badges(app)[0] and app.button(key="training-resume")
    assert not app.error


def test_a_failed_job_shows_the_sentence_of_its_error(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    cut(run, 6)
    append_record(run.folder / METRICS, {"step": 7, "diverged": True})
    error = "Training diverged at step 7: loss nan. Lower the learning rates."
    ended_job(workspace_env, run, "failed", error)
    app = open_page("training")
    assert not app.exception
    assert "Diverged" in badges(app)[0]
    assert "Training diverged at step 7" in app.error[0].value


def test_a_run_that_does_not_stop_when_asked_can_be_ended_at_once(
    open_page, workspace_env, monkeypatch
):
    run = workspace_env.runs.get("tiny")
    ended_job(workspace_env, run, "interrupted")
    ended = []
    status = JobStatus("running", result={"run": run.id}, stopping=True, stopping_seconds=60.0)
    with monkeypatch.context() as patch:
        patch.setattr(Job, "status", lambda job: status)
        patch.setattr(Job, "kill", lambda job: ended.append(job.id))
        app = open_page("training")
        assert not app.exception and "Saving" in badges(app)[0]
        app.button(key="training-end-it-at-once").click().run()
    assert len(ended) == 1


def test_a_change_is_asked_for_and_shown_until_it_is_taken_up(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    cut(run, 6)
    app = open_page("training", do="Change settings")
    key = f"change-{run.id}-0-0-learning_rate"
    app.number_input(key=key).set_value(0.004)
    app.button(key="change-apply").click().run()
    assert not app.exception and not app.error
    (request,) = pending_requests(run.folder)
    assert request.changes == {"learning_rate": 0.004}
    assert "Learning rate 0.004" in app.info[0].value and "when it goes on" in app.info[0].value


def test_a_finished_run_is_trained_longer(open_page, workspace_env, started):
    run = workspace_env.runs.get("tiny")
    app = open_page("training", do="Train longer")
    app.number_input(key=f"extend-{run.id}-12").set_value(30).run()
    assert any("laid anew over 30 steps" in each.value for each in app.caption)
    app.button(key="extend-apply").click().run()
    assert started[0][0] == ["train", f"--resume={run.id}", "--steps=30"]


def test_a_fork_begins_at_a_step_with_what_is_changed(open_page, workspace_env, started):
    run = workspace_env.runs.get("tiny")
    app = open_page("training", do="Fork")
    app.select_slider(key="fork_at").set_value(0).run()
    assert any("Step 0 is a snapshot" in each.value for each in app.caption)
    app.number_input(key=f"fork-{run.id}-learning_rate").set_value(0.02).run()
    app.button(key="fork-start").click().run()
    assert started[0][0] == [
        *("train", f"--fork={run.id}", "--at=0", "--name=tiny from 0", "--learning-rate=0.02")
    ]


def test_a_fork_that_cannot_be_is_refused_in_words(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    app = open_page("training", do="Fork")
    app.number_input(key=f"fork-{run.id}-batch_size").set_value(3).run()
    assert not app.exception


def test_a_run_is_deleted_after_a_second_click(open_page, workspace_env):
    app = open_page("training", do="Delete")
    assert workspace_env.runs.find("tiny") is not None
    app.button(key="delete-confirmed").click().run()
    assert not app.exception and workspace_env.runs.find("tiny") is None


def test_a_run_that_trains_elsewhere_can_be_stopped_and_not_deleted(open_page, workspace_env):
    """As one started on the command line: its lock is held, and no job stands behind it."""
    run = workspace_env.runs.get("tiny")
    cut(run, 6)
    holder = (
        "import sys, time; from pathlib import Path; from slm.locks import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); assert lock.acquire(); print('held', flush=True)\n"
        "time.sleep(60)"
    )
    lock = str(run.folder / "run.lock")
    with subprocess.Popen([sys.executable, "-c", holder, lock], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        app = open_page("training", do="Delete")
        assert not app.exception and "Training" in badges(app)[0]
        assert "delete-confirmed" not in {each.key for each in app.button}
        app.button(key="training-pause").click().run()
        assert pause_file(run.folder).exists() and "Saving" in badges(app)[0]
        pause_file(run.folder).unlink()
        app.run()
        app.button(key="training-stop").click().run()
        assert stop_file(run.folder).exists() and "Saving" in badges(app)[0]
        process.kill()


def test_a_run_that_was_paused_without_a_job_waits_to_go_on(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    cut(run, 6)
    pause_file(run.folder).parent.mkdir(exist_ok=True)
    pause_file(run.folder).touch()
    assert "Paused" in badges(open_page("training"))[0]


def test_a_run_of_a_later_version_says_that_it_can_be_looked_at(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    values = read_json(run.folder / "config.json")
    write_json(run.folder / "config.json", {**values, "schema": 99})
    app = open_page("training")
    assert not app.exception and any("later version" in each.value for each in app.caption)
    assert not {"training-resume", "extend-apply"} & {each.key for each in app.button}


def test_the_watched_job_stands_in_the_address(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    ended_job(workspace_env, run, "stopped")
    app = open_page("training", run=None, job="20260101-000000-abcdef")
    assert not app.exception and any("tiny" in each.value for each in app.markdown)
    app = open_page("training", run=None, job="../../etc")
    assert not app.exception


def test_a_damaged_run_says_what_remains_and_can_be_mended_or_deleted(open_page, workspace_env):
    run = workspace_env.runs.get("tiny")
    whole = read_json(run.folder / "config.json")
    (run.folder / "config.json").write_text("{")
    app = open_page("training")
    assert not app.exception and "Damaged" in badges(app)[0]
    assert "delete-confirmed" in {each.key for each in app.button}
    app.button(key="restore").click().run()
    assert not app.exception and "Finished" in badges(app)[0]
    assert read_json(run.folder / "config.json") == whole


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


def test_an_emptied_number_keeps_what_it_was(open_page, started):
    """Not the lowest that may be: one step, or a rate of zero."""
    app = open_page("training", **{"view": "New training"})
    app.number_input(key="recipe-steps").set_value(20).run()
    app.number_input(key="recipe-steps").set_value(None).run()
    app.number_input(key="recipe-learning_rate").set_value(None).run()
    assert not app.exception and not app.error
    assert app.number_input(key="recipe-steps").placeholder == "20"
    app.button(key="start-training").click().run()
    argv, _ = started[0]
    assert "--steps=20" in argv and not any(word.startswith("--learning-rate") for word in argv)


def test_a_link_with_a_recipe_that_cannot_be_says_what_stands_in_its_place(open_page):
    app = open_page("training", **{"view": "New training", "recipe": "learning_rate:10"})
    assert "must be less than or equal to 1" in app.error[0].value
    assert "settings stand here instead" in app.error[0].value


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


def test_memory_disk_and_processes_are_told_before_the_start(open_page, started):
    app = open_page("training", view="New training")
    assert metric(app, "Memory").endswith("B") and metric(app, "Disk").endswith("B")
    app.number_input(key="processes").set_value(64).run()
    assert "cannot be shared by 64 processes" in app.error[0].value
    assert app.button(key="start-training").disabled
    app.number_input(key="processes").set_value(2).run()
    app.button(key="start-training").click().run()
    assert "--nproc=2" in started[0][0]


def test_a_model_too_large_for_the_machine_is_refused_with_what_would_fit(open_page):
    app = open_page("training", view="New training", design="phi-3-mini")
    assert not app.exception
    assert any("Choose a" in each.value for each in app.error)
    assert app.button(key="start-training").disabled


def test_several_prompts_are_written_from(open_page, started):
    app = open_page("training", view="New training")
    app.text_area(key="sample_prompts").set_value("Once\nThe fox").run()
    app.button(key="start-training").click().run()
    argv = started[0][0]
    assert argv[argv.index("--sample-prompts") + 1 :][:2] == ["Once", "The fox"]
