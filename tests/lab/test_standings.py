"""Who reached which loss first, worked by hand on two made-up lanes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.lab.lanes import lane_of
from slm.lab.standings import (
    Point,
    Trace,
    best_value,
    by_value,
    crossings,
    lead,
    levels,
    ranking,
)


def trace(name, losses, *, each=100.0, value=None, state="done"):
    """A lane measured at steps 0, 10, 20, …; a step is `each` tokens, and takes a second."""
    lane = replace(lane_of("preset=nano", {}, {}), name=name, value=value)
    points = tuple(
        Point(10 * n, 10 * n * each, 1e6 * n, 10.0 * n, None, nats) for n, nats in enumerate(losses)
    )
    return Trace(lane, name, 10 * (len(losses) - 1), state, points)


def test_a_crossing_lies_on_the_line_between_two_measurements():
    """From 4 to 3 nats over steps 0 to 10: 3.5 is passed at step 5, 500 tokens."""
    one = trace("one", [4.0, 3.0, 2.5])
    assert one.crossing(3.5, "step") == pytest.approx(5)
    assert one.crossing(3.5, "tokens") == pytest.approx(500)
    assert one.crossing(4.0, "step") == 0
    assert one.crossing(2.4, "step") is None


def test_the_first_time_counts_when_a_loss_rises_again():
    assert trace("one", [4.0, 3.0, 3.8, 2.0]).crossing(3.0, "step") == pytest.approx(10)


def test_who_is_first_depends_on_what_is_counted():
    """`big` needs half the steps for the same loss, but thrice the tokens a step."""
    small, big = trace("small", [4.0, 3.5, 3.0]), trace("big", [4.0, 3.0, 2.9], each=300.0)
    (by_step,) = crossings([small, big], "step", [3.0])
    (by_tokens,) = crossings([small, big], "tokens", [3.0])
    assert (by_step.first, by_step.used) == ("big", {"small": 20, "big": 10})
    assert (by_tokens.first, by_tokens.used) == ("small", {"small": 2000, "big": 3000})


def test_levels_are_round_falling_and_within_what_was_reached():
    """Early losses 3.5 and 3.9, the best 2.5: the highest level is at most 3.5."""
    found = levels([trace("a", [5.0, 3.5, 2.5]), trace("b", [5.0, 3.9, 3.0])])
    assert found == (3.4, 3.2, 3.0, 2.8, 2.6)
    assert levels([trace("a", [5.0])]) == ()


def test_the_lowest_level_is_the_last_round_loss_above_the_best():
    """From 3.2 down to 0.702 the step is 0.2, and 0.8 the last of its multiples."""
    assert levels([trace("a", [5.0, 3.2, 0.702])])[-1] == 0.8


def test_losses_that_differ_by_rounding_alone_have_no_level_between_them():
    assert levels([trace("a", [1.0, 0.10000000000000002, 0.1])]) == ()


@given(st.lists(st.lists(st.floats(0.1, 10), min_size=3, max_size=8), min_size=1, max_size=4))
def test_every_level_is_reached_by_some_lane(losses):
    traces = [trace(str(number), each) for number, each in enumerate(losses)]
    for each in crossings(traces, "step"):
        assert each.first is not None
        assert each.used[each.first] == min(x for x in each.used.values() if x is not None)


def test_the_lead_is_the_share_that_the_winner_needed():
    """`fast` passes 3.0, where `slow` ended after 20 steps, at step 10: with half."""
    fast, slow = trace("fast", [4.0, 3.0, 2.0]), trace("slow", [4.0, 3.5, 3.0])
    assert lead(fast, slow, "step") == pytest.approx(0.5)
    assert lead(slow, fast, "step") is None


def test_a_lane_that_diverged_ranks_last_however_low_it_was():
    lost = trace("lost", [4.0, 1.0], state="diverged")
    assert [each.lane.name for each in ranking([lost, trace("calm", [4.0, 3.0])])] == [
        "calm",
        "lost",
    ]


def test_looking_back_cuts_curves_and_states():
    one = trace("one", [4.0, 3.0, 2.0])
    half = one.until(0.5)
    assert [point.step for point in half.points] == [0, 10]
    assert (half.state, half.fraction) == ("unfinished", 0.5)
    assert one.until(1.0) == one


def test_the_best_value_is_that_of_the_lowest_mean_over_seeds():
    """0.1: (2.0 + 3.0) / 2 = 2.5; 0.2: (2.3 + 2.5) / 2 = 2.4."""
    traces = [
        trace("a1", [4.0, 2.0], value=0.1),
        trace("b1", [4.0, 2.3], value=0.2),
        trace("a2", [4.0, 3.0], value=0.1),
        trace("b2", [4.0, 2.5], value=0.2),
    ]
    assert [each.final for each in by_value(traces)] == pytest.approx([2.5, 2.4])
    best = best_value(traces)
    assert best is not None and best.value == 0.2


def test_a_value_with_a_seed_that_diverged_is_not_the_best_while_another_is_sound():
    traces = [
        trace("a1", [4.0, 1.0], value=0.1),
        trace("a2", [4.0, 1.0], value=0.1, state="diverged"),
        trace("b1", [4.0, 2.0], value=0.2),
    ]
    best = best_value(traces)
    assert best is not None and (best.value, best.diverged) == (0.2, 0)


def test_a_trace_survives_its_file():
    one = trace("one", [4.0, 3.0])
    assert Trace.from_json(one.to_json()) == one
