"""Home, as a visitor uses it."""

import pytest

from slm import jobs
from slm.workspace import Workspace
from tests.conftest import OpenPage


def texts(app) -> str:
    return "\n".join(element.value for element in app.text)


def test_a_finished_model_shows_its_figures_and_a_text(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("home")
    assert not app.exception and not app.error
    assert [metric.label for metric in app.metric] == [
        "Perplexity",
        "Bigram baseline",
        "Real words",
        "Names kept",
    ]
    assert "tiny" in texts(app)


def test_another_tale_is_another(open_page: OpenPage):
    app = open_page("home")
    first = texts(app)
    app.button(key="home-another").click().run()
    assert texts(app) != first


def test_the_button_starts_one_build_and_home_watches_it(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("home")
    app.button(key="build").click().run()
    (job,) = jobs.list_jobs(workspace_env)
    assert job.verb == "build"
    assert not app.exception
    assert app.button(key="build-stop")
    job.kill()


@pytest.mark.usefixtures("no_demo")
def test_without_any_model_home_invites_to_build_one(open_page: OpenPage):
    app = open_page("home", run=None)
    assert not app.exception and not app.error
    assert app.button(key="build").label == "Build my first model"
    assert any("No model is here yet" in info.value for info in app.info)
