"""The challenge: against oneself, and in a room."""

import pytest

from slm import files
from slm.workshop import challenges, judging, people, room
from slm.workshop.challenges import ChallengeConfig
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished
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


def _begin(here: Workspace, **settings: object) -> str:
    corpus = next(each for each in here.corpora.list() if not each.read_only)
    config = ChallengeConfig(corpus=corpus.id, judged_kilobytes=2, **settings)
    return challenges.open_challenge(here, config).id


def _button(app, key: str):
    return next(button for button in app.button if button.key == key)


def _keys(app) -> set[str | None]:
    return {button.key for button in app.button}


def test_one_races_against_oneself(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("workshop", view="challenge")
    assert not app.exception
    app.number_input(key="race-judged_kilobytes").set_value(2)
    _button(app, "race-begin").click().run()
    assert not app.exception and not app.error
    _button(app, "race-hand-in").click().run()
    assert not app.exception and not app.error
    assert finished(workspace_env, "enter").status().state == "done"
    app = open_page("workshop", view="challenge")
    board = app.dataframe[0].value
    assert list(board["Name"]) == ["you"] and list(board["Model"]) == ["tiny"]
    assert any("bits per byte at step 12" in each.value for each in app.text)


def test_a_model_over_the_budget_is_refused_in_words(open_page: OpenPage, workspace_env):
    _begin(workspace_env, amount=1_000)
    app = open_page("workshop", view="challenge")
    _button(app, "race-hand-in").click().run()
    assert "3,072 tokens" in app.error[0].value.replace("\\", "")


def test_the_presenter_opens_and_closes_and_participants_race(open_page, shared, workspace_env):
    ada = shared("<b>Ada</b>")
    app = open_page("workshop", view="challenge")
    assert not app.exception and "not begun" in app.info[0].value
    assert "race-begin" not in _keys(app)
    challenge = _begin(workspace_env)
    run = next(each for each in workspace_env.runs.list() if not each.read_only)
    manifest = files.read_json(run.folder / files.MANIFEST)
    files.write_json(run.folder / files.MANIFEST, {**manifest, "owner": ada.id})
    hers = workspace_env.acting_as(ada.id)
    one = challenges.enter(hers, challenge, hers.runs.get(run.id))
    judging.judge(hers, challenge, one)
    app = open_page("workshop", view="challenge")
    assert list(app.dataframe[0].value["Name"]) == ["<b>Ada</b> (you)"]
    assert "race-hand-in" in _keys(app) and "race-open" not in _keys(app)

    shared("Grace")
    app = open_page("workshop", view="challenge")
    assert list(app.dataframe[0].value["Name"]) == ["<b>Ada</b>"]
    _button(app, "race-open").click().run()
    assert not app.exception and "Closed" in app.info[0].value
    assert "race-hand-in" not in _keys(app)
    assert "**Your part**" not in [each.value for each in app.markdown]  # she took no part
    _button(app, "race-remove").click().run()
    assert not challenges.list_challenges(workspace_env) and not app.exception


def test_training_for_a_challenge_begins_with_the_steps_that_the_budget_allows(
    open_page: OpenPage, workspace_env: Workspace, shared
):
    _begin(workspace_env, budget="tokens", amount=200_000)
    shared("Ada")
    app = open_page("workshop", view="challenge")
    _button(app, "race-train").click().run()
    assert app.session_state["kept-recipe"] == "steps:65"  # 200,000 over 12 windows of 256
    training = open_page("training", view="start", recipe="steps:65")
    assert training.number_input(key="recipe-steps").value == 65


def test_the_corpora_of_a_challenge_say_whose_they_are(open_page: OpenPage, workspace_env):
    app = open_page("workshop", view="challenge")
    options = app.selectbox(key="race-corpus").options
    assert options[0].endswith("(you, 120 documents)") and "(the demo, " in options[1]
