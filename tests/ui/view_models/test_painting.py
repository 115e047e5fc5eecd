"""A painted row in numbers, words and links, on rows worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.attention.interventions import PaintedRow, require_sound
from slm.attention.readings import Reading
from slm.errors import DataError
from slm.model.config import ModelConfig
from ui.components.painting import painting_payload
from ui.components.payload import unpack
from ui.view_models.painting import (
    PaintingView,
    RowPlace,
    edits_of,
    elsewhere,
    hidden_keys,
    is_wide,
    link_of,
    painted_row,
    painting_view,
    proposed,
    query_of,
    reach,
    row_at,
    rows_of_link,
    saved_arrays,
)

PLACE = RowPlace(0, 1, 3)
UNTOUCHED_S = np.array([0.1, 0.2, 0.3, 0.4], dtype=np.float32)
TOKENS = ("a", "<img src=x onerror=alert(1)>", "\u202eb", "·" + "x" * 10_000, "later")
CONFIG = ModelConfig(n_layers=2, n_heads=4, n_kv_heads=4, d_model=8, context_length=16)


def view(*weights: float, **changed: object) -> PaintingView:
    row = PaintedRow(0, 1, 3, weights) if weights else None
    return painting_view(PLACE, UNTOUCHED_S, row, TOKENS, CONFIG.replace(**changed))


def test_weights_of_any_sum_are_renormalised():
    """1, 1, 2, 4 are 8 together: 0.125, 0.125, 0.25 and 0.5."""
    shown = view(1, 1, 2, 4)
    np.testing.assert_allclose(shown.shares_S, [0.125, 0.125, 0.25, 0.5])
    assert painted_row([1, 1, 2, 4], PLACE, 0) == PaintedRow(0, 1, 3, (125, 125, 250, 500))


def test_what_moved_is_said_in_shares_of_the_attention():
    """From 0.1, 0.2, 0.3, 0.4 to 0.5, 0.2, 0.3, 0: 0.4 went from the last to the first."""
    told = view(5, 2, 3, 0).sentence
    assert told.startswith("40.0% of its attention has moved.")
    assert "given to “a” (0): 10.0% became 50.0%" in told
    assert "(3): 40.0% became 0.00%" in told


def test_an_even_row_is_called_so():
    """From 0.1, 0.2, 0.3, 0.4 to four times 0.25: 0.15 and 0.05 went up."""
    assert view(7, 7, 7, 7).sentence == (
        "Each of the 4 tokens that it sees has the same share, 25.0%: "
        "20.0% of its attention has moved."
    )


def test_all_to_one_token_is_called_so():
    told = view(0, 0, 9, 0).sentence
    assert told.startswith("All of its attention goes to “\u202eb” (2), which had 30.0%")
    assert "70.0% of its attention has moved" in told


def test_an_untouched_row_says_where_it_looks_by_itself():
    shown = view()
    assert not shown.painted and "most, 40.0%, to “·xx" in shown.sentence
    np.testing.assert_array_equal(shown.shares_S, UNTOUCHED_S)


def test_a_query_that_sees_only_itself_has_nothing_to_paint():
    first = painting_view(RowPlace(0, 0, 0), np.ones(1, dtype=np.float32), None, TOKENS, CONFIG)
    assert "sees only itself" in first.sentence and not first.hint
    assert "sees only itself" in view(window=1).sentence


def test_what_lies_outside_the_window_stays_at_nothing():
    """Query 3 of a window of 2 sees tokens 2 and 3."""
    hidden = hidden_keys(3, 2)
    row = painted_row([0.9, 0.5, 1, 3], PLACE, hidden)
    assert row == PaintedRow(0, 1, 3, (0, 0, 250, 750))
    require_sound(row, CONFIG.replace(window=2))
    shown = view(0, 0, 1, 1, window=2)
    assert shown.hidden == 2 and "Each of the 2 tokens" in shown.sentence
    assert np.isnan(shown.rows_2S[:, :2]).all() and np.isfinite(shown.rows_2S[:, 2:]).all()


@pytest.mark.parametrize(
    "sent",
    ["<b>", 3, [1, 2], [0, 0, 0, 0], [1, 2, 3, -1], [1, 2, 3, float("nan")],
     [1, 2, 3, float("inf")], [1e308, 1e308, 1e308, 1e308], [10**400, 1, 1, 1],
     [1, 2, 3, "4"], [True, 1, 1, 1], [None, 1, 1, 1], {"0": 1}],
)  # fmt: skip
def test_what_is_no_row_is_none(sent: object):
    assert painted_row(sent, PLACE, 0) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60).filter(lambda row: sum(row) > 1e-3))
def test_a_link_gives_back_the_row_that_was_drawn(shares: list[float]):
    """Three digits of each weight: it is off by 0.5% at most, and so is their sum."""
    place = RowPlace(1, 2, len(shares) - 1)
    row = painted_row(shares, place, 0)
    assert row is not None
    config = CONFIG.replace(context_length=64)
    (found,) = rows_of_link(link_of(row, 4, wide=False), config)
    assert found == row
    np.testing.assert_allclose(
        found.shares_S, np.array(shares) / sum(shares), rtol=0.011, atol=2e-6
    )


def test_all_heads_of_a_layer_are_one_word_of_the_link():
    row = PaintedRow(1, 2, 1, (250.0, 750.0))
    link = link_of(row, 4, wide=True)
    assert link == "1.*@1:250,750"
    rows = rows_of_link(link, CONFIG)
    assert rows == edits_of(row, 4, wide=True) and is_wide(rows, row, 4)
    assert not is_wide(rows_of_link(link_of(row, 4, wide=False), CONFIG), row, 4)
    assert edits_of(None, 4, wide=True) == () and link_of(None, 4, wide=True) == ""


def test_links_that_paint_nothing_are_told_what_they_are():
    assert rows_of_link(None, CONFIG) == ()
    with pytest.raises(DataError, match="Switchboard"):
        rows_of_link("0.1:off", CONFIG)
    with pytest.raises(DataError, match="is no edit"):
        rows_of_link("<b>", CONFIG)
    with pytest.raises(DataError, match="too large"):
        rows_of_link("0.1@1:1e308,1e308", CONFIG)
    with pytest.raises(DataError, match="no head 9"):
        rows_of_link("0.9@1:1,1", CONFIG)


def test_a_row_painted_elsewhere_is_named_and_not_taken():
    rows = (PaintedRow(0, 1, 3, (1, 1, 1, 1)),)
    assert row_at(rows, PLACE) == rows[0] and elsewhere(rows, PLACE, 5) is None
    other = RowPlace(1, 0, 2)
    assert row_at(rows, other) is None
    assert "layer 0, head 1, query 3. The row below is untouched" in (
        elsewhere(rows, other, 5) or ""
    )
    assert "ends with token 2" in (elsewhere(rows, other, 3) or "")
    assert query_of(rows, 0, 1, 5) == 3
    assert query_of(rows, 0, 1, 3) is None and query_of(rows, 0, 0, 5) is None
    assert proposed(rows, 5) == PLACE and proposed(rows, 3) is None
    assert elsewhere((), other, 5) is None


def test_only_what_comes_from_the_query_on_can_change():
    assert "after tokens 3 to 8, and nothing before" in reach(3, 9)
    assert "only what follows the text" in reach(8, 9)


def test_the_file_holds_both_rows_and_both_readings():
    ones = np.ones(4, dtype=np.float32)
    readings = Reading(ones, (3,), ones[None]), Reading(2 * ones, (3,), ones[None])
    found = saved_arrays(view(1, 1, 1, 1), (5, 6, 7, 8, 9), readings)
    np.testing.assert_array_equal(found["row_untouched_S"], UNTOUCHED_S)
    np.testing.assert_allclose(found["row_painted_S"], 0.25)
    np.testing.assert_array_equal(found["place"], [0, 1, 3])
    np.testing.assert_array_equal(found["nats_changed_T"], 2)
    assert "nats_changed_T" not in saved_arrays(view(), (5, 6), None)


def test_the_browser_gets_short_words_and_both_rows():
    header, values = unpack(painting_payload(view(1, 1, 2, 4), heard=7))
    assert header["heard"] == 7 and header["words"][1] == "<img src=x onerror=aler…"
    assert len(header["words"]) == 5 and max(map(len, header["words"])) <= 24
    rows_2S = np.frombuffer(values, "<f4").reshape(2, 4)
    np.testing.assert_allclose(rows_2S, [[0.1, 0.2, 0.3, 0.4], [0.125, 0.125, 0.25, 0.5]])
