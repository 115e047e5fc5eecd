"""Readable attention, its fused twin, and what a position may see."""

from math import e

import pytest
import torch

from slm.model.config import ModelConfig
from slm.model.layers import rotary_tables, rotate
from slm.model.self_attention import attend, attend_fused, visibility


def random_heads(n_heads: int, kv_heads: int, n_queries: int, n_keys: int) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [
        torch.randn(2, n_heads, n_queries, 8),
        torch.randn(2, kv_heads, n_keys, 8),
        torch.randn(2, kv_heads, n_keys, 8),
    ]


def test_two_positions_worked_by_hand() -> None:
    """Width 1, queries 1; keys 0 and 1 give scores 0 and 1, so weights 1 : e."""
    query, key = torch.ones(1, 1, 2, 1), torch.tensor([0.0, 1.0]).view(1, 1, 2, 1)
    value = torch.tensor([10.0, 20.0]).view(1, 1, 2, 1)
    mixture, weights = attend(query, key, value, visibility(torch.arange(2), 2, None))
    assert weights[0, 0, 0].tolist() == [1.0, 0.0]
    assert weights[0, 0, 1].tolist() == pytest.approx([1 / (1 + e), e / (1 + e)])
    assert mixture.flatten().tolist() == pytest.approx([10.0, (10 + 20 * e) / (1 + e)])


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("window", [None, 3])
def test_fused_attention_gives_what_the_readable_one_gives(
    kv_heads: int, window: int | None
) -> None:
    heads = random_heads(4, kv_heads, 9, 9)
    visible_TS = visibility(torch.arange(9), 9, window)
    mixture, weights = attend(*heads, visible_TS)
    torch.testing.assert_close(attend_fused(*heads, visible_TS), mixture)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 9))
    assert not weights[:, :, ~visible_TS].any()


def test_without_a_mask_the_fused_attention_is_causal() -> None:
    heads = random_heads(4, 2, 9, 9)
    torch.testing.assert_close(
        attend_fused(*heads, None), attend(*heads, visibility(torch.arange(9), 9, None))[0]
    )


def test_a_single_query_without_a_mask_sees_all_keys() -> None:
    heads = random_heads(4, 2, 1, 9)
    torch.testing.assert_close(
        attend_fused(*heads, None), attend(*heads, visibility(torch.tensor([8]), 9, None))[0]
    )


def test_rows_at_different_positions_see_different_keys() -> None:
    heads = random_heads(4, 2, 2, 9)
    positions_BT = torch.tensor([[7, 8], [2, 3]])
    visible_B1TS = visibility(positions_BT, 9, None)[:, None]
    mixture, weights = attend(*heads, visible_B1TS)
    torch.testing.assert_close(attend_fused(*heads, visible_B1TS), mixture)
    assert not weights[1, :, 0, 3:].any()
    assert weights[0, :, 1].all()


def test_a_window_of_two_shows_oneself_and_the_one_before() -> None:
    assert visibility(torch.arange(4), 4, 2).int().tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
    ]


def test_rotation_by_hand_keeps_lengths_and_depends_on_distance_alone() -> None:
    """Width 2 has one pair, which turns by one radian a position."""
    config = ModelConfig(d_model=2, n_heads=1, context_length=8)
    cosine, sine = rotary_tables(config)
    unit = torch.tensor([1.0, 0.0]).expand(1, 1, 8, 2)
    turned = rotate(unit, cosine, sine)[0, 0]
    angles = torch.arange(8.0)
    torch.testing.assert_close(turned, torch.stack([angles.cos(), angles.sin()], dim=-1))
    products = turned @ turned.T
    torch.testing.assert_close(products.diagonal(2), torch.full((6,), 2.0).cos())
