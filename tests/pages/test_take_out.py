"""Taking a model out in the Library, as a visitor does it."""

from slm import files
from slm.exchange.taking_out import exports
from slm.training.runs import CONFIG
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished


def told(app) -> str:
    return " ".join([*(each.value for each in app.success), *(each.value for each in app.info)])


def test_a_model_is_taken_out_proved_and_deleted(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("library", view="out")
    assert not app.exception
    assert "Nothing yet" in told(app)
    app.button(key="take-out").click().run()
    assert not app.exception
    assert finished(workspace_env, "export").status().state == "done"
    app.run()
    assert not app.exception and not app.error
    assert "it is the same model" in told(app).replace("\\", "")
    (made,) = exports(workspace_env).list()
    assert made.details["step"] == 12
    app.button(key=f"delete-{made.id}").click().run()
    assert not app.exception
    assert exports(workspace_env).list() == []
    assert workspace_env.runs.get("tiny")


def test_a_model_that_nobody_else_runs_is_refused_before_any_work(
    open_page: OpenPage, workspace_env: Workspace
):
    """Layer norms with rotary positions: no published family has both."""
    run = workspace_env.runs.get("tiny")
    settings = files.read_json(run.folder / CONFIG)
    settings["model"]["norm"] = "layernorm"
    files.write_json(run.folder / CONFIG, settings)
    app = open_page("library", view="out")
    assert not app.exception
    assert "No published architecture has these settings" in app.error[0].value.replace("\\", "")
    assert not [button for button in app.button if button.key == "take-out"]


def test_a_link_opens_another_form(open_page: OpenPage):
    app = open_page("library", view="out", out_format="Notebook and script")
    assert not app.exception
    assert app.selectbox(key="out_format").value == "notebook"
