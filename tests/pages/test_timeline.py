"""The Time machine view, as a visitor uses it."""

import shutil

import numpy as np
from streamlit.testing.v1 import AppTest

from slm.attention.timeline import Timeline
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.components.payload import unpack


def machine(app: AppTest) -> tuple[dict, np.ndarray]:
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("time_machine")
    ]
    header, values = unpack(element.bytes)
    return header, np.frombuffer(values, dtype="<f4")


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption).replace("\\", "")


def test_it_shows_every_snapshot_and_what_they_take_up(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("training", view="timeline")
    assert not app.exception and not app.error
    header, numbers = machine(app)
    timeline = Timeline(workspace_env.runs.get("tiny").folder)
    assert tuple(header["steps"]) == timeline.steps
    first = timeline.moment(0).text_nats_NT[0]
    np.testing.assert_array_equal(numbers[: first.size], first)
    assert f"{len(timeline.steps)} snapshots" in captions(app)


def test_the_address_opens_a_moment(open_page: OpenPage):
    header, _ = machine(open_page("training", view="timeline", moment="0,1,distance,1,0"))
    begin = {"step": 0, "text": 1, "measure": "distance", "layer": 1, "head": 0}
    assert header["begin"] == begin


def test_a_damaged_snapshot_is_told_and_the_others_are_shown(
    open_page: OpenPage, workspace_env: Workspace
):
    folder = workspace_env.runs.get("tiny").folder / "snapshots"
    (folder / "0" / "probes.npz").write_bytes(b"torn")
    app = open_page("training", view="timeline")
    assert not app.exception
    assert "The probes of snapshot 0 are damaged" in captions(app)
    assert 0 not in machine(app)[0]["steps"]


def test_a_run_without_snapshots_says_so(open_page: OpenPage, workspace_env: Workspace):
    shutil.rmtree(workspace_env.runs.get("tiny").folder / "snapshots")
    app = open_page("training", view="timeline")
    assert not app.exception
    assert "kept no snapshot yet" in app.info[0].value


def test_a_moment_opens_in_the_attention_chapter(open_page: OpenPage):
    app = open_page("training", view="timeline", moment="3,0,,,")
    assert not app.exception
    app.button(key="moment-attention").click().run()
    assert not app.exception
    assert app.title[0].value == "Attention"
    chosen = app.session_state["pending_choice"]  # the sidebar hands it on
    assert chosen["at_step"] == 3 and chosen["view"] == "timeline"
