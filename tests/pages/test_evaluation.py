import json
import shutil
import time

from slm import jobs
from slm.__main__ import main
from slm.lab.judged_text import TextConfig
from ui.view_models.evaluation import evaluate_argv


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def captions(app):
    return " ".join(element.value for element in app.caption)


def words(app):
    return " ".join(element.value for element in app.markdown)


def test_held_out_text_is_measured_beside_baselines(open_page):
    app = open_page("evaluation")
    assert not app.exception
    assert float(metrics(app)["Perplexity"].replace(",", "")) > 1
    assert "equally likely tokens" in words(app) and "bigram" in words(app)
    assert "Measured on" in captions(app)
    assert len(app.get("plotly_chart")) == 1


def test_a_whole_split_is_measured_by_one_job(open_page, workspace_env, monkeypatch):
    from ui.views.evaluation import measures

    monkeypatch.setattr(measures, "quick_tokens", lambda _: 300)
    asked = []
    monkeypatch.setattr(jobs, "start", lambda *a, **k: asked.append((a, k)))
    app = open_page("evaluation", split="Training")
    assert "Measured on the first 300 of" in captions(app)
    app.button(key="measure-all-held-out").click().run()
    ((_, argv), options) = asked[0]
    (run,) = workspace_env.runs.list()
    assert argv[:3] == ["evaluate", "--run", run.id] and "--split=train" in argv
    assert options["key"].startswith(f"evaluate-{run.id}-")


def test_what_a_job_has_measured_is_shown_after_a_reload(open_page, workspace_env, monkeypatch):
    from ui.views.evaluation import measures

    monkeypatch.setattr(measures, "quick_tokens", lambda _: 300)
    (run,) = workspace_env.runs.list()
    config = measures.settings(TextConfig(), None, ())
    assert main([*evaluate_argv(run, config), "--workspace", str(workspace_env.root)]) == 0
    app = open_page("evaluation")
    assert "Measured on all" in captions(app) and "95% intervals" in captions(app)
    assert not [each for each in app.button if each.key == "measure-all-held-out"]


def test_a_pasted_text_is_measured_beside_another_model(open_page, workspace_env):
    (run,) = workspace_env.runs.list()
    shutil.copytree(run.folder, run.folder.with_name("20260101-000000-abcdef"))
    manifest = run.folder.with_name("20260101-000000-abcdef") / "manifest.json"
    told = json.loads(manifest.read_text())
    told.pop("crc", None)  # as somebody writes it who knows no sums
    manifest.write_text(json.dumps({**told, "id": "20260101-000000-abcdef", "name": "![twin](x)"}))
    app = open_page(
        "evaluation", split="Your text", eval_text="Once upon a time", eval_against="![twin](x)"
    )
    assert not app.exception and not app.error
    assert "of this text" in captions(app)
    assert "predicts just the same" in words(app)
    assert "\\!\\[twin" in words(app)  # escaped


def test_a_text_that_is_not_there_yet_is_asked_for(open_page):
    for split in ("A corpus", "A file", "Your text"):
        app = open_page("evaluation", split=split)
        assert not app.exception and not app.error
        assert "Give a text" in app.info[0].value


def test_the_hub_is_only_fetched_by_a_job(open_page, monkeypatch):
    asked = []
    monkeypatch.setattr(jobs, "start", lambda *a, **k: asked.append(a))
    app = open_page(
        "evaluation", split="A data set of the Hub", eval_hub="WikiText-2", eval_part="test"
    )
    assert not app.exception and not app.error
    app.button(key="measure-all-held-out").click().run()
    ((_, argv),) = asked
    assert "--source=wikitext-2" in argv and "--hub-split=test" in argv


def test_the_loss_is_sliced_and_a_document_can_be_painted(open_page):
    app = open_page("evaluation", view="Slices")
    assert not app.exception and not app.error
    assert len(app.get("plotly_chart")) == 2
    assert "Right at a window's start" in captions(app)
    (table,) = app.dataframe
    bits = list(table.value["bits_per_byte"])
    assert bits == sorted(bits, reverse=True) and len(bits) > 5


def test_documents_are_painted_in_the_order_of_surprise(open_page):
    app = open_page("evaluation", view="By token", painted_order="By surprise")
    assert not app.exception and not app.error
    first = float(metrics(app)["Bits per byte"])
    app.number_input(key="document").set_value(app.number_input(key="document").max).run()
    assert float(metrics(app)["Bits per byte"]) < first


def test_a_held_out_document_is_painted(open_page):
    app = open_page("evaluation", view="By token", document="2")
    assert not app.exception
    assert "Most surprising" in captions(app)
    assert "Perplexity" in metrics(app)


def test_own_text_is_painted_and_measured(open_page):
    app = open_page(
        "evaluation", view="By token", scored_from="Your own", scored="<b>A cat</b> 日本"
    )
    assert not app.exception and not app.error
    assert "of this text" in captions(app)


def test_an_empty_text_asks_for_one(open_page):
    app = open_page("evaluation", view="By token", scored_from="Your own")
    assert "Type or paste a text" in app.info[0].value
    assert not app.exception


def test_tasks_are_answered_and_shown_beside_chance(open_page):
    app = open_page("evaluation", view="Tasks", task="He or she")
    assert not app.exception
    assert "Its corpus does not teach: close a bracket, arithmetic." in captions(app)
    assert len(app.get("plotly_chart")) == 1
    (table,) = app.dataframe
    assert set(table.value["answer"]) == {"he", "she"}


def test_all_snapshots_are_asked_by_one_job_whose_answers_are_kept(open_page, monkeypatch):
    from ui.views.evaluation import tasks

    asked = []
    monkeypatch.setattr(jobs, "start", lambda *a, **k: asked.append((a, k)))
    app = open_page("evaluation", view="Tasks", tasks_span="As it learned")
    app.button(key="tasks-ask").click().run()
    ((_, argv), options) = asked[0]
    assert argv[0] == "tasks" and argv[-2:] == ["--all-snapshots", "True"]
    assert options["key"].startswith("tasks-")
    score = {"right": 9, "asked": 10, "chance": 0.5, "accuracy": 0.9, "low": 0.6, "high": 0.98}
    kept = {f"step {step}": {"number": score} for step in (3, 12)}
    monkeypatch.setattr(tasks, "_kept", lambda *_: kept)
    app.run()
    assert not app.exception
    assert "was or were from step 3" in words(app)


def test_own_text_can_be_measured_when_the_token_files_are_gone(open_page, workspace_env):
    shutil.rmtree(workspace_env.tokens.folder)
    app = open_page(
        "evaluation", view="By token", scored_from="Your own", scored="Once upon a time"
    )
    assert not app.exception
    assert "Perplexity" in metrics(app)


def test_figures_of_the_runs_report_outlive_the_token_files(open_page, workspace_env):
    shutil.rmtree(workspace_env.tokens.folder)
    app = open_page("evaluation")
    assert not app.exception
    assert "Perplexity" in metrics(app)


def test_a_run_whose_checkpoints_are_gone_is_told_calmly(open_page, workspace_env):
    (run,) = workspace_env.runs.list()
    for name in ("ckpt", "snapshots"):
        shutil.rmtree(run.folder / name)
    app = open_page("evaluation")
    assert not app.exception
    assert "no checkpoint" in app.error[0].value


def test_without_any_model_the_page_says_where_to_get_one(open_page, no_demo):
    app = open_page("evaluation", run=None)
    assert "No model is here yet" in app.info[0].value
    assert not app.exception


def test_the_shannon_game_waits_for_a_guess(open_page):
    app = open_page("evaluation", view="Shannon game", shannon_document="2")
    assert not app.exception and not app.error
    assert "Type your guess" in captions(app)


def test_guessed_letters_put_all_players_on_the_chart(open_page, monkeypatch):
    from slm.evaluation.shannon import Attempt, Game
    from ui.views.evaluation import shannon

    held = shannon._held
    monkeypatch.setattr(shannon, "_held", lambda passage, _: Game(passage, (Attempt(1),) * 3))
    app = open_page("evaluation", view="Shannon game")
    assert not app.exception
    assert "After 3 letters you need 0.00 to 0.00 bits" in words(app)
    assert len(app.get("plotly_chart")) == 1
    monkeypatch.setattr(shannon, "_held", held)
    app.button(key="shannon-again").click().run()
    assert "Type your guess" in captions(app)


def test_a_report_is_written_by_one_job_and_shown(open_page, workspace_env, monkeypatch):
    asked = []
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "start", lambda *a, **k: asked.append((a, k)))
        app = open_page("evaluation", view="Report")
        assert "appears here" in app.info[0].value
        app.button(key="report").click().run()
    ((_, argv), options) = asked[0]
    small = [*argv[:3], "--max-tokens", "500", "--questions", "10", "--copying", "False"]
    job = jobs.start(workspace_env, small, name="report", key=options["key"])
    deadline = time.monotonic() + 60
    while job.status().alive and time.monotonic() < deadline:
        time.sleep(0.2)
    assert job.status().state == "done"
    app.run()
    assert not app.exception
    assert "Is it only copying?: it was not asked for" in captions(app).replace("\\", "")
