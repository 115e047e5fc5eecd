"""The Data page, as a visitor uses it."""

import pytest
from streamlit.testing.v1 import AppTest

from slm import jobs
from slm.data.corpus import open_corpus
from slm.data.embedded import python_docs
from slm.errors import HubError
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished
from ui.views.data import reading

COLLECT = "New corpus"


def said(app: AppTest) -> str:
    """All words outside of controls."""
    kinds = (app.markdown, app.caption, app.info, app.success, app.text, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def test_it_opens_with_the_corpus_of_the_current_model(open_page: OpenPage):
    app = open_page("data")
    assert not app.exception and not app.error
    assert [metric.value for metric in app.metric][:1] == ["120"]
    assert app.number_input(key="document").value == 1


def test_a_document_is_shown_in_full_by_its_number(open_page: OpenPage, workspace_env: Workspace):
    corpus = open_corpus(workspace_env.corpora.list()[0])
    app = open_page("data", document="9")
    assert list(corpus.texts())[8] in [text.value for text in app.text]


def test_a_document_number_beyond_the_end_falls_back(open_page: OpenPage):
    app = open_page("data", document="100000")
    assert not app.exception and app.number_input(key="document").value == 1


@pytest.mark.parametrize("aspect", ["Lengths", "Words", "Characters", "Split", "Cleaning"])
def test_every_aspect_of_a_corpus_can_be_seen(open_page: OpenPage, aspect: str):
    app = open_page("data", aspect=aspect)
    assert not app.exception and not app.error
    if aspect == "Split":
        assert "stands in the training text word for word" in said(app)


@pytest.mark.parametrize("key", ["python-docs", "python-code"])
def test_embedded_text_can_be_looked_at_before_it_is_saved(open_page: OpenPage, key: str):
    app = open_page("data")
    app.selectbox(key="show").set_value(key).run()
    assert not app.exception and not app.error
    assert "Licence: PSF-2.0" in said(app).replace("\\", "")
    (start,) = [button for button in app.button if button.label == "Clean and save it"]
    start.click().run()
    assert app.radio(key="source").value == key


def test_a_corpus_is_saved_by_a_job_and_used(open_page: OpenPage, workspace_env: Workspace):
    name = "Docs <b>*x*</b>"
    app = open_page("data", view=COLLECT)
    app.radio(key="source").set_value("python-docs").run()
    app.text_input(key="corpus_name").set_value(name).run()
    app.button(key="prepare").click().run()
    job = finished(workspace_env, "prepare")
    assert job.status().state == "done", job.log_tail()
    app.run()
    made = workspace_env.corpora.get(name)
    keys = [button.key for button in app.button]
    assert keys.index("prepare") < keys.index(f"use-{job.id}")  # below, where the eye is
    app.button(key=f"use-{job.id}").click().run()
    assert not app.exception and app.session_state["view"] == "explore"
    texts = {text for text, _ in python_docs.documents()}
    assert open_corpus(made).count == len(texts)


def test_saving_the_same_twice_starts_one_job(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("data", view=COLLECT)
    app.button(key="prepare").click().run()
    app.button(key="prepare").click().run()
    alive = [job for job in jobs.list_jobs(workspace_env) if job.status().alive]
    assert len(alive) <= 1
    finished(workspace_env, "prepare")


def test_work_that_was_found_on_arriving_is_told_to_its_end(
    open_page: OpenPage, workspace_env: Workspace
):
    argv = ["prepare", "--source=tales", "--name=long", "--documents=500000"]
    job = jobs.start(workspace_env, argv, name="Corpus long")
    app = open_page("data", view=COLLECT)
    assert "Corpus long" in said(app)
    job.stop()
    finished(workspace_env, "prepare")
    app.run()
    assert "Stopped: Corpus long" in said(app)
    app.button(key=f"aside-{job.id}").click().run()
    assert "Corpus long" not in said(app) and not app.exception


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x89PNG\x00" * 30, "NUL at byte"),
        (b"   \n", "holds only blanks"),
        (b"Too short.", "needs at least"),
    ],
)
def test_a_bad_upload_gets_a_sentence(open_page: OpenPage, data: bytes, words: str):
    app = open_page("data", view=COLLECT)
    app.radio(key="source").set_value("upload").run()
    app.file_uploader(key="data-upload").upload("odd.txt", data, "text/plain").run()
    assert not app.exception
    (error,) = app.error
    assert words in error.value.replace("\\", "")
    app.radio(key="source").set_value("tales").run()
    assert not app.error and app.button(key="prepare")


def test_an_upload_becomes_a_corpus_that_keeps_the_file(
    open_page: OpenPage, workspace_env: Workspace
):
    text = "\n\n\n".join(f"Tale {i}: <script>alert({i})</script> said the fox." for i in range(30))
    app = open_page("data", view=COLLECT)
    app.radio(key="source").set_value("upload").run()
    app.file_uploader(key="data-upload").upload("fox.txt", text.encode(), "text/plain").run()
    assert "30 documents" in said(app)
    app.button(key="prepare").click().run()
    assert finished(workspace_env, "prepare").status().state == "done"
    corpus = open_corpus(workspace_env.corpora.get("fox"))
    assert corpus.count == 30
    (kept,) = (corpus.folder / "original").iterdir()
    assert kept.read_bytes() == text.encode()


def test_a_name_that_is_none_of_the_hub_gets_a_sentence(open_page: OpenPage):
    app = open_page("data", view=COLLECT)
    app.radio(key="source").set_value("hub").run()
    app.text_input(key="hub_name").set_value("../../etc/passwd").run()
    assert not app.exception
    assert "is no name of a Hub data set" in app.error[0].value.replace("\\", "")


def test_nothing_is_asked_of_the_hub_before_the_visitor_asks(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def offline(config):
        asked.append(config.source)
        raise HubError("The Hub gave no answer. Check the network and try again.")

    app = open_page("data", view=COLLECT)
    app.radio(key="source").set_value("tinystories").run()
    assert not app.error and "Nothing is downloaded until you ask" in said(app)
    monkeypatch.setattr(reading, "sample_of", offline)
    (look,) = [button for button in app.button if button.label == "Look at its first documents"]
    look.click().run()
    assert asked == ["tinystories"] and "Check the network" in app.error[0].value.replace("\\", "")


def test_a_damaged_corpus_costs_a_sentence(open_page: OpenPage, workspace_env: Workspace):
    corpus = workspace_env.corpora.list()[0]
    for part in (corpus.folder / "documents").iterdir():
        part.unlink()
    app = open_page("data")
    assert not app.exception
