import time

import pytest


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


@pytest.mark.parametrize("colour", ["probability", "rank", "surprise"])
def test_a_token_is_questioned_and_another_one_goes_on_from_its_place(open_page, colour):
    """Three tokens stand, the fourth becomes another, and the old text can be had back."""
    app = open_page("sampling", new_tokens="8", coloured=f"Colour by {colour}")
    app.button(key="write").click().run()
    settle(app, lambda page: "Done" in captions(page))
    first = app.session_state["text_id"]
    app.session_state["questioned"] = first, 3
    app.run()
    others = [each for each in app.button if (each.key or "").startswith("alternative-")]
    assert len(others) == 12 and "In place of" in " ".join(m.value for m in app.markdown)
    others[2].click().run()
    settle(app, lambda page: "Done" in captions(page))
    assert app.session_state["text_id"] != first and not app.exception
    app.button(key="back").click().run()
    assert app.session_state["text_id"] == first
    assert "back" not in [each.key for each in app.button]
