"""The filmstrip, as a visitor uses it."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from slm.attention.maps import attention_maps
from slm.lab.reports import open_run
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.components.payload import unpack

FILM = {"view": "filmstrip", "text": "Ben saw the lamp", "filmstrip_tokens": "6"}


def drawn(app: AppTest):
    """The header and all weights, as they go to the browser."""
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("filmstrip")
    ]
    header, values = unpack(element.bytes)
    return header, np.frombuffer(values, "<u2") / 65_535


def test_the_rows_are_those_of_the_whole_text(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("attention", filmstrip_temperature="0", **FILM)
    assert not app.exception and not app.error
    header, rows = drawn(app)
    opened = open_run(workspace_env.runs.get("tiny"))
    ids = opened.tokenizer.encode(FILM["text"])
    assert header["prompt"] == len(ids)
    weights_LHTT = attention_maps(opened.model, ids)
    first = rows[: header["layers"] * header["heads"] * len(ids)]
    np.testing.assert_allclose(first, weights_LHTT[:, :, -1].ravel(), atol=1e-4)


def test_the_same_seed_writes_the_same_and_another_writes_on_differently(open_page: OpenPage):
    film = {**FILM, "filmstrip_temperature": "2", "filmstrip_top_k": "0"}
    tokens = [
        drawn(open_page("attention", filmstrip_seed=seed, **film))[0]["tokens"]
        for seed in ("1", "1", "2")
    ]
    assert tokens[0] == tokens[1] != tokens[2]


def test_the_address_reproduces_frame_and_colour(open_page: OpenPage):
    app = open_page("attention", filmstrip="3,layer", layer="1", head="0", **FILM)
    header, _ = drawn(app)
    assert header["begin"] == {"at": 3, "painted_by": "layer"}
    assert (header["layer"], header["head"]) == (1, 0)


def test_a_film_that_the_context_cuts_short_says_so(open_page: OpenPage):
    app = open_page(
        "attention", view="filmstrip", text="The otter saw. " * 30, filmstrip_tokens="100"
    )
    assert not app.exception and not app.error
    header, _ = drawn(app)
    told = " ".join(caption.value for caption in app.caption)
    assert "context of 64 is full" in told or "ended the text" in told
    assert header["prompt"] == 48


def test_the_code_runs_the_film_that_is_shown(open_page: OpenPage):
    app = open_page("attention", filmstrip_seed="3", **FILM)
    code = next(each.value for each in app.code if "open_run(" in each.value)
    assert "max_new_tokens=6" in code and "seed=3" in code
    compile(code, "shown", "exec")


def test_a_single_token_gets_a_calm_sentence(open_page: OpenPage):
    app = open_page("attention", **{**FILM, "text": "a"})
    assert "single token" in app.info[0].value
    assert not app.exception and not app.error


def test_a_film_that_keeps_one_waiting_begins_with_a_frame_and_a_button(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ui.views.attention.filmstrip.film_seconds", lambda *_: 60.0)
    app = open_page("attention", filmstrip_seed="77", **FILM)
    assert not app.exception and not app.error
    header, _ = drawn(app)
    assert len(header["tokens"]) == header["prompt"] + 1
    app.button(key="filmstrip_write").click().run()
    header, _ = drawn(app)
    assert len(header["tokens"]) == header["prompt"] + 6
    assert not [each for each in app.button if each.key == "filmstrip_write"]
