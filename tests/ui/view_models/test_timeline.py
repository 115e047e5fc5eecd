"""The time machine's view: what every snapshot found, in the order of training."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.attention.timeline import Moment
from ui.components.payload import unpack
from ui.components.time_machine import timeline_payload
from ui.view_models.timeline import (
    Instant,
    TimelineView,
    disk_line,
    read_instant,
    timeline_view,
    told_instant,
)

HOSTILE = b"<b>x</b>"
MEASURES = ("previous_token", "entropy", "distance", "induction")


def moment(step: int, nats: float, induction: float, **changed) -> Moment:
    scores = np.zeros((1, 2, 4), dtype=np.float32)
    scores[0, 1] = (0.25, 3.0, 6.2, induction)
    values = {
        "text_ids_NT": np.array([[1, 2, 3]]),
        "text_nats_NT": np.array([[nats, nats / 2]], dtype=np.float32),
        "repeat_ids_T": np.array([4, 4]),
        "repeat_nats_T": np.array([nats], dtype=np.float32),
        "sample_ids": np.array([2, 0]),
        "head_scores_LHM": scores,
        "measures": MEASURES,
    }
    return Moment(step=step, **{**values, **changed})


RECORDS = [
    {"step": 0, "tokens": 0, "train_nats": None, "val_nats": 2.0},
    {"step": 10, "tokens": 640, "train_nats": 1.5, "val_nats": None},
    {"step": 20, "tokens": 1280, "train_nats": 1.0, "val_nats": 1.25},
]


def viewed(moments: list[Moment], records=RECORDS) -> TimelineView:
    return timeline_view(
        moments,
        records,
        total_steps=20,
        vocab_size=8,
        prompt="",
        token_bytes=lambda token: HOSTILE if token == 3 else f" {token}".encode(),
    )


def test_every_snapshot_has_its_losses_scores_and_text():
    view = viewed([moment(0, 2.0, 0.0), moment(10, 1.0, 0.1), moment(20, 0.5, 0.9)])
    assert view.steps == (0, 10, 20)
    text, repeats = view.texts
    assert text.tokens == ("·1", "·2", "<b>x</b>")
    np.testing.assert_array_equal(text.nats_ST, np.array([[2, 1], [1, 0.5], [0.5, 0.25]], "f4"))
    np.testing.assert_array_equal(repeats.nats_ST, np.array([[2], [1], [0.5]], "f4"))
    assert view.samples[0] == ("·2", "·0")
    induction = [each.id for each in view.measures].index("induction")
    np.testing.assert_allclose(view.scores_SLHM[:, 0, 1, induction], [0, 0.1, 0.9])
    assert view.even_nats == pytest.approx(math.log(8))


def test_facts_say_what_was_measured_there():
    facts = viewed([moment(0, 2.0, 0.0), moment(10, 1.0, 0.1), moment(15, 0.5, 0.2)]).facts
    assert facts == (
        "Step 0 of 20 · 0 tokens read · validation loss 2.00 nats per token",
        "Step 10 of 20 · 640 tokens read · 0.75 nats per token on the held-out texts",
        "Step 15 of 20 · 0.38 nats per token on the held-out texts",
    )


def test_measures_come_most_telling_first_and_distance_has_its_own_scale():
    measures = viewed([moment(0, 2.0, 0.0)]).measures
    assert [each.id for each in measures] == ["induction", "previous_token", "distance"]
    assert [each.most for each in measures] == [1.0, 1.0, 7.0]


def test_snapshots_of_other_texts_are_left_out():
    other = moment(5, 9.0, 0.0, text_ids_NT=np.array([[7, 7, 7]]))
    assert viewed([other, moment(10, 1.0, 0.1)]).steps == (10,)


def test_a_measure_that_came_with_a_later_version_leaves_the_first_moments_in():
    later = moment(20, 0.5, 0.9)
    scores_LHM = np.concatenate([later.head_scores_LHM, later.head_scores_LHM[..., :1]], axis=-1)
    measured = (*later.measures, "positional")
    later = replace(later, head_scores_LHM=scores_LHM, measures=measured)
    view = viewed([moment(0, 2.0, 0.0), later])
    assert view.steps == (0, 20)
    assert [each.id for each in view.measures] == ["induction", "previous_token", "distance"]


def test_a_model_without_scores_has_none_to_show():
    bare = moment(0, 2.0, 0.0, head_scores_LHM=np.zeros((1, 2, 0), dtype=np.float32), measures=())
    view = viewed([bare])
    assert view.measures == () and view.scores_SLHM.size == 0
    unpack(timeline_payload(view, begin=Instant()))


def test_curves_are_thinned_and_keep_their_end():
    records = [{"step": step, "train_nats": 1.0, "val_nats": None} for step in range(5_000)]
    (curve,) = viewed([moment(0, 2.0, 0.0)], records).curves
    assert len(curve.steps) <= 601 and curve.steps[-1] == 4_999


def test_numbers_travel_as_they_are_texts_first_then_scores():
    view = viewed([moment(0, 2.0, 0.0), moment(20, 0.5, 0.9)])
    header, values = unpack(timeline_payload(view, begin=Instant(step=20)))
    numbers = np.frombuffer(values, dtype="<f4")
    assert header["begin"]["step"] == 20 and header["texts"][0]["scored"] == 2
    np.testing.assert_array_equal(numbers[:4], [2, 1, 0.5, 0.25])
    np.testing.assert_array_equal(numbers[4:6], [2, 0.5])
    np.testing.assert_array_equal(numbers[6:], view.scores_SLHM.ravel())


def test_only_what_is_there_enters_the_address():
    view = viewed([moment(0, 2.0, 0.0), moment(20, 0.5, 0.9)])
    assert told_instant("20,1,induction,0,1", view) == "20,1,induction,0,1"
    assert told_instant(",0,,,", view) == ",0,,,"
    for told in ("5,0,,,", "20,9,,,", "20,0,nonsense,,", None, 3, "<b>", ["20"]):
        assert told_instant(told, view) is None


@given(st.text())
def test_any_address_is_some_instant(text):
    assert isinstance(read_instant(text), Instant)


def test_the_disk_is_told_with_its_budget():
    told = disk_line(1, 927_000, 500_000_000)
    assert told.startswith("1 snapshot, 0.927 MB on the disk. A run may take 500 MB")
