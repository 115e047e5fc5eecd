"""The Tokenizer page, as a visitor uses it."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished
from ui.components.payload import unpack
from ui.view_models.chips import visible
from ui.view_models.tokenizer import DEFAULT_TEXT

TRAIN = "New tokenizer"


def drawn(app: AppTest) -> list[dict]:
    """What each component of ours receives."""
    return [unpack(element.proto.bytes)[0] for element in app.get("bidi_component")]


def chips(app: AppTest) -> dict:
    """What the browser receives to draw a text."""
    return drawn(app)[0]


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
    tree = drawn(app)[1]["nodes"]
    assert tree[0]["left"] == 1 and tree[0]["label"].startswith("merge ")
    app.session_state["tokenize-chips"] = {"pick": None}
    app.text_area(key="tokenize").set_value("another text").run()
    assert any("Click a token" in element.value for element in app.caption)


def test_the_vocabulary_can_be_searched(open_page: OpenPage):
    app = open_page("tokenizer", view="Vocabulary", find=" the")
    assert not app.exception
    shown = app.dataframe[0].value["Token"].tolist()
    assert shown and all("·the" in token.lower() for token in shown)
    app.text_input(key="find").set_value("no such token 🦊🦊").run()
    assert "No token is like that" in app.info[0].value


def test_the_vocabulary_tells_what_is_never_used_and_where_a_token_stands(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("tokenizer", view="Vocabulary", which="Never used", token="257")
    assert not app.exception and not app.error
    assert set(app.dataframe[0].value["Frequency"]) == {0}
    said = " ".join(element.value for element in app.caption)
    assert "Counted over the whole training split" in said and "It occurs " in said
    piece = load_tokenizer(workspace_env.tokenizers.list()[0].folder).token_bytes(257)
    contexts = app.dataframe[1].value
    assert set(contexts["token"]) == {visible(piece)} and len(contexts) == 6


def test_merges_are_replayed_on_the_text(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("tokenizer", view="Merge replay", tokenize="the fox said", merge="7")
    assert not app.exception and not app.error
    story = drawn(app)[0]
    assert story["begin"] == 7 and story["all"] and story["bytes"] == 12
    assert story["merges"] == 512 - 257
    assert story["words"], "frequent words of the corpus"
    app.session_state["replay-player"] = {"merge": 9}
    app.run()
    assert not app.exception and drawn(app)[0]["begin"] == 7
    app.text_area(key="tokenize").set_value("x" * 3_000).run()
    assert drawn(app)[0]["bytes"] == 2_000
    assert any("2,000 of 3,000 characters" in element.value for element in app.caption)


def test_tokenizers_stand_side_by_side(open_page: OpenPage):
    app = open_page("tokenizer", view="Compare", tokenize="the <b>fox</b>")
    assert not app.exception and not app.error
    assert "Bytes alone" in drawn(app)[0]["names"]
    app.segmented_control(key="compared_on").set_value("languages").run()
    assert not app.exception
    assert any("pays most" in element.value for element in app.caption)
    app.segmented_control(key="compared_on").set_value("domains").run()
    app.multiselect(key="compared").set_value([]).run()
    assert not app.exception and "Choose at least one" in app.info[0].value


def test_one_that_is_deleted_while_it_is_compared_costs_a_sentence(
    open_page: OpenPage, workspace_env: Workspace
):
    (workspace_env.tokenizers.list()[0].folder / "tokenizer.json").unlink()
    app = open_page("tokenizer", view="Compare")
    assert not app.exception
    assert "was deleted or has lost its files" in app.error[0].value


def test_a_published_tokenizer_comes_by_upload_and_a_hostile_one_does_not(
    open_page: OpenPage, workspace_env: Workspace, tmp_path
):
    Tokenizer.train(["the otter said the otter"] * 3, 265).save(tmp_path)
    sound = (tmp_path / "tokenizer.json").read_bytes()
    values = json.loads(sound)
    values["pre_tokenizer"]["pattern"] = {"Regex": "(a+)+$"}
    for name, data in (("otter <b>", sound), ("hostile", json.dumps(values).encode())):
        app = open_page("tokenizer", view="Published")
        app.file_uploader(key="tokenizer_upload").upload("tokenizer.json", data, "application/json")
        app.run()
        app.text_input(key="imported_name").set_value(name).run()
        app.button(key="import").click().run()
        job = finished(workspace_env, "import-tokenizer")
        app.run()
        assert not app.exception
        if data is sound:
            assert job.status().state == "done", job.log_tail()
            assert workspace_env.tokenizers.get(name).details["kind"] == "imported"
            app.button(key=f"use-{job.id}").click().run()
            assert not app.exception and app.session_state["view"] == "look"
        else:
            assert job.status().state == "failed"
            assert "could take for ever" in app.error[0].value.replace("\\", "")
            assert workspace_env.tokenizers.find(name) is None


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
