"""One head in words: titles, units, and where the colours end, on values worked by hand."""

import numpy as np
import pytest

from slm.workspace import Workspace
from ui.components.head_view import pack_head_view
from ui.components.payload import unpack
from ui.view_models.attention import Window
from ui.view_models.head import MEASURES, NAMES, Measure, head_code, meaning, of_one_head, shown_of

WEIGHTS = np.array([[1, 0], [0.75, 0.25]], np.float32)
SIGNED = np.array([[0.5, 0], [-2, 1]], np.float32)
WHOLE = Window(0, 6, 6, None)


def test_shares_end_at_one_whatever_the_largest_is():
    """Two heads can be compared by their colours only if both scales end at the same value."""
    for measure in ("weights", "layer_mean", "all_mean", "rollout"):
        shown = shown_of(measure, WEIGHTS / 2, 1, 0)
        assert (shown.scale_end, shown.diverging, shown.unit) == (1, False, "")


def test_contributions_end_at_the_largest_on_either_side():
    shown = shown_of("logit", SIGNED, 1, 0)
    assert (shown.scale_end, shown.diverging, shown.unit) == (2, True, "logits")
    assert shown.most_of_row == "Moves the logit most"


def test_lengths_end_at_the_longest_and_never_at_zero():
    assert shown_of("value_norm", 3 * WEIGHTS, 1, 0).scale_end == 3
    assert shown_of("value_norm", 0 * WEIGHTS, 1, 0).scale_end == 1


def test_what_is_no_number_does_not_move_the_end_of_the_scale():
    broken = np.where(WEIGHTS == 1, np.nan, WEIGHTS)
    assert shown_of("value_norm", broken, 1, 0).scale_end == 0.75
    assert shown_of("logit", np.full((2, 2), np.inf, np.float32), 1, 0).scale_end == 1


@pytest.mark.parametrize(
    ("measure", "title"),
    [
        ("weights", "Layer 1, head 3"),
        ("logit", "Layer 1, head 3"),
        ("layer_mean", "Layer 1: mean of its heads"),
        ("all_mean", "Mean of all heads of all layers"),
        ("rollout", "Rollout: what layers 0 to 1 mixed together"),
    ],
)
def test_the_title_says_what_is_seen(measure: Measure, title: str):
    assert shown_of(measure, WEIGHTS, 1, 3).title == title


def test_a_head_whose_kind_is_known_is_called_by_it():
    assert shown_of("weights", WEIGHTS, 1, 3, "induction").title == "Layer 1, head 3: induction"


def test_only_what_is_of_one_head_leads_on_to_that_head():
    assert [each for each in MEASURES if of_one_head(each)] == ["weights", "value_norm", "logit"]


@pytest.mark.parametrize("measure", MEASURES)
def test_every_choice_has_a_name_of_its_own_and_is_explained(measure: Measure):
    assert list(NAMES.values()).count(NAMES[measure]) == 1
    assert meaning(measure, 1).count(".") >= 1


def test_sources_are_named_where_a_paper_has_the_formula():
    told = {measure: meaning(measure, 1) for measure in MEASURES}
    assert "Kobayashi et al. 2020" in told["value_norm"]
    assert "Elhage et al. 2021" in told["logit"]
    assert "Abnar & Zuidema 2020" in told["rollout"]
    assert "Source" not in told["layer_mean"]


def test_the_code_asks_for_the_same_step_part_and_target(tiny_workspace: Workspace):
    (run,) = tiny_workspace.runs.list()
    part = Window(3, 9, 40, "Tokens 3 to 8 of 40.")
    code = head_code(run, 6, 'a "quoted"\ntext', part, "logit", 1, 0, "top")
    compile(code, "shown", "exec")
    assert "open_run(run, step=6)" in code
    assert "[3:9]" in code and 'targets_of(opened.model, ids, "top")' in code
    assert "targets" not in head_code(run, None, "a", WHOLE, "value_norm", 1, 0, "top")


def test_the_browser_gets_values_bit_by_bit_and_is_told_of_those_that_are_none():
    values = np.array([[1, 0], [np.nan, 1 / 3]], np.float32)
    shown = shown_of("weights", values, 0, 0)
    header, sent = unpack(pack_head_view(values, ("<b>", "é"), shown, query=1, window=2))
    np.testing.assert_array_equal(np.frombuffer(sent, "<f4").reshape(2, 2), values)
    assert (header["tokens"], header["query"], header["window"]) == (["<b>", "é"], 1, 2)
    assert (header["unsound"], header["most"]) == (1, 1)


def test_values_for_other_tokens_are_a_mistake_of_ours():
    with pytest.raises(ValueError, match=r"\(2, 2\) do not match 3 tokens"):
        pack_head_view(WEIGHTS, "abc", shown_of("weights", WEIGHTS, 0, 0))
