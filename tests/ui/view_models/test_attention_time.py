"""A text through three snapshots, and two models compared, in words."""

import numpy as np
import pytest

from slm.attention.heads import MEASURES, HeadScores
from slm.attention.history import Reading
from ui.components.attention_time import attention_time_payload
from ui.components.payload import unpack
from ui.view_models.attention_compare import Side, head_rows, heats, loss_change, most_changed
from ui.view_models.attention_time import (
    AttentionTime,
    Place,
    attention_time,
    begin_at,
    first_head,
    read_place,
)


def reading(induction: float, *, own: float = 1.0) -> Reading:
    """One layer, two heads, two tokens; head 1 has the given induction score."""
    values_LHM = np.zeros((1, 2, len(MEASURES)), dtype=np.float32)
    values_LHM[0, 1, MEASURES.index("induction")] = induction
    map_TT = np.array([[1, 0], [1 - own, own]])
    return Reading(
        scores=HeadScores(MEASURES, values_LHM),
        maps_LHTT=np.stack([[map_TT, np.eye(2)]]).astype(np.float16),
        nats_T1=np.array([2.0 - induction], dtype=np.float32),
        stops=("embedding", "output"),
        top_ids_NT=np.array([[7, 9], [7, 7]]),
        top_shares_NT=np.full((2, 2), 0.5, dtype=np.float32),
    )


def view_of(*scores: float) -> AttentionTime:
    return attention_time(
        [0, 10, 100][: len(scores)],
        [reading(score) for score in scores],
        [{"step": 10, "val_nats": 3.0, "train_nats": 3.5}],
        tokens_T=["<b>", "\u202eabc"],
        opened=(0, 1),
        total_steps=100,
        vocab_size=16,
        window=None,
        samples=[],
        token_bytes=lambda token: bytes([64 + token]),
    )


def test_the_birth_of_an_induction_head_is_told():
    course = view_of(0.05, 0.1, 0.7).courses[0]
    assert course.title == "Induction"
    assert course.rise_words == (
        "Steepest rise: layer 0, head 1, between step 10 and 100: induction from 0.10 to 0.70. "
        "From step 100 on it is an induction head (0.40 or more)."
    )
    assert first_head([reading(0.05), reading(0.7)]) == (0, 1)


def test_little_growth_earns_no_name_and_one_snapshot_no_growth():
    assert "too little for a name" in view_of(0.0, 0.1, 0.2).courses[0].rise_words
    assert view_of(0.3).courses[0].rise_words == "One snapshot shows no growth yet."
    assert view_of(0.3, 0.3).courses[0].rise_words == "No head's score grew."


def test_what_travels_comes_back_in_its_order():
    view = view_of(0.0, 0.1, 0.7)
    header, values = unpack(attention_time_payload(view, begin=Place(10, 0, 1)))
    assert header["tokens"] == ["<b>", "\u202eabc"]
    assert header["names"] == ["G", "I"] and header["begin"] == [10, None, ""]
    sizes = (view.scores_SLHM, 4), (view.nats_ST1, 4), (view.top_places_SNT, 4)
    before = sum(width * part.size for part, width in sizes)
    maps_STT = np.frombuffer(values, "<f2", view.maps_STT.size, before).reshape(3, 2, 2)
    np.testing.assert_array_equal(maps_STT, view.maps_STT)
    assert values[-view.kinds_SLH.size :] == view.kinds_SLH.tobytes()


def test_the_newest_snapshot_is_followed():
    view = view_of(0.0, 0.1, 0.7)
    assert begin_at(view, 100, None, "").step is None
    assert begin_at(view, 10, 5, "").query is None
    assert begin_at(view, 10, 1, "").step == 10


@pytest.mark.parametrize(
    "told",
    [
        None,
        "8",
        [0],
        [5, 0, 0, None, ""],
        [0, 2, 0, None, ""],
        [0, 0, 0, 9, ""],
        [0, True, 0, 0, ""],
    ],
)
def test_nonsense_from_a_browser_is_no_place(told: object):
    assert read_place(told, (1, 2), (0, 10), 4) is None


def test_two_steps_are_compared_head_by_head():
    """Head 0 moves half of its one free row; head 1 stays, and gains the score."""
    a, b = Side("x", 0, reading(0.0)), Side("x", 10, reading(0.5, own=0.5))
    assert most_changed(a, b) == (0, 0)
    rows = head_rows(a, b, same_run=True)
    assert rows is not None
    assert rows["Attention moved"].tolist() == [0.5, 0.0]
    assert rows["Induction, change"].tolist() == [0.0, 0.5]
    change = loss_change(a, b, ["a", "b"])
    assert change.words.startswith("B expects 1 of 1 tokens better than A: 2.00 → 1.50")
    assert change.change_T1.tolist() == [-0.5]


def test_the_difference_is_centred_at_zero_and_hides_what_is_masked():
    a, b = Side("x", 0, reading(0.0)), Side("x", 10, reading(0.5, own=0.5))
    pictures = heats(a, b, (0, 0), (0, 0), ["a", "b"])
    cells = pictures.difference.picture.cells
    assert np.isnan(cells[0, 1]) and cells[1].tolist() == [0.5, -0.5]
    assert pictures.a.picture.limit == pictures.b.picture.limit
    assert not pictures.difference.shares
