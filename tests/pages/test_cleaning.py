"""Cleaning on the Data page: rules in the address, their effect, and the way back."""

import re

from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.test_data import said

DOCS = {"view": "New corpus", "source": "Python documentation"}


def test_rules_of_the_address_show_at_once_what_they_do(open_page: OpenPage):
    app = open_page("data", **DOCS, rules="lower_case,min_length=900")
    assert not app.exception and not app.error
    assert re.search(r"Of all \d+ documents, \*\*\d+ are left\*\*, with .* characters", said(app))
    assert "Every letter becomes small" in said(app)


def test_a_change_can_be_undone_redone_and_reset(open_page: OpenPage):
    app = open_page("data", **DOCS, rules="lower_case")
    app.button(key="rules-reset").click().run()
    assert app.query_params.get("rules") is None
    app.button(key="rules-undo").click().run()
    assert app.query_params["rules"] == "lower_case"
    app.button(key="rules-redo").click().run()
    assert app.query_params.get("rules") is None
    assert app.button(key="rules-redo").disabled and app.button(key="rules-reset").disabled


def test_one_document_is_followed_through_the_rules(open_page: OpenPage):
    app = open_page(
        "data", **DOCS, rules="lower_case", preview="One whole document", sample_document="2"
    )
    assert not app.exception and not app.error
    assert app.number_input(key="sample_document").value == 2
    assert app.selectbox(key="sample_rule").options == ["Lower case"]
    assert re.search(r"[\d,]+ characters before, [\d,]+ after\.", said(app))


def test_no_rule_at_all_is_a_choice_too(open_page: OpenPage):
    app = open_page("data", **DOCS, rules="none")
    assert not app.exception
    assert "these rules change nothing" in said(app)


def test_a_saved_corpus_shows_what_was_removed_and_can_be_cleaned_anew(
    open_page: OpenPage, workspace_env: Workspace
):
    rules = ("lower_case", "min_length=3000")
    config = PrepareConfig(source="python-docs", name="Docs", rules=rules)
    made = prepare_corpus(workspace_env, config)
    assert made is not None
    app = open_page("data", corpus="Docs", aspect="Cleaning", removed_by="nonsense")
    assert not app.exception and not app.error
    gone = next(made.removed())
    assert gone.text.strip() in [text.value for text in app.text]
    assert "All of them are kept as they came" in said(app)
    app.button(key="clean-anew").click().run()
    assert not app.exception and not app.error
    assert app.session_state["corpus_source"] == made.artefact.id
    assert app.query_params["rules"] == "lower_case,min_length=3000"
