"""The Walk view, as a visitor uses it."""

import numpy as np
import torch
from streamlit.testing.v1 import AppTest

from slm.lab.reports import open_run
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.components.payload import unpack


def walked(app: AppTest) -> tuple[dict, np.ndarray]:
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("sentence_walk")
    ]
    header, values = unpack(element.bytes)
    return header, np.frombuffer(values, dtype="<f4")


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def test_it_opens_on_the_last_token_of_a_text(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("model", view="walk", walk_text="Ben saw the otter")
    assert not app.exception and not app.error
    header, numbers = walked(app)
    opened = open_run(workspace_env.runs.get("tiny"))
    ids = opened.tokenizer.encode("Ben saw the otter")
    assert header["place"]["token"] == len(ids) - 1
    logits = next(step for step in header["steps"] if step["id"] == "logits")
    at, count = logits["pictures"][0]["values"]
    chances = opened.model(torch.tensor([ids]))[0, -1].detach().softmax(-1)
    np.testing.assert_allclose(numbers[at : at + count], chances.topk(count).values, rtol=1e-3)


def test_the_address_reproduces_the_place_and_the_training_step(open_page: OpenPage):
    app = open_page("model", view="walk", walk="mix,1,1,2,0", at_step="3", walk_text="Ben saw Ben")
    header, _ = walked(app)
    assert header["place"] == {"step": "mix", "layer": 1, "head": 1, "token": 2, "key": 0}
    assert app.select_slider(key="at_step").value == 3


def test_a_place_that_is_not_there_is_the_nearest(open_page: OpenPage):
    header, _ = walked(open_page("model", view="walk", walk="nowhere,99,99,99,99"))
    assert header["place"]["step"] == "text"
    assert (header["place"]["layer"], header["place"]["head"]) == (1, 1)


def test_a_long_text_is_walked_as_far_as_it_goes_and_says_so(open_page: OpenPage):
    app = open_page("model", view="walk", walk_text="The otter saw the otter. " * 15)
    assert "You walk the first 64 of" in captions(app).replace("\\", "")
    assert len(walked(app)[0]["tokens"]) == 64


def test_no_text_asks_for_one(open_page: OpenPage):
    app = open_page("model", view="walk")
    app.text_input(key="walk_text").set_value("").run()
    assert not app.exception
    assert "Type a text" in app.info[0].value


def test_foreign_text_stays_text(open_page: OpenPage):
    hostile = "<script>alert(1)</script> ![x](http://example.invalid/y.png) \u202e\x00 $x$"
    app = open_page("model", view="walk", walk_text=hostile)
    assert not app.exception and not app.error
    assert "".join(walked(app)[0]["tokens"]).startswith("<script>")


def test_without_any_model_it_says_where_to_make_one(
    open_page: OpenPage, no_demo: None, workspace_env: Workspace
):
    import shutil

    shutil.rmtree(workspace_env.root / "runs")
    app = open_page("model", run=None, view="walk")
    assert not app.exception
    assert "Build one on Home" in app.info[0].value
