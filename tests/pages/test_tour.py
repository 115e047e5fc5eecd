"""The guided tour: on one's own computer, along through the pages, and in a room."""

import pytest
from streamlit.testing.v1 import AppTest

from slm.workshop import people, progress, room
from slm.workshop.tour import STEPS
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui import session


@pytest.fixture()
def shared(workspace_env: Workspace, monkeypatch: pytest.MonkeyPatch):
    """A shared room: `shared(name)` says who looks."""
    room.open_room(workspace_env, ("http://192.168.1.5:8501",), ("192.168.1.5",))
    monkeypatch.setenv("SLM_SHARE", "1")
    grace = people.let_presenter_in(workspace_env, "Grace")

    def looks(name: str):
        person = grace if name == "Grace" else people.join(workspace_env, name)
        monkeypatch.setattr(session, "person", lambda: person)
        return person

    return looks


def _button(app, key: str):
    return next(button for button in app.button if button.key == key)


def test_the_tour_notices_what_was_made(open_page: OpenPage):
    app = open_page("workshop", view="tour")
    assert not app.exception
    assert "120 documents" in app.success[0].value  # the tiny corpus is one's own
    assert {button.label for button in app.button} >= {step.title for step in STEPS}


def test_an_answer_is_checked_with_the_current_model(open_page: OpenPage):
    app = open_page("workshop", view="tour")
    _button(app, "step-count-the-embedding").click().run()
    app.text_input(key="view-answer-count-the-embedding").set_value("5")
    _button(app, "FormSubmitter:view-check-Check").click().run()
    assert not app.exception and "Not that many" in app.info[-1].value
    app.text_input(key="view-answer-count-the-embedding").set_value("16,384")
    _button(app, "FormSubmitter:view-check-Check").click().run()
    assert "512" in app.success[-1].value and not app.exception


def home() -> AppTest:
    """Home with its sidebar: a test's change of page runs the page alone."""
    return AppTest.from_file(str(session.ROOT / "app.py"), default_timeout=60).run()


def test_the_step_goes_along_through_the_pages_and_can_be_put_away(workspace_env):
    app = home()
    _button(app, "tour-open").click().run()
    assert not app.exception
    assert "**Collect a corpus**" in [each.value for each in app.sidebar.markdown]
    _button(app, "side-Next").click().run()
    assert "**Count what is kept aside**" in [each.value for each in app.sidebar.markdown]
    assert progress.read_progress(workspace_env).open
    _button(app, "tour-close").click().run()
    assert not progress.read_progress(workspace_env).open
    assert _button(app, "tour-open")


def test_show_me_opens_the_page_of_the_step(workspace_env):
    progress.go_to_step(workspace_env, "train-a-tokenizer", is_open=True)
    app = home()
    _button(app, "side-show").click().run()
    assert not app.exception
    assert app.title[0].value == "Tokenizer"


@pytest.mark.parametrize("step", ["find-the-largest-part", "count-the-embedding"])
def test_show_me_draws_the_model_that_the_question_is_about(workspace_env, step):
    """A new design, the first view there, has other numbers than the current model."""
    progress.go_to_step(workspace_env, step, is_open=True)
    app = home()
    _button(app, "side-show").click().run()
    assert not app.exception and app.title[0].value == "Model"
    assert app.session_state["view"] == "drawn"


def test_show_me_opens_the_split_of_ones_own_newest_corpus(workspace_env: Workspace):
    mine = next(each for each in workspace_env.corpora.list() if not each.read_only)
    progress.go_to_step(workspace_env, "count-the-held-out", is_open=True)
    app = home()
    _button(app, "side-show").click().run()
    assert not app.exception and app.title[0].value == "Data"
    chosen = [app.session_state[key] for key in ("view", "aspect", "corpus")]
    assert chosen == ["explore", "split", mine.id]


def test_what_is_typed_at_too_great_length_is_refused_in_words(open_page: OpenPage):
    app = open_page("workshop", view="tour")
    _button(app, "step-find-a-dear-text").click().run()
    app.text_input(key="view-answer-find-a-dear-text").set_value("a" * 3_000)
    _button(app, "FormSubmitter:view-check-Check").click().run()
    assert not app.exception and "3,000 characters" in app.info[-1].value.replace("\\", "")


def test_the_presenter_sees_where_the_room_is(open_page, shared, workspace_env):
    ada = shared("<b>Ada</b>")
    here = workspace_env.acting_as(ada.id)
    progress.go_to_step(here, "make-it-babble")
    app = open_page("workshop", view="tour")
    assert not app.exception and not app.dataframe
    shared("Grace")
    shown = open_page("workshop", view="tour").dataframe[0].value
    row = shown[shown["Step"] == "Make the model babble"].iloc[0]
    assert row["Now at it"] == "<b>Ada</b>"
