"""Every component mounts in a running app, from the files of its folder."""

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import numpy as np

    from slm.model.config import PRESETS
    from slm.model.parts import PARTS
    from slm.model.pictures import picture
    from ui.components.architecture import architecture_view
    from ui.components.attention_view import attention_view
    from ui.components.diff import diff_view
    from ui.components.heatmap import heatmap_view
    from ui.components.pipeline import pipeline_view
    from ui.components.rules import rules_view
    from ui.components.tokens import tokens_view
    from ui.view_models.architecture import drawing_of
    from ui.view_models.chips import chip
    from ui.view_models.cleaning import read_choices, rule_rows, rules_to_add
    from ui.view_models.diffs import DiffCard, pieces
    from ui.view_models.part_panel import values_heat
    from ui.view_models.stages import StageCard

    weights = np.tril(np.ones((2, 3, 4, 4), dtype=np.float32))
    tokens = [chip(i, b"<b>") for i in range(4)]
    texts = [made.text for made in tokens]
    pictures = np.zeros((2, 3, 4, 4), dtype=np.uint8)
    attention_view(pictures, weights[0, 0], texts, layer=0, head=0, key="maps")
    tokens_view(tokens, key="tokens")
    pipeline_view([StageCard("model", "Model", "running", "0.6M parameters", 0.5)], key="stages")
    architecture_view(drawing_of(PRESETS["nano"], 5), key="model", part="query")
    heat = values_heat(picture(weights[0, 0], cell="mean"), PARTS["weights"], texts, "mean")
    heatmap_view(heat, key="heat")
    choices = read_choices("min_length,lower_case")
    rules_view(rule_rows(choices, None, 0), rules_to_add(choices), selected=None, key="rules")
    diff_view([DiffCard("<b>", pieces("a  b", "a b"))], key="diff")


def test_all_components_mount_together():
    app = AppTest.from_function(_page).run()
    assert not app.exception


def test_one_token_one_head_one_layer_mounts():
    def page() -> None:
        import numpy as np

        from ui.components.attention_view import attention_view

        pictures, weights = np.full((1, 1, 1, 1), 255, dtype=np.uint8), np.ones((1, 1))
        attention_view(pictures, weights, ["a"], layer=0, head=0, key="one")

    assert not AppTest.from_function(page).run().exception
