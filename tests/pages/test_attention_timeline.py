"""The view over time, as a visitor uses it."""

import shutil

import numpy as np
from streamlit.testing.v1 import AppTest

from slm.attention.history import losses
from slm.attention.maps import attention_maps
from slm.attention.timeline import Timeline
from slm.locks import FileLock
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui import loaders
from ui.components.payload import unpack

TEXT = "Ben saw the otter. Ben saw"


def sent(app: AppTest) -> tuple[dict, bytes]:
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("attention_time")
    ]
    return unpack(element.bytes)


def words(app: AppTest) -> str:
    told = [*app.caption, *app.markdown, *app.info]
    return " ".join(each.value for each in told).replace("\\", "")


def test_it_sends_the_open_head_at_every_snapshot(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("attention", view="timeline", text=TEXT, layer="1", head="0", at_step="3")
    assert not app.exception and not app.error
    header, values = sent(app)
    run = workspace_env.runs.get("tiny")
    timeline = Timeline(run.folder)
    assert tuple(header["steps"]) == timeline.steps
    assert header["open"] == [1, 0] and header["begin"][0] == 3
    ids = loaders.load_run(run).tokenizer.encode(TEXT)
    n_steps, n_tokens, n_heads = len(timeline.steps), len(ids), 4
    n_scores = n_steps * n_heads * len(header["measures"])
    nats = np.frombuffer(values, "<f4", n_steps * (n_tokens - 1), 4 * n_scores)
    model = timeline.load_model(timeline.steps[0])
    np.testing.assert_allclose(nats[: n_tokens - 1], losses(model, ids), rtol=1e-5)
    before = 4 * (n_scores + nats.size + n_steps * len(header["stops"]) * n_tokens)
    maps = np.frombuffer(values, "<f2", n_steps * n_tokens**2, before)
    expected = attention_maps(model, ids, [1], [0])[0, 0]
    np.testing.assert_allclose(maps[: n_tokens**2].reshape(expected.shape), expected, atol=1e-3)


def test_text_and_place_stand_in_the_address(open_page: OpenPage):
    app = open_page("attention", view="timeline", text=TEXT, layer="1", head="1", query="2")
    assert app.query_params["layer"] == "1" and app.query_params["query"] == "2"
    assert "at_step" not in app.query_params
    assert sent(app)[0]["begin"][:2] == [None, 2]


def test_a_place_that_is_not_there_opens_the_nearest(open_page: OpenPage):
    app = open_page(
        "attention", view="timeline", text=TEXT, layer="9", head="9", at_step="5", query="999"
    )
    assert not app.exception and not app.error
    header, _ = sent(app)
    assert header["open"] == [1, 1] and header["begin"][:2] == [None, None]


def test_a_damaged_snapshot_is_told_and_the_others_are_shown(
    open_page: OpenPage, workspace_env: Workspace
):
    folder = workspace_env.runs.get("tiny").folder / "snapshots"
    (folder / "0" / "model.safetensors").write_bytes(b"torn")
    app = open_page("attention", view="timeline", text=TEXT)
    assert not app.exception
    assert "Step 0 is left out" in words(app)
    assert 0 not in sent(app)[0]["steps"]


def test_a_run_without_snapshots_says_so_and_can_be_compared(
    open_page: OpenPage, workspace_env: Workspace
):
    shutil.rmtree(workspace_env.runs.get("tiny").folder / "snapshots")
    app = open_page("attention", view="timeline", text=TEXT)
    assert not app.exception and not app.error
    assert "kept no snapshots" in words(app)
    assert "A and B are the same" in words(app)


def test_a_run_that_has_just_begun_is_waited_for(open_page: OpenPage, workspace_env: Workspace):
    folder = workspace_env.runs.get("tiny").folder
    for kind in ("snapshots", "ckpt"):
        shutil.rmtree(folder / kind)
    lock = FileLock(folder / "run.lock")
    assert lock.acquire()
    try:
        app = open_page("attention", view="timeline", text=TEXT)
    finally:
        lock.release()
    assert not app.exception and not app.error
    assert "the first one comes with its first evaluation" in words(app)


def test_two_steps_of_a_run_stand_side_by_side(open_page: OpenPage):
    app = open_page("attention", view="timeline", text=TEXT, timeline_show="Compare two")
    assert not app.exception and not app.error
    assert "B expects" in words(app) and "would have to move" in words(app)
    (table,) = app.dataframe
    assert list(table.value["Head of A"]) == list(table.value["Head of B"])
    assert table.value["Attention moved"].is_monotonic_decreasing


def test_a_model_of_another_tokenizer_is_refused_in_words(open_page: OpenPage):
    app = open_page("attention", view="timeline", text=TEXT, timeline_show="Compare two")
    picker = app.selectbox(key="timeline_other")
    demo = next(option for option in picker.options if option != "tiny")
    picker.set_value(demo).run()
    assert not app.exception and not app.error
    assert "different tokens" in words(app)


def test_a_single_token_is_said(open_page: OpenPage):
    app = open_page("attention", view="timeline", text="B")
    assert not app.exception and not app.error
    assert "single token" in words(app)
