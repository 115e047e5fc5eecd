import json
import re
import time

import pytest

from slm.lab.reports import open_run


def settle(app, condition, patience_seconds=60):
    """Rerun the page, as its timer would, until the condition holds."""
    until = time.monotonic() + patience_seconds
    while not condition(app):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)
        app.run()
    return app


def texts(app):
    return " ".join(element.value for element in app.text)


def captions(app):
    return " ".join(element.value for element in app.caption)


def test_sliders_and_bars_are_there_before_anything_is_written(open_page):
    app = open_page("sampling")
    assert not app.exception
    assert {slider.label for slider in app.slider} >= {"Temperature", "Top-k", "Top-p", "Min-p"}
    assert "can be drawn" in captions(app)
    assert "The next token after the prompt" in " ".join(m.value for m in app.markdown)


def test_a_text_is_written_from_the_prompt(open_page):
    app = open_page("sampling", new_tokens="12")
    app.button(key="write").click().run()
    settle(app, lambda page: "Done" in captions(page))
    assert texts(app).startswith("Once upon a time")
    assert len(texts(app)) > len("Once upon a time")
    assert not app.exception


def test_the_same_seed_writes_the_same_text_and_another_one_another(open_page):
    app = open_page("sampling", new_tokens="12", temperature="1.5", top_k="0")
    written = []
    for key in ("write", "write", "another"):
        app.button(key=key).click().run()
        settle(app, lambda page: "Done" in captions(page))
        written.append(texts(app))
    assert written[0] == written[1] != written[2]
    assert app.number_input(key="sampling_seed").value == 1


def test_stop_ends_a_long_text(open_page):
    app = open_page("sampling", new_tokens="2000", go_on="true")
    app.button(key="write").click().run()
    settle(app, lambda page: "Writing" in captions(page))
    app.button(key="stop").click().run()
    settle(app, lambda page: "Stopped" in captions(page))
    assert app.button(key="stop").disabled
    assert not app.exception


def test_moving_a_slider_asks_for_no_forward_pass(open_page, monkeypatch):
    app = open_page("sampling", prompt="Nobody has asked for this one")
    from slm.model.transformer import Transformer

    monkeypatch.setattr(Transformer, "forward", lambda *a, **k: pytest.fail("a forward pass"))
    before = captions(app)
    app.slider(key="temperature").set_value(0.2).run()
    assert not app.exception
    assert captions(app) != before


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"prompt": ""}, "The prompt is empty"),
        ({"prompt": "once upon " * 60}, "using the last 64"),
        ({"temperature": "0.0"}, "greedy"),
    ],
)
def test_unusual_settings_are_told_and_work(open_page, query, told):
    app = open_page("sampling", new_tokens="5", **query)
    assert told in captions(app)
    app.button(key="write").click().run()
    settle(app, lambda page: "Done" in captions(page))
    assert not app.exception and not app.error


def test_a_prompt_is_shown_as_typed(open_page):
    typed = "<b>x</b> **y** ![i](j) $z$"
    app = open_page("sampling", new_tokens="3", prompt=typed)
    app.button(key="write").click().run()
    settle(app, lambda page: "Done" in captions(page))
    assert texts(app).startswith(typed)


def test_without_any_model_the_page_says_where_to_get_one(open_page, no_demo):
    app = open_page("sampling", run=None)
    assert "No model is here yet" in app.info[0].value
    assert not app.exception


@pytest.mark.parametrize("colour", ["probability", "rank", "surprise", "entropy"])
def test_a_token_is_questioned_and_another_one_goes_on_from_its_place(open_page, colour):
    """Three tokens stand, the fourth becomes another, and the old text can be had back."""
    app = open_page("sampling", new_tokens="8", coloured=f"Colour by {colour}")
    app.button(key="write").click().run()
    settle(app, lambda page: "Done" in captions(page))
    (first,) = app.session_state["text_ids"]
    app.session_state["questioned"] = first, 3
    app.run()
    others = [each for each in app.button if (each.key or "").startswith("alternative-")]
    assert len(others) == 12 and "In place of" in " ".join(m.value for m in app.markdown)
    others[2].click().run()
    settle(app, lambda page: "Done" in captions(page))
    assert app.session_state["text_ids"] != [first] and not app.exception
    app.button(key="back").click().run()
    assert app.session_state["text_ids"] == [first]
    assert "back" not in [each.key for each in app.button]


def test_several_texts_have_seeds_that_follow_each_other(open_page):
    app = open_page("sampling", new_tokens="6", continuations="3", sampling_seed="4")
    app.button(key="write").click().run()
    settle(app, lambda page: captions(page).count("Done") == 3)
    assert [f"Seed {seed}" in captions(app) for seed in (4, 5, 6)] == [True] * 3
    app.button(key="another").click().run()
    assert app.number_input(key="sampling_seed").value == 7
    settle(app, lambda page: captions(page).count("Done") == 3)
    assert not app.exception


@pytest.mark.parametrize("method", ["Greedy", "Beam search", "Contrastive search"])
def test_each_method_writes_and_can_be_questioned(open_page, method):
    app = open_page("sampling", new_tokens="6", writing_method=method, coloured="Colour by rank")
    app.button(key="write").click().run()
    settle(app, lambda page: "Done" in captions(page))
    (text_id,) = app.session_state["text_ids"]
    app.session_state["questioned"] = text_id, 2
    app.run()
    assert len([b for b in app.button if (b.key or "").startswith("alternative-")]) == 12
    assert len(app.dataframe) == (1 if method == "Beam search" else 0)
    assert not app.exception and not app.error


def test_a_search_without_room_behind_the_prompt_says_what_to_do(open_page):
    app = open_page("sampling", writing_method="Beam search", prompt="once upon " * 60)
    app.button(key="write").click().run()
    settle(app, lambda page: page.error)
    assert "shorten the prompt" in app.error[0].value.replace("\\", "")
    assert not app.exception


def test_a_preset_moves_the_sliders_and_is_marked(open_page):
    app = open_page("sampling")
    app.button(key="preset-Wild").click().run()
    assert app.slider(key="temperature").value == 1.5
    assert app.slider(key="min_p").value == 0.02 and not app.exception
    marked = {each.key: each.proto.icon for each in app.button if each.key.startswith("preset-")}
    assert [key for key, icon in marked.items() if "check" in icon] == ["preset-Wild"]


def test_own_settings_are_saved_pressed_and_forgotten(open_page):
    app = open_page("sampling", temperature="0.35")
    app.text_input(key="preset_name").set_value("**mine** <b>").run()
    app.button(key="preset_save").click().run()
    assert "Saved as" in captions(app)
    app.slider(key="temperature").set_value(1.0).run()
    app.button(key="preset-**mine** <b>").click().run()
    assert app.slider(key="temperature").value == 0.35
    app.button(key="preset_forget").click().run()
    assert "preset-**mine** <b>" not in [each.key for each in app.button] and not app.exception


@pytest.mark.parametrize("name", ["", "Careful", "a\u202eb"])
def test_a_name_that_cannot_be_used_is_told(open_page, name):
    app = open_page("sampling")
    app.text_input(key="preset_name").set_value(name).run()
    app.button(key="preset_save").click().run()
    assert len(app.error) == 1 and not app.exception


def test_pasted_json_sets_the_fields_or_says_why_not(open_page):
    app = open_page("sampling")
    pasted = '{"do_sample": true, "temperature": 3.0, "top_k": 7, "stop_strings": ["\\n"]}'
    app.text_area(key="settings_json").set_value(pasted).run()
    app.button(key="settings_use").click().run()
    assert (app.slider(key="temperature").value, app.slider(key="top_k").value) == (2.0, 7)
    assert "more than this page offers" in captions(app)
    assert list(app.multiselect(key="stop_strings").value) == ["\\n"]
    app.text_area(key="settings_json").set_value('{"do_sample": true, "top_p": 9}').run()
    app.button(key="settings_use").click().run()
    assert "top_p" in app.error[0].value.replace("\\", "") and not app.exception


def test_a_stop_string_ends_the_text(open_page):
    app = open_page("sampling", new_tokens="60", sampling_seed="1")
    app.session_state["stop_strings"] = ["e"]
    app.run()
    app.button(key="write").click().run()
    settle(app, lambda page: "Done" in captions(page))
    assert "the stop string" in captions(app)
    assert "e" not in texts(app).removeprefix("Once upon a time")


def with_form(open_page, form, typed=None, **settings):
    app = open_page("sampling", **settings)
    app.selectbox(key="text_form").set_value(form).run()
    if typed is not None:
        app.text_area(key="text_regex").set_value(typed).run()
    return app


def written_to_its_form(app):
    app.button(key="write").click().run()
    settle(app, lambda page: "the text has its form" in captions(page))
    assert not app.exception
    return texts(app).removeprefix("Once upon a time")


def test_a_text_gets_the_form_that_is_asked_for(open_page):
    regex = " [a-z]{2,9} and [a-z]{2,9}!"
    app = with_form(open_page, "regex", regex, new_tokens="60")
    assert re.fullmatch(regex, written_to_its_form(app))


def test_a_form_that_cannot_be_followed_is_told_and_the_page_goes_on(open_page):
    app = with_form(open_page, "regex", "(")
    (told,) = app.error
    assert "unclosed group" in told.value and not app.exception
    app.selectbox(key="text_form").set_value("any").run()
    assert not app.error and "can be drawn" in captions(app)


def test_the_example_of_a_schema_is_written_as_json(open_page):
    told = json.loads(written_to_its_form(with_form(open_page, "json_schema", new_tokens="80")))
    assert told["animal"] in {"cat", "dog", "bird"} and 1 <= told["age"] <= 99


@pytest.mark.parametrize("go_on", ["true", "false"])
def test_a_form_lets_the_text_end_only_where_its_end_counts(open_page, workspace_env, go_on):
    """[ab]{2,3} may end behind two letters, but by no token where the text is to go on after it."""
    eos_id = open_run(workspace_env.runs.get("tiny")).tokenizer.eos_id
    app = with_form(
        open_page, "regex", "[ab]{2,3}", coloured="Colour by probability", top_k="0", go_on=go_on
    )
    app.button(key="write").click().run()
    settle(app, lambda page: "the text has its form" in captions(page))
    app.session_state["questioned"] = app.session_state["text_ids"][0], 2
    app.run()
    told = [each.help for each in app.button if each.key == f"alternative-{eos_id}"]
    assert ["in the draw" in each for each in told] == ([] if go_on == "true" else [True])


def test_a_token_of_a_form_is_questioned_and_the_text_keeps_its_form(open_page):
    app = with_form(open_page, "regex", " [0-9]{4}", coloured="Colour by probability", top_k="0")
    app.button(key="write").click().run()
    settle(app, lambda page: "the text has its form" in captions(page))
    app.session_state["questioned"] = app.session_state["text_ids"][0], 2
    app.run()
    others = [each for each in app.button if (each.key or "").startswith("alternative-")]
    assert any("cut by the form" in each.help for each in others)
    one = next(each for each in others if "in the draw" in each.help)
    one.click().run()
    settle(app, lambda page: "the text has its form" in captions(page))
    app.selectbox(key="coloured").set_value("plain").run()
    assert re.fullmatch("Once upon a time [0-9]{4}", texts(app))
