"""New corpus, as a visitor uses it: the library, the Hub well and ill, what is kept of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from slm.data.corpus import open_corpus
from slm.data.hub.spool import FOLDER, downloads_in
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.data.hub.fake_hub import STORIES, FakeHub, environment, running_hub
from tests.pages.waiting import finished
from ui.view_models import sources

COLLECT = "New corpus"
HUB = sources.source_cards()[sources.HUB].title


@pytest.fixture()
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with running_hub() as fake:
        for key, value in fake.environment(tmp_path / "home").items():
            monkeypatch.setenv(key, value)
        yield fake


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.error, app.warning, app.text)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def button(app: AppTest, label: str) -> object:
    (found,) = [each for each in app.button if each.label == label]
    return found


def test_a_search_shortens_the_list_and_keeps_what_is_chosen(open_page: OpenPage):
    app = open_page("data", view=COLLECT, find="poetry")
    assert app.radio(key="source").options == [
        "Gutenberg poetry, line by line",
        "Tales",
    ]
    assert app.radio(key="source").value == "tales" and "1 source fits" in said(app)
    app.segmented_control(key="reach").set_value("here").run()
    assert app.radio(key="source").value == "tales"
    assert app.radio(key="source").options == ["Tales"]


def test_a_link_may_say_a_sources_key(open_page: OpenPage):
    app = open_page("data", view=COLLECT, source="wikipedia")
    assert app.radio(key="source").value == "wikipedia"
    assert "CC BY-SA 3.0" in said(app) and "Nothing is fetched" in said(app)
    assert app.selectbox(key="variant-wikipedia").options[1] == "French"


def test_any_data_set_is_chosen_from_what_the_hub_says(
    open_page: OpenPage, workspace_env: Workspace, fake: FakeHub
):
    app = open_page("data", view=COLLECT, source=HUB, hub_name="good/parts")
    assert not app.exception and not fake.asked
    app.button(key="hub-ask").click().run()
    assert "Tales of two tongues · licence: mit · language: de, fr · 2 rows" in said(app)
    assert app.selectbox(key="hub_config").options == ["german", "french"]
    assert app.selectbox(key="hub_split").options == ["train", "test"]
    assert app.selectbox(key="text_column").options == ["text"]
    app.selectbox(key="hub_config").set_value("french").run()
    assert app.selectbox(key="hub_split").options == ["train"]
    app.selectbox(key="hub_config").set_value("german").run()
    app.button(key="prepare").click().run()
    job = finished(workspace_env, "prepare")
    assert job.status().state == "done", job.log_tail()
    made = open_corpus(workspace_env.corpora.get("parts"))
    assert sorted(made.texts()) == ["eins", "zwei"]
    app.run()
    assert "all of it" in said(app)


def test_after_a_break_what_arrived_can_be_saved_without_the_hub(
    open_page: OpenPage, workspace_env: Workspace, fake: FakeHub
):
    app = open_page("data", view=COLLECT, source=HUB, hub_name="odd/breaks")
    app.button(key="prepare").click().run()
    assert finished(workspace_env, "prepare").status().state == "failed"
    app.run()
    assert "What arrived is kept (3 rows)" in said(app)
    assert button(app, "Go on from where it stopped")
    fake.asked.clear()
    button(app, "Save what has arrived").click().run()
    job = finished(workspace_env, "prepare")
    assert job.status().state == "done", job.log_tail()
    assert not fake.asked
    app.run()
    assert sorted(open_corpus(workspace_env.corpora.get("breaks")).texts()) == STORIES[:3]
    folder = workspace_env.root / FOLDER
    (download,) = downloads_in(folder)
    app.button(key=f"delete-{download.key}").click().run()
    assert not app.exception and not downloads_in(folder)


def test_without_a_network_the_embedded_corpora_are_offered(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for key, value in environment("http://127.0.0.1:9", tmp_path / "home").items():
        monkeypatch.setenv(key, value)
    app = open_page("data", view=COLLECT, source=HUB, hub_name="owner/unheard-of")
    app.button(key="hub-ask").click().run()
    assert not app.exception
    (error,) = app.error
    assert "The Hub cannot be reached for owner/unheard-of" in error.value.replace("\\", "")
    app.button(key="hub-none-tales").click().run()
    assert app.radio(key="source").value == "tales" and not app.error


def test_a_data_set_behind_terms_or_without_text_is_not_taken(open_page: OpenPage, fake: FakeHub):
    app = open_page("data", view=COLLECT, source=HUB, hub_name="odd/gated")
    app.button(key="hub-ask").click().run()
    assert "accept terms first" in said(app) and not app.exception
    assert "prepare" not in {each.key for each in app.button}
    app.text_input(key="hub_name").set_value("odd/two-columns").run()
    app.button(key="hub-ask").click().run()
    assert "Which column holds the text?" in said(app)
    app.selectbox(key="text_column").set_value("right").run()
    assert app.button(key="prepare") and not app.exception


def test_a_corpus_of_yours_can_be_cleaned_anew(open_page: OpenPage, workspace_env: Workspace):
    corpus = workspace_env.corpora.list()[0]
    app = open_page("data", view=COLLECT, source=sources.OWN)
    assert "Choose a corpus of yours" in said(app)
    app.selectbox(key="corpus_source").set_value(corpus.id).run()
    assert not app.exception and not app.error
    assert app.text_input(key="corpus_name").placeholder == f"{corpus.name}, cleaned anew"
