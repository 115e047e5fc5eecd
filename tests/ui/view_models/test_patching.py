"""Patching in words: what comes back, where, and what three texts make likely."""

import numpy as np
import pytest

from slm.attention.patching import Contrast
from slm.workspace import Workspace
from ui.view_models.patching import (
    CLEAN,
    CORRUPTED,
    PATCHED,
    Place,
    best_place,
    contrast_sentence,
    length_note,
    offered_answers,
    patch_code,
    place_of_link,
    place_sentence,
    place_title,
    position_names,
    position_notes,
    recovery_grid,
    three_distributions,
)

CLEAN_LOGITS = np.log(np.array([0.6, 0.2, 0.1, 0.1], np.float32))
CORRUPT_LOGITS = np.log(np.array([0.2, 0.6, 0.1, 0.1], np.float32))
CONTRAST = Contrast((2, 0), (2, 1), 0, 1, CLEAN_LOGITS, CORRUPT_LOGITS)
"""The lead of token 0 goes from ln 3 to −ln 3."""


def word_of(token: int) -> str:
    return ("·lamp", "·key", "a", "<b>")[token]


def test_the_sentence_says_what_is_to_be_put_back():
    assert contrast_sentence(CONTRAST, word_of) == (
        "After the clean text “·lamp” has 60.0% and “·key” 20.0%; after the corrupted one 20.0% "
        "and 60.0%. The lead of “·lamp” goes from +1.10 to −1.10 logits."
    )


def test_positions_show_both_tokens_where_the_texts_differ():
    assert position_names(CONTRAST, word_of) == ("a", "·lamp")
    assert position_notes(CONTRAST, word_of) == ("", "·key")


def test_what_comes_back_stands_layer_by_layer_with_the_last_on_top():
    """Leads −ln 3, 0 and 3 ln 3 are 0, half and twice the way; NaN was not patched yet."""
    ahead = np.log(3) * np.array([[-1, 0], [3, np.nan]], np.float32)
    grid = recovery_grid(CONTRAST, "resid_pre", ahead, ("a", "b"), ("", "c"))
    assert grid.row_names == ("before layer 1", "before layer 0")
    np.testing.assert_allclose(grid.place_RC, [[1, np.nan], [0, 0.5]], atol=1e-6)
    assert [grid.words[n] if n >= 0 else None for n in grid.word_RC.ravel()] == [
        "200%", None, "0%", "50%",
    ]  # fmt: skip
    assert best_place(CONTRAST, "resid_pre", ahead) == Place("resid_pre", 1, 0)
    assert best_place(CONTRAST, "head_out", np.full((2, 2), np.nan, np.float32)) is None


@pytest.mark.parametrize(
    "link", ["", "head_out", "head_out.0", "head_out.x.0", "head_out.0.2", "scores.0.0",
             "resid_pre.2.0", "resid_pre.-1.0", "resid_pre.0.9", "resid_pre.0.²", "a.b.c.d"]
)  # fmt: skip
def test_an_address_that_names_no_place_of_this_model_is_passed_over(link: str):
    assert place_of_link(link, n_layers=2, n_heads=2, n_tokens=5) is None


def test_a_place_in_an_address_leads_back_to_it():
    place = Place("mlp_out", 1, 4)
    assert place_of_link(place.to_link(), 2, 2, 5) == place
    assert (
        place_title(place, ("a", "b", "c", "d", "e")) == "Feed-forward of layer 1, at token 4 “e”"
    )


def test_one_patch_in_figures():
    assert place_sentence(CONTRAST, np.zeros(4, np.float32), word_of) == (
        "50% comes back: the lead goes from −1.10 to 0.00 logits, and “·lamp” from 20.0% to 25.0%."
    )


def test_the_answers_come_first_in_all_three_distributions():
    bars = three_distributions(CONTRAST, CLEAN_LOGITS, word_of)
    assert [bar.token for bar in bars[:6]] == ["·lamp"] * 3 + ["·key"] * 3
    assert [bar.series for bar in bars[:3]] == [CLEAN, CORRUPTED, PATCHED]
    assert [round(bar.probability, 3) for bar in bars[:3]] == [0.6, 0.2, 0.6]
    assert len(bars) == 12


def test_answers_are_offered_likeliest_first():
    assert list(offered_answers(CORRUPT_LOGITS, CLEAN_LOGITS, word_of).values())[:2] == [1, 0]


def test_texts_of_different_length_are_told_which_end_is_left_out():
    assert length_note(4, 4, "end") is None
    assert "the last 3 of the clean text are left out" in str(length_note(7, 4, "start"))


def test_the_code_can_be_pasted(tiny_workspace: Workspace):
    code = patch_code(tiny_workspace.runs.get("tiny"), 7, CONTRAST, "end", "it's", 'say "a"')
    assert "step=7" in code and "answer=0, rival=1" in code
    compile(code, "shown", "exec")
