"""The Model page."""

import pytest

from slm.model.config import PRESETS
from tests.pages.waiting import finished


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
    assert "Width" in app.error[0].value and "Heads" in app.error[0].value  # as the form says
    assert metric(app, "Parameters") == "967.7 k"
    assert app.button(key="train-design").disabled
    app.number_input(key="design-n_heads").set_value(8).run()
    assert not app.error


def test_an_emptied_field_that_may_be_automatic_is_so_again(open_page):
    app = open_page("model", design="nano,d_head:64")
    app.number_input(key="design-d_head").set_value(None).run()
    assert not app.exception and not app.error
    assert app.query_params["design"] == "nano"


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


def test_the_dial_fills_the_form_with_the_vocabulary_of_the_tokenizer(model_page):
    app = model_page
    dial = app.select_slider(key="design-size")
    assert dial.value == 1_000_000
    dial.set_value(10_000_000).run()
    assert not app.exception and not app.error
    assert metric(app, "Parameters").startswith(("9.", "10."))
    assert app.number_input(key="design-vocab_size").value == 512
    assert app.query_params["design"].startswith("mini,")
    assert app.select_slider(key="design-size").value == 10_000_000


def test_the_last_change_says_what_it_moved_and_the_dial_follows(model_page):
    app = model_page
    app.number_input(key="design-d_model").set_value(256).run()
    assert any("Last change: width 128 → 256." in each.value for each in app.caption)
    flops = next(each for each in app.metric if each.label == "FLOPs per token")
    assert flops.delta.startswith("+")
    assert app.select_slider(key="design-size").value > 1_500_000
    app.toggle(key="design-qk_norm").set_value(False).run()
    flops = next(each for each in app.metric if each.label == "FLOPs per token")
    assert flops.delta == "unchanged"


def test_the_machines_that_a_design_fits_stand_in_a_table(open_page):
    app = open_page("model", design="phi-3-mini")
    table = app.dataframe[0].value
    assert table["Machine"][0] == "This machine"
    assert table["Training"][1].startswith("✗ not even one window")


def test_a_design_is_measured_in_a_job_of_its_own(model_page, workspace_env):
    app = model_page
    assert any("Training time here" in each.value for each in app.markdown)
    app.button(key="design-measure").click().run()
    assert not app.exception
    assert finished(workspace_env, "rate").status().state == "done"
    app.run()
    assert any("by a short probe" in each.value for each in app.markdown)


def drawn(open_page, **query):
    app = open_page("model", view="drawn", **query)
    assert not app.exception
    return app


def test_the_drawing_opens_with_numbers_of_the_current_model(open_page):
    app = drawn(open_page)
    assert not app.error
    assert any("Attention: Query" in each.value.replace("\\", "") for each in app.markdown)
    captions = [each.value for each in app.caption]
    assert any("numbers: smallest" in each for each in captions)
    assert any("Numbers of tiny" in each for each in captions)


@pytest.mark.parametrize("aspect", ["Numbers", "Weights", "Shapes", "Code"])
@pytest.mark.parametrize("part", ["Token embedding", "Feed-forward: Gate", "Output"])
def test_every_side_of_a_part_can_be_linked_to(open_page, part, aspect):
    app = drawn(open_page, part=part, aspect=aspect, layer="1")
    assert not app.error
    assert app.selectbox(key="part").value is not None


def test_a_design_of_another_shape_says_whose_numbers_are_shown(open_page):
    app = drawn(open_page, drawn="my design", design="gpt2-124m", part="Attention: Value")
    assert any("another shape than the drawing" in each.value for each in app.caption)
    app.selectbox(key="layer").set_value(11).run()
    app.selectbox(key="head").set_value(9).run()
    assert not app.exception and not app.error


def test_without_any_model_there_are_shapes_and_code(open_page, no_demo, workspace_env):
    for run in workspace_env.runs.list():
        workspace_env.runs.delete(run.id)
    app = drawn(open_page, run=None)
    assert any("no numbers" in each.value for each in app.info)
    app.segmented_control(key="aspect").set_value("shapes").run()
    assert len(app.dataframe) == 1


def test_an_empty_text_asks_for_one(open_page):
    app = drawn(open_page)
    app.text_input(key="text").set_value("").run()
    assert not app.exception
    assert any("at least one character" in each.value for each in app.info)


def test_parts_blocks_and_heads_of_another_model_in_a_link_are_passed_over(open_page):
    app = drawn(open_page, part="<b>", layer="99", head="-1", aspect="nonsense")
    assert not app.error
    assert app.selectbox(key="part").value is None
