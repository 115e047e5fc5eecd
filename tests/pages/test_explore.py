"""Explore, as a visitor uses it: aspects, filters, search, and the count of a larger corpus."""

import pytest
from streamlit.testing.v1 import AppTest

from slm import jobs
from slm.data.corpus import open_corpus
from slm.data.exploring.profile_store import saved_profile
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished
from ui.views.data import profiles

ASPECTS = ["Growth", "Phrases", "Languages", "Duplicates", "Strange", "Documents"]


def said(app: AppTest) -> str:
    """All words outside of controls."""
    kinds = (app.markdown, app.caption, app.info, app.success, app.text, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


@pytest.fixture()
def texts(workspace_env: Workspace) -> list[str]:
    """The documents of the corpus that is shown."""
    return list(open_corpus(workspace_env.corpora.list()[0]).texts())


@pytest.mark.parametrize("aspect", ASPECTS)
def test_every_picture_stands_beside_documents(open_page: OpenPage, aspect: str):
    app = open_page("data", aspect=aspect)
    assert not app.exception and not app.error
    assert app.dataframe and "120 documents" in said(app)
    assert "Exact: counted over all 120 documents." in said(app)


def test_a_link_with_a_filter_shows_its_documents_and_can_be_taken_back(
    open_page: OpenPage, texts: list[str]
):
    size = len(texts[4])
    same = sum(len(text) == size for text in texts)
    app = open_page("data", aspect="Lengths", only=f"characters:{size}-{size}", document="5")
    assert f"{size} characters: {same} of 120 documents" in said(app)
    assert texts[4] in [text.value for text in app.text]
    (button,) = [button for button in app.button if button.label == "Show all"]
    button.click().run()
    assert "120 documents" in said(app) and "of 120 documents" not in said(app)


@pytest.mark.parametrize("only", ["nonsense", "words:9", "language:<script>", "copies:99"])
def test_a_filter_that_is_none_or_finds_nothing_leaves_the_page_usable(
    open_page: OpenPage, only: str
):
    app = open_page("data", only=only)
    assert not app.exception
    assert app.number_input(key="document").value == 1


def test_a_search_counts_and_opens_what_it_found(open_page: OpenPage, texts: list[str]):
    word = texts[40].split()[-1].strip(".!?\"'")
    app = open_page("data", find=word)
    times = sum(text.lower().count(word.lower()) for text in texts)
    assert f"“{word}”: {times:,} time" in said(app)
    shown = [text.value for text in app.text][-1]
    assert word.lower() in shown.lower()


def test_a_search_that_finds_nothing_says_so(open_page: OpenPage):
    app = open_page("data", find="![x](http://example.org/x.png)")
    assert not app.exception
    assert "stands in none of 120 documents" in said(app)


def test_orders_put_the_longest_first(open_page: OpenPage, texts: list[str]):
    app = open_page("data")
    app.button_group(key="order").set_value("longest").run()
    longest = max(range(120), key=lambda place: len(texts[place]))
    assert app.number_input(key="document").value == longest + 1


def test_a_larger_corpus_is_sampled_at_once_and_counted_by_a_job(
    open_page: OpenPage, workspace_env: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(profiles, "AT_ONCE_BYTES", 0)
    profiles._known_sample.clear()
    monkeypatch.setattr("slm.data.exploring.sample.SAMPLE_CHARACTERS", 20_000)
    app = open_page("data")
    assert not app.exception
    job = finished(workspace_env, "explore")
    assert job.status().state == "done", job.log_tail()
    app.run()
    assert "Exact: counted over all 120 documents." in said(app)
    assert len([each for each in jobs.list_jobs(workspace_env) if each.verb == "explore"]) == 1
    corpus = open_corpus(workspace_env.corpora.list()[0])
    assert saved_profile(workspace_env, corpus) is not None


def test_a_read_only_corpus_keeps_its_profile_in_the_users_workspace(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("data", aspect="Split")
    assert not app.exception
    assert list((workspace_env.root / "profiles").glob("*/profile.json"))


def test_a_source_that_is_not_saved_is_explored_by_its_first_documents(open_page: OpenPage):
    app = open_page("data", aspect="Strange")
    app.selectbox(key="show").set_value("python-docs").run()
    assert not app.exception and not app.error
    assert "bits per character on average" in said(app)
