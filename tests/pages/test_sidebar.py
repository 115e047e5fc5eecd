"""The pickers that every chapter follows, as a link sets them."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from slm.workspace import Workspace

APP = Path(__file__).parents[2] / "app.py"


def opened(run: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["run"] = run
    return app.run()


def test_a_link_to_a_model_that_is_gone_says_so(workspace_env: Workspace):
    app = opened("gone")
    assert not app.exception
    assert 'There is no model "gone" here.' in [each.value for each in app.sidebar.caption]


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_link_names_a_model_by_its_id_or_its_label(workspace_env: Workspace, by: str):
    run = workspace_env.runs.get("tiny")
    app = opened(getattr(run, by))
    assert app.sidebar.selectbox(key="run").value == run.id
    assert not [each for each in app.sidebar.caption if "There is no" in each.value]


def test_a_model_that_is_deleted_meanwhile_is_no_longer_chosen(workspace_env: Workspace):
    run = workspace_env.runs.get("tiny")
    app = opened(run.id).run()
    assert app.sidebar.selectbox(key="run").value == run.id
    workspace_env.runs.delete(run.id)
    app.run()
    assert not app.exception
    assert app.sidebar.selectbox(key="run").value is None
