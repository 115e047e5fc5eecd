"""The lens in words and colours: rows turn over, scales have ends, foreign words are cut."""

import numpy as np
import pytest

from slm.attention.attribution import Attribution
from slm.attention.lens import Lens, LensConfig
from slm.workspace import Workspace
from ui.view_models.attention import Window
from ui.view_models.grid import LONGEST_WORD
from ui.view_models.lens import (
    COLOURS,
    attribution_grid,
    attribution_sentence,
    lens_cell,
    lens_code,
    lens_grid,
    opening_position,
    token_choices,
)

TOKENS = ("a", "·b", "a", "·b")
IDS = np.array([0, 1, 0, 1])


def lens(**changed: object) -> Lens:
    """Two depths over "a b a b". The output knows the b's; the embedding says what it reads."""
    nan = np.nan
    values: dict[str, object] = {
        "ids_T": IDS,
        "stops": ("embedding", "output"),
        "top_ids_NTK": np.array(
            [[[0, 1], [1, 0], [0, 1], [1, 0]], [[1, 2], [1, 2], [1, 0], [2, 0]]]
        ),
        "top_shares_NTK": np.full((2, 4, 2), 0.25, np.float32),
        "next_share_NT": np.array([[0.1, 0.1, 0.1, nan], [0.2, 0.1, 0.7, nan]], np.float32),
        "next_rank_NT": np.array([[2, 2, 2, 0], [1, 3, 1, 0]]),
        "entropy_NT": np.full((2, 4), 0.5, np.float32),
        "kl_NT": np.array([[2.0, 1, 0.5, 0], [0, 0, 0, 0]], np.float32),
    }  # fmt: skip
    return Lens(**{**values, **changed})  # type: ignore[arg-type]


def word_of(token: int) -> str:
    return "abc"[token]


def test_the_output_is_on_top_and_the_token_that_comes_next_is_framed():
    grid = lens_grid(lens(), TOKENS, word_of, "top", vocab_size=3)
    assert grid.row_names == ("output", "embedding")
    assert [grid.words[n] for n in grid.word_RC[0]] == ["b", "b", "b", "c"]
    assert grid.marked_RC is not None
    assert grid.marked_RC.tolist() == [[True, False, True, False], [False] * 4]
    assert grid.shape == (2, 4)


def test_colours_lie_between_the_ends_of_their_scale():
    """Ranks 1, 3 and 2 of 3 tokens: 1, 0 and 1 − ln 2 / ln 3; the last position has none."""
    rank = lens_grid(lens(), TOKENS, word_of, "rank", vocab_size=3)
    np.testing.assert_allclose(rank.place_RC[0], [1, 0, 1, np.nan], atol=1e-6)
    assert rank.place_RC[1, 0] == pytest.approx(1 - np.log(2) / np.log(3))
    far = lens_grid(lens(), TOKENS, word_of, "kl", vocab_size=3)
    assert far.place_RC[1].tolist() == [1.0, 0.5, 0.25, 0.0] and far.scale.high == "2.0 nats"
    for colour in COLOURS:
        place_RC = lens_grid(lens(), TOKENS, word_of, colour, vocab_size=3).place_RC
        known = place_RC[np.isfinite(place_RC)]
        assert ((known >= 0) & (known <= 1)).all()


def test_a_model_that_knows_a_single_token_has_scales_too():
    one = lens(top_ids_NTK=np.zeros((2, 4, 1), int), entropy_NT=np.zeros((2, 4), np.float32))
    for colour in COLOURS:
        lens_grid(one, TOKENS, word_of, colour, vocab_size=1)


def test_it_opens_where_the_text_itself_told_what_comes_next():
    """At 2, "a" stands a second time and "·b" follows again; without a repeat the gain decides."""
    assert opening_position(lens(), TOKENS) == 2
    assert opening_position(lens(), ("a", "b", "a", "b")) == 2
    shares = np.array([[0.1, 0.1, 0.1, np.nan], [0.9, 0.1, 0.1, np.nan]], np.float32)
    assert opening_position(lens(ids_T=np.array([0, 1, 2, 1]), next_share_NT=shares), TOKENS) == 0


def test_a_cell_tells_its_place_its_figures_and_what_the_bars_leave_out():
    cell = lens_cell(lens(), 1, 2, TOKENS, word_of)
    assert cell.title == "Output, at token 2 “a”"
    assert cell.sentence == "Entropy 0.50 nats. What does come next, “·b”, has 70.0%: rank 1."
    assert [(bar.token, bar.probability) for bar in cell.bars] == [
        ("b", 0.25), ("a", 0.25), ("all others", 0.5),
    ]  # fmt: skip
    below = lens_cell(lens(), 0, 3, TOKENS, word_of)
    assert below.sentence == "Entropy 0.50 nats, 0.00 nats from the output."


def test_the_tokens_to_ask_about_are_those_said_here_those_said_at_last_and_the_true_one():
    assert token_choices(lens(), 0, 1, word_of) == {"b": 1, "a": 0, "c": 2}


def test_endless_words_are_cut():
    grid = lens_grid(lens(), ("x" * 10_000, *TOKENS[1:]), lambda _: "y" * 10_000, "top", 3)
    assert max(map(len, (*grid.words, *grid.column_names))) == LONGEST_WORD


def parts(**changed: object) -> Attribution:
    values: dict[str, object] = {
        "position": 1,
        "token": 1,
        "against": None,
        "embedding": 0.5,
        "heads_LH": np.array([[0.0, -1.0], [2.0, 0.25]], np.float32),
        "feed_forward_L": np.array([0.25, -4.0], np.float32),
        "rest": 0.0,
    }
    return Attribution(**{**values, **changed})  # type: ignore[arg-type]


def test_what_heads_add_stands_layer_by_layer_with_the_last_on_top():
    grid = attribution_grid(parts())
    assert grid.row_names == ("layer 1", "layer 0")
    assert grid.column_names == ("head 0", "head 1", "feed-forward")
    assert [grid.words[n] for n in grid.word_RC[0]] == ["+2.00", "+0.25", "−4.00"]
    np.testing.assert_allclose(grid.place_RC, [[0.5, 0.0625, -1], [0, -0.25, 0.0625]])


def test_the_sum_is_told_with_what_it_is_compared_with():
    assert attribution_sentence(parts(), "·b", "nothing") == (
        "Logit of “·b”: −2.00. The embedding adds +0.50, all heads +1.25, feed-forward parts −3.75."
    )
    told = attribution_sentence(parts(against=0, rest=1.0), "·b", "a")
    assert told.startswith("Lead of “·b” over a: −1.00.") and told.endswith("biases +1.00.")


def test_the_code_can_be_pasted(tiny_workspace: Workspace):
    run = tiny_workspace.runs.get("tiny")
    code = lens_code(run, 7, "it's", Window(0, 4, 4, None), LensConfig(), 1, 2)
    assert "step=7" in code and "position=1, token=2" in code
    compile(code, "shown", "exec")
