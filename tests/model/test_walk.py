"""A walk shows the numbers of the model, all of them, and nothing that it made up."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig, RopeScaling
from slm.model.probe import Recorder
from slm.model.readout import (
    guesses_by_depth,
    head_additions,
    logit_parts,
    read_position,
    unit_additions,
)
from slm.model.transformer import Transformer
from slm.model.walk import MOST_TOKENS, open_block, take_walk

SMALL = ModelConfig(
    vocab_size=40, context_length=80, n_layers=2, n_heads=4, n_kv_heads=2, d_model=32, d_ff=48
)
GPT2_LIKE = SMALL.replace(
    norm="layernorm",
    positions="learned",
    mlp="gelu",
    qk_norm=False,
    bias="all",
    n_kv_heads=None,
    tie_embeddings=False,
    copy_start=0.0,
)
FAMILIES = {
    "qwen3-like": SMALL,
    "gpt2-like": GPT2_LIKE,
    "phi3-like": SMALL.replace(window=3, qk_norm=False, n_kv_heads=None, tie_embeddings=False),
    "wide heads": SMALL.replace(d_head=16, rope_scaling=RopeScaling(kind="linear", factor=2.0)),
}
IDS = [3, 14, 15, 9, 26, 5, 3, 14]


def alive(config: ModelConfig, seed: int = 0) -> Transformer:
    """A model whose parts all do something: no norm is 1, no bias is 0."""
    torch.manual_seed(seed)
    model = Transformer(config).eval().requires_grad_(False)
    for weight in model.parameters():
        weight.add_(torch.randn_like(weight) * (0.2 if weight.ndim == 2 else 0.4))
    return model


@pytest.fixture(params=list(FAMILIES), scope="module")
def model(request: pytest.FixtureRequest) -> Transformer:
    return alive(FAMILIES[request.param])


def test_the_worked_example_of_one_head_of_width_two():
    """Identity matrices, so q = k = v = the normed stream; RMSNorm makes (3, 4)/√12.5 of (3, 4)."""
    config = ModelConfig(
        vocab_size=2,
        context_length=4,
        n_layers=1,
        n_heads=1,
        d_model=2,
        d_ff=1,
        positions="learned",
        qk_norm=False,
        copy_start=0.0,
    )
    model = Transformer(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.zero_()
    block, eye = model.blocks[0], torch.eye(2)
    model.token_embedding.weight.copy_(torch.tensor([[3.0, 4.0], [4.0, -3.0]]))
    for norm in (block.attention_norm, block.mlp_norm, model.final_norm):
        norm.weight.fill_(1.0)
    for matrix in (block.attention.query, block.attention.key, block.attention.value):
        matrix.weight.copy_(eye)
    block.attention.output.weight.copy_(eye)
    walk = take_walk(model, [0, 1], layer=0)
    inside = walk.block
    np.testing.assert_allclose(inside.normed_TD[0], [3 / 12.5**0.5, 4 / 12.5**0.5], rtol=1e-5)
    # (3, 4)·(4, −3) = 0 and (4, −3)·(4, −3) = 25, over 12.5, over √2: scores 0 and √2
    np.testing.assert_allclose(inside.products_K(0, 1, 0), [0.6788226, -0.6788226], atol=1e-5)
    np.testing.assert_allclose(inside.scores_HTS[0, 1], [0, math.sqrt(2)], atol=1e-5)
    share = math.exp(math.sqrt(2)) / (1 + math.exp(math.sqrt(2)))
    np.testing.assert_allclose(inside.weights_HTS[0, 1], [1 - share, share], atol=1e-5)
    expected = ((1 - share) * np.array([3, 4]) + share * np.array([4, -3])) / math.sqrt(12.5)
    np.testing.assert_allclose(inside.head_out_HTK[0, 1], expected, atol=1e-5)
    np.testing.assert_allclose(walk.attention_LTD[0, 1], expected, atol=1e-5)
    np.testing.assert_allclose(walk.stream_LTD[1, 1], np.array([4, -3]) + expected, atol=1e-5)
    np.testing.assert_allclose(walk.growth(0).stream_L, [5, 6.4142], atol=1e-3)  # 5 + √2


def test_what_is_recomputed_between_two_sites_leads_from_one_to_the_next(model: Transformer):
    for layer in range(2):
        walk = take_walk(model, IDS, layer)
        inside, block = walk.block, model.blocks[layer]
        values = block.attention.value(torch.from_numpy(inside.normed_TD))
        heads = values.unflatten(-1, (model.config.kv_heads, -1)).transpose(0, 1)
        np.testing.assert_allclose(inside.value_GTK, heads, atol=1e-5)
        untouched = inside.projected_query_HTK
        before = untouched if inside.even_query_HTK is None else inside.even_query_HTK
        np.testing.assert_allclose(inside.query_HTK, turned(before, inside.angles_TP), atol=1e-4)
        gated = inside.up_TF if inside.gate_TF is None else inside.gate_TF
        passed = (
            torch.nn.functional.gelu(torch.from_numpy(gated), approximate="tanh").numpy()
            if inside.gate_TF is None
            else np.stack([inside.opened_F(t) for t in range(len(IDS))]) * inside.up_TF
        )
        np.testing.assert_allclose(inside.hidden_TF, passed, atol=1e-5)


def turned(heads_HTK: np.ndarray, angles_TP: np.ndarray | None) -> np.ndarray:
    """Rotation as complex numbers: pair i is (i, i + K/2)."""
    if angles_TP is None:
        return heads_HTK
    half = heads_HTK.shape[-1] // 2
    pairs = (heads_HTK[..., :half] + 1j * heads_HTK[..., half:]) * np.exp(1j * angles_TP)
    return np.concatenate([pairs.real, pairs.imag], axis=-1)


def test_every_value_is_the_models_own(model: Transformer):
    recorder = Recorder(["q", "scores", "weights", "head_out", "mlp_hidden"], [1])
    logits_BTV = model(torch.tensor([IDS]), probe=recorder)
    walk = take_walk(model, IDS, layer=1)
    for site, found in (
        ("q", walk.block.query_HTK),
        ("scores", walk.block.scores_HTS),
        ("weights", walk.block.weights_HTS),
        ("head_out", walk.block.head_out_HTK),
        ("mlp_hidden", walk.block.hidden_TF),
    ):
        np.testing.assert_allclose(found, recorder[site, 1][0], atol=1e-5, err_msg=site)
    position = len(IDS) - 1
    last = guesses_by_depth(model, walk, position)[-1][0]
    assert last.token == int(logits_BTV[0, -1].argmax())
    assert last.logit == pytest.approx(float(logits_BTV[0, -1].max()), abs=1e-4)
    chance = float(logits_BTV[0, -1].softmax(-1)[last.token])
    assert last.probability == pytest.approx(chance, abs=1e-5)


def test_weights_sum_to_one_and_hidden_positions_get_none(model: Transformer):
    inside = take_walk(model, IDS, layer=0).block
    np.testing.assert_allclose(inside.weights_HTS.sum(-1), 1, atol=1e-5)
    assert (inside.weights_HTS[:, ~inside.visible_TS] == 0).all()
    window = model.config.window or len(IDS)
    assert inside.visible_TS.sum(-1).tolist() == [min(t + 1, window) for t in range(len(IDS))]


def test_the_parts_of_each_sum_make_the_whole(model: Transformer):
    walk = take_walk(model, IDS, layer=1)
    grown = walk.stream_LTD[:-1] + walk.attention_LTD + walk.feed_forward_LTD
    np.testing.assert_allclose(grown, walk.stream_LTD[1:], atol=1e-4)
    for head, query, key in product((0, 3), (0, 5), (0, 4)):
        products_K = walk.block.products_K(head, query, key)
        assert products_K.sum() == pytest.approx(walk.block.scores_HTS[head, query, key], abs=1e-4)
        mixed_K = walk.block.weighted_values_SK(head, query).sum(0)
        np.testing.assert_allclose(mixed_K, walk.block.head_out_HTK[head, query], atol=1e-5)
    bias = model.blocks[1].attention.output.bias
    added_D = head_additions(model, walk, 4).sum(0) + (0 if bias is None else bias.numpy())
    np.testing.assert_allclose(added_D, walk.attention_LTD[1, 4], atol=1e-4)


def test_the_parts_of_a_logit_sum_to_the_logit(model: Transformer):
    logits_TV = model(torch.tensor([IDS]))[0]
    walk = take_walk(model, IDS, layer=0)
    for position, token in product((0, 3, 7), (0, 17, 39)):
        parts = logit_parts(model, walk, position, token)
        assert parts.logit == pytest.approx(float(logits_TV[position, token]), abs=2e-3)


def test_a_hidden_unit_is_as_long_as_what_it_adds(model: Transformer):
    walk = take_walk(model, IDS, layer=1)
    added_FD = walk.block.hidden_TF[2][:, None] * model.blocks[1].mlp.down.weight.numpy().T
    np.testing.assert_allclose(
        unit_additions(model, walk, 2), np.linalg.norm(added_FD, axis=-1), rtol=1e-4, atol=1e-6
    )


def test_reading_a_position_takes_its_likeliest_token_apart(model: Transformer):
    walk = take_walk(model, IDS, layer=1)
    reading = read_position(model, walk, 6, count=3)
    assert len(reading.guesses) == 3 and len(reading.guesses[0]) == 3
    assert reading.parts.token == reading.guesses[-1][0].token
    assert reading.parts.logit == pytest.approx(reading.guesses[-1][0].logit, abs=2e-3)
    assert reading.head_lengths_H.shape == (4,) and reading.unit_lengths_F.shape == (48,)


def test_opening_another_block_gives_the_walk_that_begins_there(model: Transformer):
    there = take_walk(model, IDS, layer=1)
    opened = open_block(model, take_walk(model, IDS, layer=0), layer=1)
    for name, value in vars(there.block).items():
        found = getattr(opened.block, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(found, value, atol=1e-5, err_msg=name)
        else:
            assert found == value, name
    np.testing.assert_array_equal(opened.stream_LTD, there.stream_LTD)


def test_the_final_norm_is_the_models_own(model: Transformer):
    recorder = Recorder(["final_norm"])
    model(torch.tensor([IDS]), probe=recorder)
    walk = take_walk(model, IDS, layer=0)
    np.testing.assert_allclose(walk.final_TD, recorder.outer("final_norm")[0], atol=1e-5)


def test_walking_changes_nothing_in_the_model(model: Transformer):
    before = model(torch.tensor([IDS]))
    take_walk(model, IDS, layer=0)
    assert torch.equal(model(torch.tensor([IDS])), before)


@pytest.mark.parametrize(
    ("ids", "layer", "words"),
    [
        ([], 0, "text is empty"),
        ([1] * (MOST_TOKENS + 1), 0, "Shorten it by 1 tokens"),
        ([40], 0, "outside this model's vocabulary"),
        ([1], 2, "this model has 0 to 1"),
    ],
)
def test_what_cannot_be_walked_is_said(ids: list[int], layer: int, words: str):
    with pytest.raises(DataError, match=words):
        take_walk(alive(SMALL), ids, layer)


def test_a_model_of_numbers_that_are_none_says_so():
    model = alive(SMALL)
    model.blocks[0].mlp.down.weight[0, 0] = float("nan")
    with pytest.raises(DivergedError):
        take_walk(model, IDS, layer=1)
