"""How a model was made, as a visitor sees it in the Library and takes it from Training."""

from slm.exchange.tensorboard import folder_of
from slm.locks import FileLock
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished


def test_the_library_tells_how_a_run_was_made(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("library", view="recipe")
    assert not app.exception and not app.error
    shown = "\n".join(each.value for each in app.code)
    assert any("Data" in each.value for each in app.markdown)
    assert "prepare_corpus(" in shown and "create_run(" in shown
    app = open_page("library", view="recipe", part="From the model on")
    shown = "\n".join(each.value for each in app.code)
    assert "create_run(" not in shown and "open_run(run)" in shown


def test_what_is_missing_is_told(open_page: OpenPage, workspace_env: Workspace):
    workspace_env.corpora.delete(workspace_env.corpora.list()[0].id)
    app = open_page("library", view="recipe")
    assert not app.exception
    assert any("corpus" in each.value for each in app.info)


def test_a_button_writes_the_record_for_tensorboard(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("library", view="recipe")
    app.button("write-events").click().run()
    run = workspace_env.runs.get("tiny")
    assert finished(workspace_env, "tensorboard").status().state == "done"
    assert any(folder_of(workspace_env, run).glob("events.out.*"))
    app.run()
    assert not app.exception
    assert any(each.value.startswith("tensorboard --logdir") for each in app.code)


def test_a_run_in_training_offers_its_story(open_page: OpenPage):
    app = open_page("training")
    assert not app.exception and not app.error
    assert any("Take it along" in each.label for each in app.expander)
    assert any(each.key == "write-events" for each in app.button)


def test_a_run_at_work_is_followed_until_it_ends(open_page: OpenPage, workspace_env: Workspace):
    run = workspace_env.runs.get("tiny")
    lock = FileLock(run.folder / "run.lock")
    assert lock.acquire()
    app = open_page("training")
    assert app.button("write-events").label == "Follow it in TensorBoard"
    app.button("write-events").click().run()
    lock.release()
    job = finished(workspace_env, "tensorboard")
    assert job.argv == ("tensorboard", f"--run={run.id}", "--live=True")
    assert job.status().state == "done"


def test_an_imported_model_says_that_no_record_is_here(
    open_page: OpenPage, workspace_env: Workspace
):
    details = {"model": {}, "parameters": 1, "architecture": "GPT2LMHeadModel"}
    with workspace_env.models.create("from elsewhere", details=details):
        pass
    app = open_page("library", view="recipe", run="from elsewhere (imported)")
    assert not app.exception
    assert any("trained elsewhere" in each.value for each in app.caption)
    assert any("not known any more" in each.value for each in app.info)


def test_a_damaged_run_is_told(open_page: OpenPage, workspace_env: Workspace):
    (workspace_env.runs.get("tiny").folder / "config.json").write_text("{")
    app = open_page("library", view="recipe")
    assert not app.exception
    assert any("damaged" in each.value for each in app.error)
