"""The switchboard in words and numbers: parts are counted layer by layer, feed-forward last."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.attention.edit_notation import read_edits, write_edits
from slm.attention.interventions import ACTS, Edit, PaintedRow
from slm.model.config import ModelConfig
from slm.workspace import Workspace
from ui.view_models.attention import Window
from ui.view_models.head_grid import HeadGrid, Kind
from ui.view_models.switchboard import (
    board_of,
    left_of_parts,
    most_of,
    parts_of,
    presets_of,
    told_edits,
    told_place,
    with_rows,
)
from ui.view_models.switchboard_words import (
    edits_sentence,
    full_passes,
    is_soon,
    measure_words,
    place_names,
    switchboard_code,
    worth_sentence,
)

CONFIG = ModelConfig(n_layers=2, n_heads=2, d_model=8, n_kv_heads=2)
"""Six parts: 0 and 1 are heads, 2 is feed-forward of layer 0; 3, 4 and 5 the same of layer 1."""
KINDS_OF = ("induction", "mixed", "induction", "mixed")
KINDS = (Kind("induction", "looks", "#D55E00", 2), Kind("mixed", "has none", "#999999", 2))
GRID = HeadGrid(
    (("induction 0.90", "mixed"), ("induction 0.50", "mixed")),
    (("induction", "mixed"), ("induction", "mixed")),
    KINDS,
    (),
)
ROW = PaintedRow(0, 0, 1, (1.0, 3.0))


def test_a_board_holds_states_names_and_what_the_chapter_has_open():
    board = board_of(CONFIG, [Edit(1, None, "mean")], GRID, chosen=(1, 1))
    assert board.parts == ((5, "mean", 1.0),)
    assert board.labels == ("induction 0.90", "mixed", "induction 0.50", "mixed")
    assert board.chosen == 4 and not board.naming
    assert np.isnan(board.worth_LP).all() and board.most == 0
    assert board.without == "without it"
    assert board_of(CONFIG, [], by="mean").without == "with its mean in its place"


@pytest.mark.parametrize("opened", [(None, None), (1, None), (2, 0), (0, 2), (-1, 0)])
def test_a_head_that_the_model_lacks_is_not_open(opened: tuple[int | None, int | None]):
    board = board_of(CONFIG, [], None, chosen=opened)
    assert board.chosen is None and board.naming and board.labels is None


def test_a_model_too_small_to_name_its_heads_is_not_waited_for():
    board = board_of(CONFIG, [], HeadGrid(None, None, (), ()))
    assert not board.naming and board.kinds_of is None
    assert [each.name for each in board.presets][:1] == ["All heads off"]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.sampled_from(ACTS), st.floats(-1000, 1000).map(lambda x: x + 0.0)
        ),
        unique_by=lambda part: part[0],
    )
)
def test_what_the_browser_tells_is_what_was_drawn(parts: list[tuple[int, str, float]]):
    """Board → browser → edits → link → board is the same; factors keep six digits."""
    told = [[n, act, float(f"{factor:.6g}") if act == "scale" else 1] for n, act, factor in parts]
    edits = told_edits(told, CONFIG)
    if any(act == "uniform" and number in (2, 5) for number, act, _ in parts):
        assert edits is None
        return
    assert edits is not None
    read = read_edits(write_edits(edits, CONFIG.n_heads), CONFIG)
    assert sorted(map(list, parts_of(read, CONFIG.n_heads))) == sorted(told)


@pytest.mark.parametrize(
    "told",
    [
        None, {}, "0.0:off", [0], [[0, "off"]], [[6, "off", 1]], [[-1, "off", 1]],
        [[True, "off", 1]], [["0", "off", 1]], [[0, "burn", 1]], [[0, "scale", float("nan")]],
        [[0, "scale", float("inf")]], [[0, "scale", 1e9]], [[0, "scale", "2"]], [[0, None, 1]],
        [[0, [], 1]], [[2, "uniform", 1]], [[0, "off", 1]] * 7, [[0, "off", 1], [9, "off", 1]],
    ],
)  # fmt: skip
def test_what_no_board_would_tell_is_passed_over_whole(told: object):
    assert told_edits(told, CONFIG) is None


def test_a_head_that_was_touched_is_open_and_a_feed_forward_part_is_not():
    assert told_place(4, CONFIG) == (1, 1)
    assert all(told_place(each, CONFIG) is None for each in (2, 6, -1, None, "1", True, 1.0))


def test_a_painted_row_of_a_link_stays_when_switches_change():
    kept = with_rows([Edit(0, 0), ROW], [Edit(1, 1)])
    assert kept == (Edit(1, 1), ROW)
    assert parts_of(kept, 2) == ((4, "off", 1.0),)


def test_presets_come_from_the_names_of_the_heads():
    """Heads are parts 0, 1, 3, 4; the induction heads 0 and 3."""
    found = {each.name: [number for number, *_ in each.parts]
             for each in presets_of(CONFIG, KINDS_OF, KINDS)}  # fmt: skip
    assert found == {
        "All induction heads off (2 heads)": [0, 3],
        "Only induction heads on": [1, 4],
        "All mixed heads off (2 heads)": [1, 4],
        "Only mixed heads on": [0, 3],
        "All heads off": [0, 1, 3, 4],
        "All heads uniform": [0, 1, 3, 4],
        "All heads at their mean": [0, 1, 3, 4],
        "All feed-forward parts off": [2, 5],
    }


def test_one_head_of_a_kind_is_one_head():
    kinds = (Kind("induction", "looks", "#D55E00", 1), Kind("mixed", "has none", "#999999", 3))
    names = [each.name for each in presets_of(CONFIG, ("induction", *("mixed",) * 3), kinds)]
    assert names[:2] == ["All induction heads off (1 head)", "All mixed heads off (3 heads)"]


def test_colours_end_at_the_strongest_head_however_strong_feed_forward_is():
    worth = np.array([[0.2, -0.4, 9.0], [np.nan, 0.1, np.nan]], np.float32)
    assert most_of(worth) == pytest.approx(0.4)
    assert most_of(np.array([[0.001, 5.0]], np.float32)) == 0.05  # what is small looks small
    assert most_of(np.full((1, 2), np.nan, np.float32)) == 0


def test_what_is_changed_stands_in_a_sentence():
    everything = [Edit(layer, head) for layer in (0, 1) for head in (0, 1)]
    assert edits_sentence([], CONFIG) == ""
    assert edits_sentence(everything, CONFIG) == "Off: all heads of all layers."
    assert edits_sentence([Edit(1, 0), Edit(1, 1), Edit(0, 1), Edit(0, None)], CONFIG) == (
        "Off: head 1 of layer 0, all heads of layer 1 and the feed-forward part of layer 0."
    )
    assert edits_sentence(
        [Edit(0, 0, "scale", -0.5), Edit(1, 0, "uniform"), Edit(0, None, "mean"),
         Edit(1, None, "mean"), ROW], CONFIG,
    ) == (
        "× −0.5: head 0 of layer 0. Uniform attention: head 0 of layer 1. "
        "At their mean: the feed-forward parts of all layers. 1 painted row stays painted."
    )  # fmt: skip


def test_a_long_list_of_changes_is_cut_short():
    deep = ModelConfig(n_layers=12, n_heads=2, d_model=8, n_kv_heads=2)
    told = edits_sentence([Edit(layer, 0) for layer in range(12)], deep)
    assert told.startswith("Off: head 0 of layer 0, head 0 of layer 1,")
    assert told.endswith("head 0 of layer 7 and 4 more such groups.")


def test_a_model_of_one_head_is_not_called_all_heads():
    tiny = ModelConfig(n_layers=1, n_heads=1, d_model=8, n_kv_heads=1)
    assert edits_sentence([Edit(0, 0), Edit(0, None)], tiny) == (
        "Off: the head and the feed-forward part of layer 0."
    )


def test_the_parts_that_matter_most_are_named():
    worth = np.array([[0.3, -0.1, 2.0], [np.nan, 0.5, np.nan]], np.float32)
    labels = ("induction 0.90", "mixed", "mixed", "broad")
    assert worth_sentence(worth, labels) == (
        "Hardest to do without, in nats per token: layer 0, feed-forward (+2.00); layer 1, "
        "head 1 (broad, +0.50); layer 0, head 0 (induction 0.90, +0.30). "
        "Without 1 part the text is easier."
    )
    assert "head 1 (+0.50)" in worth_sentence(worth, None)
    assert worth_sentence(worth[:1], None, "mean") == (
        "Hardest to replace by the mean, in nats per token: layer 0, feed-forward (+2.00); "
        "layer 0, head 0 (+0.30). With the mean in place of 1 part the text is easier."
    )
    assert worth_sentence(np.full((1, 2), np.nan, np.float32), None) == ""
    assert worth_sentence(-np.ones((1, 2), np.float32), None) == (
        "No part of this model makes this text easier."
    )


def test_the_cost_is_told_before_it_is_paid():
    """Layer 0 is left by 3 rows that read both layers, layer 1 by 3 rows that read one: 4.5."""
    assert full_passes(CONFIG) == 5
    assert measure_words(CONFIG, 0) == (
        "Measure what each of the 6 parts is worth (about 5 readings of this text)"
    )
    assert measure_words(CONFIG, 0.504) == "Go on measuring (50% done)"


def test_a_small_model_is_measured_at_once_and_a_large_one_is_not():
    assert is_soon(CONFIG, n_parameters=500_000, n_tokens=64)
    large = ModelConfig(n_layers=12, n_heads=12, d_model=768)
    assert not is_soon(large, n_parameters=124_000_000, n_tokens=64)


def test_a_picture_of_the_board_shows_what_is_left_of_each_part():
    edits = [Edit(0, 0), Edit(0, None, "scale", 0.5), Edit(1, 1, "uniform"), Edit(1, None, "mean")]
    np.testing.assert_array_equal(
        left_of_parts([*edits, ROW], CONFIG), [[0, 1, 0.5], [1, np.nan, np.nan]]
    )
    assert place_names(CONFIG) == ("head 0", "head 1", "feed-forward")


def test_the_code_behind_the_board_runs(
    tiny_workspace: Workspace, capsys: pytest.CaptureFixture[str]
):
    (run,) = tiny_workspace.runs.list()
    window = Window(0, 8, 20, "You see tokens 0 to 7 of 20.")
    text = 'Carla "lost" a lamp \\ and a key. ' * 3
    code = switchboard_code(run, None, text, window, [Edit(0, 0), ROW], "mean")
    assert "[0:8]" in code and "0.0:off 0.0@1:1,3" in code
    assert "step=6" in switchboard_code(run, 6, text, window, [], "off")
    exec(compile(code, "shown", "exec"), {})  # noqa: S102 - our own lines
    assert len(capsys.readouterr().out.splitlines()) >= 4
