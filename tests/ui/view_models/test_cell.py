"""The words of one weight, and what the browser is sent of it."""

import numpy as np

from slm.attention.cells import HeadVectors, Row
from slm.model.config import ModelConfig
from ui.components.cell_view import cell_payload, place_of
from ui.components.payload import unpack
from ui.view_models.cell import CellView, cell_view, read_key

TOKENS = ("a", "<img onerror=x>", "·" + "x" * 10_000)


def vectors(**changed: object) -> HeadVectors:
    """The query (2, 1) on keys (1, 0), (0, 1), (1, 1)."""
    config = ModelConfig(n_layers=1, n_heads=1, d_model=2, d_head=2, qk_norm=False)
    query_TK = np.array([[0, 0], [2, 1], [2, 1]], dtype=np.float32)
    key_SK = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    arrays = (query_TK, key_SK, None, None, query_TK, key_SK, key_SK, key_SK)
    return HeadVectors(config.replace(**changed), 0, 0, 0, *arrays)


def view(query: int, key: int, **changed: object) -> CellView:
    head = vectors(**changed)
    row = head.row(query)
    return cell_view(head, row, key, head.mixture(row, 2), TOKENS)


def step(shown: CellView, id: str):
    return next(each for each in shown.steps if each.id == id)


def test_the_steps_carry_the_numbers_of_the_cell():
    """(2, 1) · (1, 1) = 3, over √2 is 2.12."""
    shown = view(2, 2)
    assert r"= 3" in step(shown, "products").formula[0]
    assert r"\frac{3}{1.41} = 2.12" in step(shown, "score").formula[0]
    weight = float(shown.weights_S[2])
    assert f"{weight:.3f}" in shown.sentence and "place 1 of the 3" in shown.sentence
    assert f"= {weight:.3g}" in step(shown, "softmax").formula[0]


def test_a_masked_key_is_said_to_be_out_of_sight():
    shown = view(1, 2)
    assert "may not look at" in shown.sentence
    assert "= 0" in step(shown, "softmax").formula[0]


def test_only_families_that_turn_have_the_step_that_turns():
    assert [name for name, _ in view(1, 0).vectors] == [
        "query",
        "query, turned",
        "key",
        "key, turned",
    ]
    plain = view(1, 0, positions="learned")
    assert [name for name, _ in plain.vectors] == ["query", "key"]
    assert "turn" not in [each.id for each in plain.steps]


def test_a_window_is_named():
    assert "2 positions at most" in step(view(2, 2, window=2), "mask").told


def test_long_tokens_are_cut_in_sentences():
    assert len(view(2, 2).sentence) < 200


def test_what_is_not_told_one_by_one_is_told_together():
    shown = view(2, 2)
    assert (
        shown.values[-2][0].endswith("of 1 others") and shown.values[-1][0] == "the head's output"
    )
    total_K = sum(values for _, values in shown.values[:-1])
    assert shown.value_keys[-2:] == (None, None)
    assert total_K.shape == (2,)


def test_a_key_in_a_link_is_used_if_the_text_has_it():
    row = Row(1, np.zeros(3, np.float32), np.ones(3, np.bool_), np.array([0.1, 0.7, 0.2]))
    assert [read_key(text, row) for text in ("2", "9", "-1", "x", "²", None)] == [2, 1, 1, 1, 1, 1]


def test_the_payload_holds_every_number_behind_the_words():
    shown = view(2, 1)
    header, values = unpack(cell_payload(shown, TOKENS))
    numbers = np.frombuffer(values, "<f4")
    width, n = header["width"], len(TOKENS)
    expected = (len(header["vectors"]) + 1 + len(header["values"])) * width + 3 * n
    assert numbers.size == expected
    at = len(header["vectors"]) * width
    np.testing.assert_array_equal(numbers[at : at + width], shown.products_K)


def test_a_browser_may_send_anything():
    wrong = (None, "x", [1], [1, 2, 3], [True, 1], [9, None], [-1, None], [0, "1"])
    assert all(place_of(each, 5) is None for each in wrong)
