"""The Model page."""

import pytest

from slm.model.config import PRESETS


@pytest.fixture()
def model_page(open_page):
    app = open_page("model")
    assert not app.exception
    return app


def metric(app, label):
    return next(each.value for each in app.metric if each.label == label)


def test_the_smallest_preset_stands_there_at_first(model_page):
    app = model_page
    assert metric(app, "Parameters") == "967.7 k"
    assert app.title[0].value == "Model"
    assert app.query_params["design"] == "nano"


def test_a_preset_fills_the_form(model_page):
    app = model_page
    app.selectbox(key="design-preset").set_value("gpt2-124m").run()
    assert not app.exception
    assert metric(app, "Parameters") == "124.44 M"
    assert app.number_input(key="design-n_layers").value == 12
    assert app.query_params["design"] == "gpt2-124m"


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_drawn(open_page, preset):
    app = open_page("model", design=preset)
    assert not app.exception and not app.error
    assert app.selectbox(key="design-preset").value == preset


def test_heads_that_do_not_divide_the_width_get_a_sentence_and_the_last_shape_stays(model_page):
    app = model_page
    app.number_input(key="design-n_heads").set_value(5).run()
    assert not app.exception
    assert "must be a multiple of" in app.error[0].value
    assert metric(app, "Parameters") == "967.7 k"
    assert app.button(key="train-design").disabled
    app.number_input(key="design-n_heads").set_value(8).run()
    assert not app.error


def test_a_link_brings_its_design(open_page):
    app = open_page("model", design="nano,n_layers:5")
    assert app.number_input(key="design-n_layers").value == 5
    assert any("blocks 3 → 5" in each.value for each in app.caption)


def test_a_link_with_nonsense_says_so_and_the_page_works(open_page):
    app = open_page("model", design="nano,n_layers:<b>")
    assert not app.exception
    assert "n\\_layers" in app.error[0].value
    assert metric(app, "Parameters") == "967.7 k"


def test_the_vocabulary_of_the_tokenizer_can_be_taken(model_page):
    app = model_page
    app.button(key="design-vocabulary").click().run()
    assert app.number_input(key="design-vocab_size").value == 512


def test_the_shape_of_the_current_model_can_be_taken(model_page):
    app = model_page
    app.button(key="design-run").click().run()
    assert app.number_input(key="design-d_model").value == 32
    assert not app.exception
