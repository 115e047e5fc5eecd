"""The class game and the questions: alone, for the presenter and for participants."""

import pytest

from slm.evaluation.shannon import Attempt, Passage, Play
from slm.workshop import class_game, kept, people, questions, room
from slm.workshop.questions import Question
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui import session

PASSAGE = Passage("letters", "the ", tuple("cats run"), (), (), 0, (), 27)
MACHINE = Play((Attempt(2),) * 8, (1.0,) * 8, ("x",) * 8)
TOKENS = Question("next_token", "Which?", (" <b>red", " blue"), (1,), "Blue.", tokens=True)


@pytest.fixture()
def shared(workspace_env: Workspace, monkeypatch: pytest.MonkeyPatch):
    """A shared room: `shared(name)` says who looks."""
    room.open_room(workspace_env, ("http://192.168.1.5:8501",), ("192.168.1.5",))
    monkeypatch.setenv("SLM_SHARE", "1")
    grace = people.let_presenter_in(workspace_env, "Grace")
    known = {"Grace": grace}

    def looks(name: str):
        person = known.setdefault(name, None) or people.join(workspace_env, name)
        known[name] = person
        monkeypatch.setattr(session, "person", lambda: person)
        return person

    return looks


def _button(app, key: str):
    return next(button for button in app.button if button.key == key)


def _keys(app) -> set[str | None]:
    return {button.key for button in app.button}


def test_one_asks_oneself_predicts_and_reveals(open_page: OpenPage, workspace_env):
    app = open_page("workshop", view="questions")
    assert not app.exception
    _button(app, "question-go").click().run()
    assert not app.exception and not app.error
    _button(app, "answer-1").click().run()
    _button(app, "question-reveal").click().run()
    assert not app.exception
    asked = questions.newest_question(workspace_env)
    assert asked.revealed and asked.own == 1 and asked.answered == 1
    assert "first choice" in (app.success[0] if app.success else app.info[0]).value


def test_a_participant_answers_and_only_the_presenter_reveals(open_page, shared, workspace_env):
    shared("Ada")
    app = open_page("workshop", view="questions")
    assert not app.exception and "asked nothing" in app.info[0].value
    asked = questions.ask(workspace_env, TOKENS)
    app = open_page("workshop", view="questions")
    assert "question-reveal" not in _keys(app) and "question-go" not in _keys(app)
    assert _button(app, "answer-0").label == r"·\<b\>red"
    _button(app, "answer-1").click().run()
    assert "1 of 1 has answered." in [each.value for each in app.caption]
    shared("Grace")
    app = open_page("workshop", view="questions")
    _button(app, "question-reveal").click().run()
    assert questions.look(workspace_env, asked).revealed and not app.exception
    shared("Ada")
    assert "You were right" in open_page("workshop", view="questions").success[0].value


def test_the_presenter_begins_a_game_that_the_model_has_played(open_page, workspace_env):
    app = open_page("workshop", view="game")
    assert not app.exception
    _button(app, "game-begin").click().run()
    assert not app.exception and not app.error
    game = class_game.newest_game(workspace_env)
    assert game.open and set(game.plays) == {"model", "trigram"} and game.model == "tiny"


def test_a_class_stands_beside_the_machine_and_the_presenter_ends_the_game(
    open_page, shared, workspace_env
):
    ada = shared("<b>Ada</b>")
    app = open_page("workshop", view="game")
    assert not app.exception and "not begun" in app.info[0].value
    game = class_game.begin_game(workspace_env, PASSAGE, {"model": MACHINE}, "tiny")
    for letter in "cats r":
        class_game.guess(workspace_env.acting_as(ada.id), game.id, letter)
    app = open_page("workshop", view="game")
    assert not app.exception
    assert "game-end" not in _keys(app)
    shown = app.dataframe[-1].value
    assert list(shown["Name"]) == ["<b>Ada</b> (you)"] and list(shown["Found"]) == [6]
    assert any("the model 1.00" in each.value for each in app.markdown)
    shared("Grace")
    app = open_page("workshop", view="game")
    _button(app, "game-end").click().run()
    assert not app.exception and not class_game.newest_game(workspace_env).open
    assert "the cats run" in [each.value for each in app.text]


def _n_questions(here: Workspace) -> int:
    return len(list(kept.ids(here, questions.WHAT)))


def test_the_next_question_waits_until_the_open_one_is_revealed(
    open_page: OpenPage, workspace_env: Workspace, shared
):
    shared("Grace")
    app = open_page("workshop", view="questions")
    _button(app, "question-go").click().run()
    _button(app, "question-go").click().run()
    assert any("Reveal its answer first" in each.value for each in app.info)
    assert _n_questions(workspace_env) == 1
    _button(app, "question-reveal").click().run()
    assert "question-replace" not in _keys(app)
    assert not any("Reveal its answer first" in each.value for each in app.info)
    _button(app, "question-go").click().run()
    assert _n_questions(workspace_env) == 2 and not app.exception


def test_an_open_question_can_be_replaced_once_the_presenter_says_so(
    open_page: OpenPage, workspace_env: Workspace, shared
):
    questions.ask(workspace_env, TOKENS)
    shared("Grace")
    app = open_page("workshop", view="questions")
    assert "question-replace" not in _keys(app)
    _button(app, "question-go").click().run()
    assert _n_questions(workspace_env) == 1
    _button(app, "question-replace").click().run()
    assert _n_questions(workspace_env) == 2 and not app.exception


def test_a_text_that_is_too_long_is_refused_in_words(open_page: OpenPage, workspace_env):
    app = open_page("workshop", view="questions")
    app.text_area(key="question-text").set_value("a " * 1_500)
    _button(app, "question-go").click().run()
    assert "2,999 characters; 2,000 are the most" in app.error[0].value.replace("\\", "")
    assert questions.newest_question(workspace_env) is None


def test_the_presenter_is_not_counted_among_those_who_answer(
    open_page: OpenPage, workspace_env: Workspace, shared
):
    ada = shared("Ada")
    asked = questions.ask(workspace_env, TOKENS)
    questions.answer(workspace_env, asked, 0)
    shared("Grace")
    app = open_page("workshop", view="questions")
    assert "0 of 1 have answered." in [each.value for each in app.caption]
    questions.answer(workspace_env.acting_as(ada.id), asked, 1)
    app = open_page("workshop", view="questions")
    assert "1 of 1 has answered." in [each.value for each in app.caption]


def test_every_answer_has_an_icon_so_that_no_button_moves(open_page: OpenPage, workspace_env):
    questions.ask(workspace_env, TOKENS)
    app = open_page("workshop", view="questions")
    _button(app, "answer-1").click().run()
    icons = [button.icon for button in app.button if (button.key or "").startswith("answer-")]
    assert icons == [":material/radio_button_unchecked:", ":material/check_circle:"]
