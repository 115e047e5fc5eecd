"""What is read with a cache is what is read without one."""

import pytest
import torch

from slm.errors import DataError
from slm.model.cache import KeyValueCache
from slm.model.config import ModelConfig
from slm.model.probe import Recorder
from slm.model.transformer import Transformer

BASE = ModelConfig(
    vocab_size=40, context_length=24, n_layers=2, n_heads=4, n_kv_heads=2, d_model=32, d_ff=48
)
CONFIGS = {
    "qwen3": BASE,
    "gpt2": BASE.replace(
        n_kv_heads=None, norm="layernorm", positions="learned", mlp="gelu", bias="all"
    ),
    "window": BASE.replace(window=5),
    "learned window": BASE.replace(positions="learned", window=3),
}


@pytest.fixture(params=CONFIGS, autouse=True)
def model(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(0)
    fresh = Transformer(CONFIGS[request.param]).eval()
    for block in fresh.blocks:  # larger weights, so that attention is far from uniform
        for weight in block.parameters():
            weight.data *= 4 if weight.ndim == 2 else 1
    return fresh.requires_grad_(False)


def ids(batch_size: int, length: int) -> torch.Tensor:
    return torch.randint(40, (batch_size, length), generator=torch.Generator().manual_seed(7))


def test_token_by_token(model: Transformer) -> None:
    ids_BT = ids(2, 20)
    cache = model.new_cache(batch_size=2)
    steps = [model(ids_BT[:, t : t + 1], cache=cache) for t in range(20)]
    torch.testing.assert_close(torch.cat(steps, dim=1), model(ids_BT), atol=2e-5, rtol=1e-5)
    assert cache.lengths_B.tolist() == [20, 20]


def test_in_chunks(model: Transformer) -> None:
    ids_BT = ids(2, 20)
    cache = model.new_cache(batch_size=2)
    chunks = [model(chunk, cache=cache) for chunk in ids_BT.split([7, 1, 9, 3], dim=1)]
    torch.testing.assert_close(torch.cat(chunks, dim=1), model(ids_BT), atol=2e-5, rtol=1e-5)


def test_rows_of_different_lengths_padded_on_the_right(model: Transformer) -> None:
    """Prompts of 3, 11 and 6 ids go in as one batch; then all go on, by one and by two."""
    ids_BT, lengths = ids(3, 16), [3, 11, 6]
    cache = model.new_cache(batch_size=3)
    model(ids_BT[:, :11], cache=cache)
    for row, length in enumerate(lengths):
        cache.truncate(row, length)
    for n_new in (1, 2, 1):
        start = cache.lengths_B.tolist()
        new_BT = torch.stack([ids_BT[r, start[r] : start[r] + n_new] for r in range(3)])
        logits_BTV = model(new_BT, cache=cache)
        for row in range(3):
            alone = model(ids_BT[row : row + 1, : start[row] + n_new])[0, -n_new:]
            torch.testing.assert_close(logits_BTV[row], alone, atol=2e-5, rtol=1e-5)
    assert cache.lengths_B.tolist() == [7, 15, 10]


def test_a_prompt_goes_into_one_row_while_others_stay(model: Transformer) -> None:
    ids_BT = ids(3, 16)
    cache = model.new_cache(batch_size=3)
    model(ids_BT[:, :9], cache=cache)
    cache.reset(1)
    assert cache.lengths_B.tolist() == [9, 0, 9]
    prompt_1T = ids_BT[1:2, 4:9]
    model(prompt_1T, cache=cache.row(1))
    assert cache.lengths_B.tolist() == [9, 5, 9]
    logits_BTV = model(ids_BT[:, 9:10], cache=cache)
    torch.testing.assert_close(
        logits_BTV[1], model(ids_BT[1:2, 4:10])[0, -1:], atol=2e-5, rtol=1e-5
    )
    torch.testing.assert_close(logits_BTV[2], model(ids_BT[2:, :10])[0, -1:], atol=2e-5, rtol=1e-5)


def test_truncated_rows_go_on_as_if_the_rest_had_never_been(model: Transformer) -> None:
    ids_BT = ids(1, 16)
    cache = model.new_cache()
    model(ids_BT, cache=cache)
    cache.truncate(0, 4)
    again = model(ids_BT[:, 4:10], cache=cache)
    torch.testing.assert_close(again, model(ids_BT[:, :10])[:, 4:], atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("ragged", [False, True])
def test_weights_read_with_a_cache_are_those_without(model: Transformer, ragged: bool) -> None:
    """Fused and readable attention agree there too: the probe forces the readable one."""
    ids_BT = ids(2, 12)
    cache = model.new_cache(batch_size=2)
    model(ids_BT[:, :9], cache=cache)
    if ragged:
        cache.truncate(0, 6)
        model(ids_BT[:1, 6:9], cache=cache.row(0))
        cache.truncate(1, 8)
        ids_BT = torch.stack([ids_BT[0], ids_BT[1].roll(1)])
        ids_BT[1, 9] = ids_BT[1, 9]
    recorder = Recorder(["weights"])
    if ragged:
        new_BT = torch.stack([ids(2, 12)[0, 9:11], ids(2, 12)[1, 8:10]])
        logits_BTV = model(new_BT, cache=cache, probe=recorder)
        whole = Recorder(["weights"])
        alone = model(ids(2, 12)[1:, :10], probe=whole)
        torch.testing.assert_close(logits_BTV[1], alone[0, -2:], atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(
            recorder["weights", 1][1, :, :, :10], whole["weights", 1][0, :, -2:], atol=2e-5, rtol=0
        )
    else:
        whole = Recorder(["weights"])
        model(ids_BT, probe=whole)
        model(ids_BT[:, 9:], cache=cache, probe=recorder)
        torch.testing.assert_close(
            recorder["weights", 1], whole["weights", 1][:, :, 9:], atol=2e-5, rtol=0
        )


def test_too_many_positions_are_refused_and_nothing_is_lost(model: Transformer) -> None:
    cache = model.new_cache(max_length=10)
    model(ids(1, 8), cache=cache)
    with pytest.raises(DataError, match="8 positions are cached and 3 come; 10 fit"):
        model(ids(1, 3), cache=cache)
    assert cache.lengths_B.tolist() == [8]
    with pytest.raises(DataError, match="25 tokens do not fit the context of 24"):
        model(ids(1, 25))


def test_room_is_taken_once(model: Transformer) -> None:
    cache = KeyValueCache(model.config, batch_size=2, max_length=10)
    before = cache.keys_LBHSK.data_ptr()
    model(ids(2, 6), cache=cache)
    assert cache.keys_LBHSK.data_ptr() == before
    assert cache.keys_LBHSK.shape == (2, 2, model.config.kv_heads, 10, 8)


def test_a_row_that_moves_goes_on_where_it_was_and_leaves_an_empty_one(model: Transformer) -> None:
    ids_BT = ids(3, 12)
    cache = model.new_cache(batch_size=3)
    model(ids_BT[:, :9], cache=cache)
    cache.truncate(2, 6)
    cache.move(2, 0)
    assert cache.lengths_B.tolist() == [6, 9, 0]
    logits_BTV = model(ids_BT[2:, 6:7], cache=cache.row(0))
    torch.testing.assert_close(logits_BTV, model(ids_BT[2:, :7])[:, 6:], atol=2e-5, rtol=1e-5)


def test_a_wiped_row_holds_no_trace_of_numbers_that_were_none(model: Transformer) -> None:
    cache = model.new_cache(batch_size=2)
    model(ids(2, 6), cache=cache)
    cache.keys_LBHSK[:, 1] = torch.nan
    cache.wipe(1)
    assert cache.lengths_B.tolist() == [6, 0]
    assert not cache.keys_LBHSK[:, 1].any() and cache.keys_LBHSK[:, 0].any()
