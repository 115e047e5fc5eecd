"""The Workshop page, and what a participant is not offered elsewhere."""

import pytest

from slm import jobs, limits
from slm.limits import Limits, Share
from slm.workshop import people, room
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui import session


@pytest.fixture()
def shared(workspace_env: Workspace, monkeypatch: pytest.MonkeyPatch):
    """A shared room: `shared(name)` says who looks; the tiny run is the presenter's."""
    room.open_room(workspace_env, ("http://192.168.1.5:8501",), ("192.168.1.5",))
    monkeypatch.setenv("SLM_SHARE", "1")
    grace = people.let_presenter_in(workspace_env, "Grace")

    def looks(name: str | None):
        person = None if name is None else grace
        if name not in {None, "Grace"}:
            person = people.join(workspace_env, name)
        monkeypatch.setattr(session, "person", lambda: person)
        return person

    return looks


def _labels(app) -> set[str]:
    return {button.label for button in app.button}


def test_alone_the_page_says_how_a_room_is_opened(open_page: OpenPage):
    app = open_page("workshop")
    assert not app.exception
    assert "--share" in app.code[0].value
    assert "Take all my work home" in _labels(app)


def test_whoever_has_no_place_sees_nothing_of_the_app(open_page: OpenPage, shared):
    from streamlit.testing.v1 import AppTest

    shared(None)
    app = AppTest.from_file(str(session.ROOT / "app.py"), default_timeout=60).run()
    assert not app.exception
    assert "not in the room any more" in app.info[0].value
    assert not app.sidebar.selectbox and len(app.main.children) <= 6


def test_a_participant_sees_who_is_here_and_the_presenter_rules_the_door(
    open_page: OpenPage, shared
):
    shared("<b>Ada</b>")
    app = open_page("workshop")
    assert not app.exception
    names = list(app.dataframe[0].value["Name"])
    assert names == ["Grace (presenter)", "<b>Ada</b> (you)"]
    assert "New code" not in _labels(app)
    shared("Grace")
    assert "New code" in _labels(open_page("workshop"))


def test_what_a_participant_makes_is_theirs(open_page: OpenPage, shared, workspace_env):
    ada = shared("Ada")
    workspace_env.acting_as(ada.id).runs.open_folder("ada's", {})
    app = open_page("workshop")
    assert any("1 run" in text.value for text in app.text)


def test_a_participant_is_offered_no_change_of_anothers_run(open_page: OpenPage, shared):
    shared("Ada")
    app = open_page("training", view="watch")
    assert not app.exception
    assert "Apply" not in _labels(app)
    shown = open_page("library", view="runs").dataframe[0].value
    assert next(iter(shown["By"])) == "Grace"


def test_a_participant_names_no_path_of_the_server(open_page: OpenPage, shared):
    shared("Ada")
    app = open_page("library", view="models")
    assert not app.exception
    assert "Folder" not in {field.label for field in app.text_input}
    app = open_page("library", view="serve")
    assert "serve-start" not in {button.key for button in app.button}


def test_jobs_of_others_are_not_offered_to_stop(open_page: OpenPage, shared, workspace_env):
    shared("Ada")
    job = jobs.start(workspace_env, ["model", "--preset", "nano"], name="graces", key="k")
    app = open_page("library", view="work")
    assert not app.exception
    assert not any(job.id in (button.key or "") for button in app.button)
    shared("Grace")
    app = open_page("library", view="work")
    assert any(job.id in (button.key or "") for button in app.button)


def test_a_participant_reads_their_share_before_a_training_is_refused(
    open_page: OpenPage, shared, workspace_env
):
    limits.write(workspace_env.root, Limits(everybody=Share(steps=300, parameters=1_000)))
    shared("Ada")
    app = open_page("training", view="start")
    assert not app.exception
    captions = [told.value.replace("\\", "") for told in app.caption]
    assert any(
        "Your share of this room: models up to 1,000 parameters" in told for told in captions
    )
    assert "at most 1,000" in app.error[0].value.replace("\\", "")
    assert next(each for each in app.button if each.label == "Start training").disabled
    shared("Grace")
    app = open_page("training", view="start")
    assert not any("Your share" in told.value for told in app.caption)
    assert not next(each for each in app.button if each.label == "Start training").disabled


def test_the_presenter_sets_what_each_may_take_and_holds_all_work(
    open_page: OpenPage, shared, workspace_env
):
    ada = shared("Ada")
    shared("Grace")
    app = open_page("workshop", view="Control")
    assert not app.exception and [m.label for m in app.metric][:2] == ["At work", "Waiting"]
    assert list(app.dataframe[0].value["Name"]) == ["Grace (presenter, you)", "Ada"]
    app.number_input(key="share-all-steps").set_value(77)
    app.number_input(key="share-all-minutes").set_value(2.5)
    [set_limits] = [button for button in app.button if button.label == "Set"]
    set_limits.click().run()
    assert not app.exception
    told = limits.read(workspace_env.root).of(ada.id)
    assert (told.steps, told.minutes) == (77, 2.5)
    next(b for b in app.button if b.label == "Hold everybody's work").click().run()
    assert limits.read(workspace_env.root).paused
    next(b for b in app.button if b.label == "Let work go on").click().run()
    assert not limits.read(workspace_env.root).paused


def test_the_presenter_makes_a_link_for_a_second_one(open_page: OpenPage, shared, workspace_env):
    shared("Grace")
    app = open_page("workshop", view="Control")
    app.button(key="control-second").click().run()
    assert not app.exception
    [link] = [told.value for told in app.code if "/join?ticket=" in told.value]
    assert room.use_ticket(workspace_env, link.partition("ticket=")[2])


def test_a_participant_finds_no_control(open_page: OpenPage, shared):
    shared("Ada")
    app = open_page("workshop", view="Control")
    assert not app.exception and not app.metric
    assert "Hold everybody's work" not in _labels(app)
