"""The model as a whole: shape, causality, start, learning."""

from math import log, sqrt

import pytest
import torch

from slm.errors import DataError
from slm.model.config import PRESETS, ModelConfig
from slm.model.loss import mean_nats
from slm.model.transformer import Transformer

BASE = ModelConfig(
    vocab_size=40, context_length=24, n_layers=2, n_heads=4, n_kv_heads=2, d_model=32, d_ff=48
)
GPT2 = BASE.replace(
    n_kv_heads=None, norm="layernorm", positions="learned", mlp="gelu", bias="all", qk_norm=False
)


@pytest.mark.parametrize("config", [BASE, GPT2, BASE.replace(window=4)])
def test_no_position_sees_what_comes_later(config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = Transformer(config).eval()
    ids_BT = torch.randint(40, (1, 12))
    changed = ids_BT.clone()
    changed[:, 7:] = (changed[:, 7:] + 1) % 40
    torch.testing.assert_close(model(ids_BT)[:, :7], model(changed)[:, :7])


def test_a_window_forgets_what_lies_further_back_than_its_layers_reach() -> None:
    """Two layers of window 3 reach 2 positions back each: position 9 sees 5 and later."""
    torch.manual_seed(0)
    model = Transformer(BASE.replace(window=3)).eval()
    ids_BT = torch.randint(40, (1, 10))
    changed = ids_BT.clone()
    changed[:, :5] = (changed[:, :5] + 1) % 40
    torch.testing.assert_close(model(ids_BT)[:, -1], model(changed)[:, -1])
    changed[:, 5] = (changed[:, 5] + 1) % 40
    assert not torch.equal(model(ids_BT)[:, -1], model(changed)[:, -1])


@pytest.mark.parametrize("config", [BASE, GPT2])
def test_the_last_logits_alone_are_the_last_of_all(config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = Transformer(config).eval()
    ids_BT = torch.randint(40, (2, 12))
    torch.testing.assert_close(model(ids_BT, last_only=True), model(ids_BT)[:, -1:])


def test_a_fresh_model_finds_every_token_about_equally_likely() -> None:
    torch.manual_seed(0)
    config = PRESETS["nano"].replace(vocab_size=1024)
    ids_BT = torch.randint(1024, (2, 65))
    loss = mean_nats(Transformer(config)(ids_BT[:, :-1]), ids_BT[:, 1:])
    assert loss.item() == pytest.approx(log(1024), abs=0.1)


def test_matrices_that_write_to_the_stream_start_smaller() -> None:
    torch.manual_seed(0)
    model = Transformer(BASE.replace(d_model=128, d_ff=256, n_layers=8))
    weights = model.state_dict()
    assert weights["blocks.0.mlp.up.weight"].std().item() == pytest.approx(0.02, rel=0.05)
    for name in ("blocks.3.attention.output.weight", "blocks.3.mlp.down.weight"):
        assert weights[name].std().item() == pytest.approx(0.02 / sqrt(16), rel=0.05)


@pytest.mark.parametrize("kv_heads", [None, 2])
def test_the_last_block_begins_by_passing_on_what_it_looks_at(kv_heads: int | None) -> None:
    """Output · value: half the identity; with keys and values for 2 of 4 heads, half of a
    projection onto 16 of 32 directions. The block before is random."""
    torch.manual_seed(0)
    model = Transformer(BASE.replace(n_kv_heads=kv_heads, copy_start=0.5))
    products = []
    for block in model.blocks:
        value_VD = block.attention.value.weight.view(kv_heads or 4, 8, 32)
        every_head_VD = value_VD.repeat_interleave(4 // (kv_heads or 4), dim=0).flatten(0, 1)
        products.append(block.attention.output.weight @ every_head_VD)
    directions = torch.linalg.svdvals(products[1])
    n_copied = 32 if kv_heads is None else 16
    torch.testing.assert_close(
        directions[:n_copied], torch.full((n_copied,), 0.5), rtol=0, atol=0.2
    )
    assert directions[n_copied:].sum() < 0.8
    assert products[1].trace().item() == pytest.approx(0.5 * n_copied, rel=0.1)
    assert products[0].trace().abs() < 0.2


def test_a_copying_start_can_be_left_out() -> None:
    torch.manual_seed(0)
    plain = Transformer(BASE.replace(copy_start=0, look_back_start=0)).state_dict()
    torch.manual_seed(0)
    copier = Transformer(BASE.replace(look_back_start=0)).state_dict()
    changed = {name for name in plain if not torch.equal(plain[name], copier[name])}
    assert changed == {"blocks.1.attention.value.weight", "blocks.1.attention.output.weight"}


@pytest.mark.parametrize("qk_norm", [True, False])
def test_heads_of_the_first_block_begin_with_the_tokens_just_before(qk_norm: bool) -> None:
    """On random tokens head h gives most to the place 1 + h before, whatever stands there."""
    torch.manual_seed(0)
    settings = {"context_length": 24, "d_model": 128, "n_heads": 4, "n_kv_heads": 2}
    model = Transformer(BASE.replace(**settings, qk_norm=qk_norm, look_back_start=6.0)).eval()
    seen: list[torch.Tensor] = []

    class Watch:
        sites = frozenset({"weights"})
        layers = frozenset({0})

        def __call__(self, site: str, layer: int, tensor: torch.Tensor) -> None:
            seen.append(tensor)

    model(torch.randint(BASE.vocab_size, (4, 24)), probe=Watch())
    weights_HTS = seen[0].mean(dim=0)[:, 8:]
    rows_T = torch.arange(16)
    for head in range(4):
        back = [weights_HTS[head, rows_T, rows_T + 8 - n].mean().item() for n in range(8)]
        assert max(range(8), key=back.__getitem__) == 1 + head
        assert back[1 + head] > 0.3


def test_the_same_seed_gives_the_same_model() -> None:
    torch.manual_seed(5)
    first = Transformer(BASE).state_dict()
    torch.manual_seed(5)
    second = Transformer(BASE).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("config", [BASE, GPT2])
def test_one_batch_can_be_learned_by_heart(config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = Transformer(config)
    ids_BT = torch.randint(40, (2, 17))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = mean_nats(model(ids_BT[:, :-1]), ids_BT[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_dropout_is_for_training_alone() -> None:
    torch.manual_seed(0)
    model = Transformer(BASE.replace(dropout=0.5))
    ids_BT = torch.randint(40, (1, 12))
    assert not torch.equal(model(ids_BT), model(ids_BT))
    model.eval()
    assert torch.equal(model(ids_BT), model(ids_BT))


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    model = Transformer(GPT2.replace(qk_norm=True, tie_embeddings=False))
    ids_BT = torch.randint(40, (2, 24))
    mean_nats(model(ids_BT), ids_BT.roll(-1, 1)).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_one_graph_without_breaks_where_nothing_is_probed() -> None:
    """What torch.compile needs: tracing the forward pass meets no decision on data."""
    model = Transformer(BASE.replace(window=4))
    ids_BT = torch.randint(40, (2, 12))
    exported = torch.export.export(model.eval(), (ids_BT,))
    torch.testing.assert_close(exported.module()(ids_BT), model(ids_BT))


def test_a_text_that_does_not_fit_is_refused_with_the_remedy() -> None:
    model = Transformer(BASE)
    with pytest.raises(DataError, match="25 tokens do not fit the context of 24"):
        model(torch.zeros(1, 25, dtype=torch.int64))
    with pytest.raises(DataError, match="at least one token"):
        model(torch.zeros(1, 0, dtype=torch.int64))
