"""Maps and scores of two models, worked by hand."""

import numpy as np
import pytest

from slm.attention.comparison import (
    map_distance,
    map_distances,
    most_alike,
    partners,
    score_changes,
)
from slm.attention.heads import HeadScores
from slm.errors import DataError

EVEN = np.array([[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]], dtype=np.float32)
PREVIOUS = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
OWN = np.eye(3, dtype=np.float32)


def test_distance_is_the_share_of_attention_that_would_have_to_move():
    """Row 1 moves 1/2, row 2 moves 2/3: their mean is 7/12. The first row says nothing."""
    assert map_distance(EVEN, PREVIOUS) == pytest.approx(7 / 12)
    assert map_distance(PREVIOUS, EVEN) == pytest.approx(7 / 12)
    assert map_distance(PREVIOUS, OWN) == pytest.approx(1.0)
    assert map_distance(EVEN, EVEN) == 0


def test_heads_of_one_place_are_compared():
    a_LHTT, b_LHTT = np.stack([[EVEN, OWN]]), np.stack([[PREVIOUS, OWN]])
    np.testing.assert_allclose(map_distances(a_LHTT, b_LHTT), [[7 / 12, 0]], rtol=1e-6)


def test_the_partner_of_a_head_may_stand_in_another_layer():
    """The other model has more layers and its like sits in layer 1, head 0."""
    b_LHTT = np.stack([[OWN, EVEN], [0.9 * PREVIOUS + 0.1 * EVEN, EVEN]])
    found = most_alike(PREVIOUS, b_LHTT)
    assert (found.layer, found.head) == (1, 0)
    assert found.distance == pytest.approx(0.1 * 7 / 12, rel=1e-5)


def test_score_changes_are_b_less_a_for_what_both_measured():
    a = HeadScores(("induction", "entropy"), np.array([[[0.1, 2.0]]], dtype=np.float32))
    b = HeadScores(("entropy", "distance"), np.array([[[1.5, 9.0]]], dtype=np.float32))
    changes = score_changes(a, b)
    assert changes.measures == ("entropy",)
    assert changes["entropy"][0, 0] == -0.5


def test_what_cannot_be_compared_is_said():
    with pytest.raises(DataError, match="same text"):
        map_distance(EVEN, np.eye(2, dtype=np.float32))
    with pytest.raises(DataError, match="no heads of the same place"):
        map_distances(np.stack([[EVEN]]), np.stack([[EVEN, OWN]]))
    one, two = (HeadScores(("entropy",), np.zeros((1, n, 1), np.float32)) for n in (1, 2))
    with pytest.raises(DataError, match="no partners"):
        score_changes(one, two)


def test_every_head_finds_its_like_in_half_precision_too():
    """The second model has the same two heads in the other order."""
    a_LHTT, b_LHTT = (np.stack([pair]).astype(np.float16) for pair in ([EVEN, OWN], [OWN, EVEN]))
    ((first, second),) = partners(a_LHTT, b_LHTT)
    assert (first.head, second.head) == (1, 0)
    assert first.distance == second.distance == 0
