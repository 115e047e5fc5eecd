"""The copy detective, as a visitor uses it."""

import shutil

import pytest

from slm import jobs
from slm.data.corpus import open_corpus
from slm.exchange.importing import ImportConfig, import_model
from slm.exchange.pretrained import export_pretrained
from slm.lab.copy_index import FOLDER, build_index, choose_text
from slm.lab.reports import open_run
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished
from ui.components.payload import unpack

VIEW = "Copy detective"


def chips(app, place: int = 0) -> dict:
    """What the tokens of the text (0) or of the passage (1) were sent to the browser with."""
    sent = [
        unpack(node.proto.bytes)[0]
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("slm_tokens")
    ]
    return sent[place]


def captions(app) -> str:
    return " ".join(each.value for each in app.caption)


def words(app) -> str:
    return " ".join(each.value for each in app.markdown)


@pytest.fixture()
def indexed(workspace_env: Workspace) -> Workspace:
    run = workspace_env.runs.get("tiny")
    assert build_index(workspace_env, choose_text(workspace_env, run)) is not None
    return workspace_env


def test_a_small_training_text_is_indexed_without_being_asked(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("evaluation", view=VIEW)
    assert not app.exception and not app.error
    assert len(chips(app)["texts"]) > 4, "the text is there before its copies are"
    assert finished(workspace_env, "copying").status().state == "done"
    app.run()
    assert not app.exception and not app.error
    assert "Held against all" in captions(app)
    assert len(app.get("plotly_chart")) == 1


def test_an_index_that_made_room_for_others_is_made_again(
    open_page: OpenPage, workspace_env: Workspace
):
    open_page("evaluation", view=VIEW, copy_length="20")
    first = finished(workspace_env, "copying")
    shutil.rmtree(workspace_env.root / FOLDER)
    open_page("evaluation", view=VIEW, copy_length="20")
    second = finished(workspace_env, "copying")
    assert second.id != first.id and second.status().state == "done"


def test_a_training_text_is_found_with_its_document(open_page: OpenPage, indexed: Workspace):
    document = next(open_corpus(indexed.corpora.list()[0]).documents("train", start=7))
    own = document.text[:400]
    app = open_page("evaluation", view=VIEW, copy_from="Your own", copy_text=own)
    assert not app.exception and not app.error
    assert "Copied" in words(app) or "recited" in words(app)
    n = len(open_run(indexed.runs.get("tiny")).tokenizer.encode(own))
    sent = chips(app)
    assert len(sent["texts"]) == n
    assert sent["values"][0] == 1.0 and sent["selected"] == 0
    assert "stand in the training text once" in captions(app)
    assert f"document {document.id + 1:,}" in captions(app).replace("\\", "")
    assert sum(value is not None for value in chips(app, 1)["values"]) >= n - 1


def test_what_was_never_seen_is_plain_and_is_shown_as_typed(
    open_page: OpenPage, indexed: Workspace
):
    own = "<img src=x onerror=alert(1)> 日本 ![x](http://a/b.png)"
    app = open_page("evaluation", view=VIEW, copy_from="Your own", copy_text=own)
    assert not app.exception and not app.error
    assert set(chips(app)["values"]) == {None}
    assert "No more copied" in words(app)
    assert "<img" not in words(app) and "a/b.png" not in words(app)


def test_the_address_reproduces_text_token_and_threshold(open_page: OpenPage, indexed: Workspace):
    app = open_page(
        "evaluation",
        view=VIEW,
        copy_prompt="Ben",
        copy_seed="3",
        copy_length="40",
        copy_least="2",
        copy_at="5",
    )
    assert not app.exception and not app.error
    prompt = open_run(indexed.runs.get("tiny")).tokenizer.encode("Ben")
    sent = chips(app)
    assert sent["selected"] == len(prompt) + 5
    assert sent["notes"][0] == ["the prompt, which is not examined"]
    assert app.slider(key="copy_least").value == 2


@pytest.mark.parametrize("wrong", ["-1", "9999", "x", "²"])
def test_a_wrong_token_in_the_address_is_the_longest_match(
    open_page: OpenPage, indexed: Workspace, wrong: str
):
    app = open_page("evaluation", view=VIEW, copy_length="30", copy_at=wrong)
    assert not app.exception and not app.error


def test_who_turns_to_their_own_text_begins_with_the_one_they_saw(
    open_page: OpenPage, indexed: Workspace
):
    app = open_page("evaluation", view=VIEW, copy_length="30")
    app.button_group(key="copy_from").set_value("own").run()
    assert not app.exception and not app.error
    assert app.text_area(key="copy_text").value.startswith("Once upon a time")
    app.text_area(key="copy_text").set_value("").run()
    assert "There is no text yet" in app.info[0].value


def test_a_held_out_passage_shows_what_copying_nothing_looks_like(
    open_page: OpenPage, indexed: Workspace
):
    app = open_page("evaluation", view=VIEW, copy_from="Held out", copy_passage="2")
    assert not app.exception and not app.error
    assert len(chips(app)["texts"]) == 200


def test_a_model_trained_elsewhere_is_offered_the_corpora_here(
    open_page: OpenPage, indexed: Workspace, tmp_path, monkeypatch
):
    opened = open_run(indexed.runs.get("tiny"))
    export_pretrained(opened.model, opened.tokenizer, tmp_path / "elsewhere")
    assert import_model(indexed, ImportConfig(source=str(tmp_path / "elsewhere"))) is not None
    app = open_page("evaluation", run="elsewhere (imported)", view=VIEW, copy_length="20")
    assert not app.exception and not app.error
    assert "was trained elsewhere" in app.info[0].value
    asked = []
    monkeypatch.setattr(jobs, "start", lambda *a, **k: asked.append(a[1]))
    corpus = indexed.corpora.list()[0]
    app.selectbox(key="copy_corpus").set_value(corpus.id).run()
    model = indexed.models.list()[0]
    assert asked[0] == [
        *("copying", "--run", model.id, "--index-only", "True", "--corpus", corpus.id)
    ]
    build_index(indexed, choose_text(indexed, model, corpus.id))
    app.run()
    assert not app.exception and not app.error
    assert "of the training split" in captions(app)


def test_a_run_whose_text_is_gone_says_so_and_can_be_compared(
    open_page: OpenPage, workspace_env: Workspace
):
    for shelf in (workspace_env.tokens, workspace_env.corpora):
        for artefact in shelf.list():
            shelf.delete(artefact.id)
    app = open_page("evaluation", view=VIEW, copy_length="20")
    assert not app.exception
    assert "is gone" in app.error[0].value
    assert app.selectbox(key="copy_corpus") is not None
