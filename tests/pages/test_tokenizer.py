"""The Tokenizer page, as a visitor uses it."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from slm.tokenizer.loading import load_tokenizer
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished
from ui.components.payload import unpack
from ui.view_models.tokenizer import DEFAULT_TEXT

TRAIN = "New tokenizer"


def chips(app: AppTest) -> dict:
    """What the browser receives."""
    (element,) = app.get("bidi_component")
    return unpack(element.proto.bytes)[0]


def test_it_opens_with_a_text_as_the_tokens_of_the_current_model(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("tokenizer")
    assert not app.exception and not app.error
    engine = load_tokenizer(workspace_env.tokenizers.list()[0].folder)
    assert chips(app)["ids"] == engine.encode(DEFAULT_TEXT)
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Bytes"] == str(len(DEFAULT_TEXT.encode()))
    assert shown["Tokens"] == str(len(engine.encode(DEFAULT_TEXT)))


@pytest.mark.parametrize("text", ["<b>*x*</b> $a$ `b`", "日本語 🦊", "\x07\u202e", "a" * 10_000])
def test_any_text_is_cut_and_shown(open_page: OpenPage, text: str):
    app = open_page("tokenizer")
    app.text_area(key="tokenize").set_value(text).run()
    assert not app.exception and not app.error
    pieces = bytes.fromhex("".join(chips(app)["bytes"]).replace(" ", ""))
    assert pieces == text.encode()


def test_no_text_is_no_error(open_page: OpenPage):
    app = open_page("tokenizer")
    app.text_area(key="tokenize").set_value("").run()
    assert not app.exception and not app.error
    assert "No text, no tokens" in app.info[0].value


def test_a_click_on_a_token_tells_its_merges(open_page: OpenPage, workspace_env: Workspace):
    engine = load_tokenizer(workspace_env.tokenizers.list()[0].folder)
    app = open_page("tokenizer", tokenize="the fox said")
    place = next(i for i, token in enumerate(engine.encode("the fox said")) if 256 <= token < 511)
    app.session_state["tokenize-chips"] = {"pick": place}
    app.run()
    assert not app.exception
    assert any("made one token of" in element.value for element in app.caption)
    app.session_state["tokenize-chips"] = {"pick": None}
    app.text_area(key="tokenize").set_value("another text").run()
    assert any("Click a token" in element.value for element in app.caption)


def test_the_vocabulary_can_be_searched(open_page: OpenPage):
    app = open_page("tokenizer", view="Vocabulary", find=" the")
    assert not app.exception
    shown = app.dataframe[0].value["Token"].tolist()
    assert shown and all("·the" in token.lower() for token in shown)
    app.text_input(key="find").set_value("no such token 🦊🦊").run()
    assert "No token holds that" in app.info[0].value


def test_a_tokenizer_is_trained_by_a_job_and_used(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("tokenizer", view=TRAIN)
    assert not app.exception and not app.error
    app.number_input(key="vocab_size").set_value(300).run()
    app.text_input(key="tokenizer_name").set_value("--small").run()
    app.button(key="train").click().run()
    job = finished(workspace_env, "tokenize")
    assert job.status().state == "done", job.log_tail()
    made = workspace_env.tokenizers.get("--small")
    assert json.loads((made.folder / "manifest.json").read_text())["details"]["vocab_size"] == 300
    app.run()
    app.button(key=f"use-{job.id}").click().run()
    assert not app.exception and app.session_state["view"] == "look"


def test_a_vocabulary_larger_than_the_text_allows_gets_a_sentence(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("tokenizer", view=TRAIN)
    app.number_input(key="vocab_size").set_value(150_000).run()
    app.button(key="train").click().run()
    assert finished(workspace_env, "tokenize").status().state == "failed"
    app.run()
    assert not app.exception
    words = app.error[0].value.replace("\\", "")
    assert "The text gives only" in words and "or add text" in words


def test_without_any_tokenizer_it_offers_to_train_one(
    open_page: OpenPage, no_demo: None, workspace_env: Workspace
):
    app = open_page("tokenizer", run=None)
    assert not app.exception and "No tokenizer is here yet" in app.info[0].value
