"""What the Attention page says of weights and scores."""

import io

import numpy as np
import pytest

from slm.attention.heads import MEASURES, TEXT_MEASURES, HeadScores
from slm.attention.maps import Floats
from slm.model.config import ModelConfig
from ui.view_models.attention import (
    MOST_TOKENS,
    all_weights_note,
    describe,
    kinds_of,
    labels_of,
    legend,
    opening,
    saved_arrays,
    score_rows,
    too_short,
    window_of,
)
from ui.view_models.grid import as_npz

SMALL = ModelConfig(vocab_size=16, context_length=8, n_layers=2, n_heads=2, d_model=8, d_ff=8)


def scores_of(**measures_LH: list[list[float]]) -> HeadScores:
    """Two layers of two heads; measures that are not named are 0."""
    values_LHM = np.zeros((2, 2, len(MEASURES)), dtype=np.float32)
    for name, values_LH in measures_LH.items():
        values_LHM[..., MEASURES.index(name)] = values_LH
    return HeadScores(MEASURES, values_LHM)


def unasked(layer: int, head: int) -> Floats:
    raise AssertionError("no weights are needed to choose this head")


INDUCTION = scores_of(
    induction=[[0.0, 0.0], [0.55, 0.9]],
    previous_token=[[0.95, 0.1], [0.0, 0.0]],
    entropy_normalised=[[0.1, 0.9], [0.3, 0.3]],
)


def test_a_text_that_fits_is_shown_whole_and_without_a_note():
    window = window_of(8, 3, SMALL)
    assert (window.start, window.stop, window.note) == (0, 8, None)


def test_a_longer_text_says_which_part_is_shown():
    window = window_of(20, 5, SMALL)
    assert (window.start, window.stop, window.last_start) == (5, 13, 12)
    assert window.note == "You see tokens 5 to 12 of 20: this model reads 8 at once."


def test_a_window_never_runs_over_the_end():
    assert window_of(20, 99, SMALL).start == 12


def test_a_model_of_many_heads_is_drawn_in_parts_that_fit_in_memory():
    """24 × 16 heads at 4 bytes: 1,536 bytes a pair of tokens, so 322² pairs in 160 MB."""
    large = ModelConfig(context_length=4096, n_layers=24, n_heads=16, d_model=64)
    window = window_of(5000, 0, large)
    assert window.stop == 322
    assert "this page draws 322 at once" in (window.note or "")


def test_a_view_that_holds_one_head_at_a_time_draws_more():
    large = ModelConfig(context_length=4096, n_layers=24, n_heads=16, d_model=64)
    assert window_of(5000, 0, large, MOST_TOKENS).stop == MOST_TOKENS


def test_all_weights_are_offered_as_long_as_they_fit_a_page():
    """24 x 16 heads on 512 tokens at 4 bytes: 402,653,184."""
    large = ModelConfig(context_length=4096, n_layers=24, n_heads=16, d_model=64)
    assert all_weights_note(large, 300) is None
    assert "403 MB" in (all_weights_note(large, 512) or "")


def test_no_token_and_one_token_have_a_sentence_instead_of_a_picture():
    assert "Type a text" in (too_short(0) or "")
    assert "single token" in (too_short(1) or "")
    assert too_short(2) is None


def test_labels_carry_the_score_that_earned_the_name():
    assert labels_of(INDUCTION) == [
        ["previous token 0.95", "broad"],
        ["induction 0.55", "induction 0.90"],
    ]


def test_the_legend_counts_the_kinds_that_are_there():
    rows = legend(kinds_of(INDUCTION))
    assert [(row.kind, row.count) for row in rows] == [
        ("induction", 2),
        ("previous token", 1),
        ("broad", 1),
    ]
    assert all(row.sentence for row in rows)


def test_the_strongest_induction_head_opens_where_it_shows_best():
    """Token 7 stands at 0 and 2; what followed it, token 8, stands at 1: query 2 takes 0.8."""
    weights_LHTT = np.zeros((2, 2, 4, 4), dtype=np.float32)
    weights_LHTT[1, 1, 2, 1] = 0.8
    weights_LHTT[1, 1, 3, 0] = 0.9  # larger, but no repetition
    first = opening(INDUCTION, [7, 8, 7, 9], lambda layer, head: weights_LHTT[layer, head])
    assert (first.layer, first.head, first.query) == (1, 1, 2)


def test_without_an_induction_head_the_next_telling_one_opens():
    scores = scores_of(previous_token=[[0.5, 0.1], [0.7, 0.0]])
    first = opening(scores, [1, 2], unasked)
    assert (first.layer, first.head, first.query) == (1, 0, None)


def test_among_heads_without_a_habit_the_least_even_opens():
    scores = scores_of(entropy_normalised=[[0.7, 0.6], [0.5, 0.79]])
    first = opening(scores, [1, 2], unasked)
    assert (first.layer, first.head) == (1, 0)


def test_a_head_is_described_by_its_shares():
    sentence = describe(INDUCTION, 0, 0)
    assert "95% of its attention goes to the token before" in sentence
    assert "0% goes to what followed" in sentence
    assert "0% still goes to the same places" in sentence


def test_before_random_tokens_were_read_only_the_text_is_spoken_of():
    on_text = HeadScores(TEXT_MEASURES, INDUCTION.values_LHM[..., : len(TEXT_MEASURES)])
    sentence = describe(on_text, 0, 0)
    assert "95% of its attention" in sentence and "random" not in sentence
    assert "Induction" not in score_rows(on_text)[0]


def test_every_head_has_a_row_of_scores():
    rows = score_rows(INDUCTION)
    assert len(rows) == 4
    assert rows[3]["Head"] == "layer 1, head 1"
    assert rows[3]["Induction"] == pytest.approx(0.9)


def test_what_is_saved_gives_back_weights_scores_ids_and_tokens():
    weights_LHTT = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)
    arrays = saved_arrays(INDUCTION, [1, 2, 3, 4], list("abcd"), weights_LHTT)
    with np.load(io.BytesIO(as_npz(arrays))) as held:
        np.testing.assert_array_equal(held["weights"], weights_LHTT)
        assert held["ids"].tolist() == [1, 2, 3, 4]
        assert held["tokens"].tolist() == list("abcd")
        assert held["scores"].shape[-1] == len(held["measures"])
    assert "weights" not in saved_arrays(INDUCTION, [1, 2], ["a", "b"], None)
