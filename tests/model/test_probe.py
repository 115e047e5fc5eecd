"""Every site can be read and replaced, and asking changes nothing."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from slm.model.config import ModelConfig
from slm.model.probe import NO_LAYER, OUTER_SITES, SITES, Recorder
from slm.model.transformer import Transformer

CONFIG = ModelConfig(
    vocab_size=40, context_length=24, n_layers=2, n_heads=4, n_kv_heads=2, d_model=32, d_ff=48
)


class Replace:
    """Puts what `change` makes of a tensor in its place."""

    def __init__(self, site: str, layer: int, change: Callable[[Tensor], Tensor]) -> None:
        self.sites, self.layers = frozenset([site]), frozenset([layer])
        self.change = change
        self.calls = 0

    def __call__(self, site: str, layer: int, tensor: Tensor) -> Tensor:
        self.calls += 1
        return self.change(tensor)


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(0)
    fresh = Transformer(CONFIG).eval().requires_grad_(False)
    for block in fresh.blocks:
        for weight in block.parameters():
            weight *= 4 if weight.ndim == 2 else 1
    return fresh


@pytest.fixture
def ids_BT() -> Tensor:
    return torch.randint(40, (2, 6), generator=torch.Generator().manual_seed(3))


def test_every_site_is_seen_in_its_shape(model: Transformer, ids_BT: Tensor) -> None:
    recorder = Recorder(SITES)
    logits_BTV = model(ids_BT, probe=recorder)
    shapes = {
        **dict.fromkeys(("embed", "resid_pre", "attn_out", "mlp_out", "resid_post"), (2, 6, 32)),
        **dict.fromkeys(("q", "head_out"), (2, 4, 6, 8)),
        **dict.fromkeys(("k", "v"), (2, 2, 6, 8)),
        **dict.fromkeys(("scores", "weights"), (2, 4, 6, 6)),
        "mlp_hidden": (2, 6, 48),
        "final_norm": (2, 6, 32),
        "logits": (2, 6, 40),
    }
    for site in SITES:
        for layer in (NO_LAYER,) if site in OUTER_SITES else (0, 1):
            assert recorder[site, layer].shape == shapes[site], site
    assert len(recorder.tensors) == 3 + 2 * 11
    torch.testing.assert_close(logits_BTV, model(ids_BT))


def test_what_is_seen_adds_up(model: Transformer, ids_BT: Tensor) -> None:
    seen = Recorder(SITES)
    model(ids_BT, probe=seen)
    torch.testing.assert_close(seen["resid_pre", 0], seen.outer("embed"))
    for layer in (0, 1):
        torch.testing.assert_close(
            seen["resid_post", layer],
            seen["resid_pre", layer] + seen["attn_out", layer] + seen["mlp_out", layer],
        )
        scores = seen["q", layer] @ seen["k", layer].repeat_interleave(2, 1).mT / 8**0.5
        torch.testing.assert_close(seen["scores", layer], scores)
        causal = torch.ones(6, 6, dtype=torch.bool).tril()
        weights = scores.masked_fill(~causal, -torch.inf).softmax(-1)
        torch.testing.assert_close(seen["weights", layer], weights)
        mixed = weights @ seen["v", layer].repeat_interleave(2, 1)
        torch.testing.assert_close(seen["head_out", layer], mixed)
    torch.testing.assert_close(seen["resid_pre", 1], seen["resid_post", 0])
    torch.testing.assert_close(model.read_out(seen["resid_post", 1]), seen.outer("logits"))


@pytest.mark.parametrize("site", SITES)
def test_a_replacement_is_what_the_model_goes_on_with(
    model: Transformer, ids_BT: Tensor, site: str
) -> None:
    """Replaced by itself nothing changes; replaced by something else the logits do."""
    layer = NO_LAYER if site in OUTER_SITES else 0
    plain = model(ids_BT)
    same = Replace(site, layer, lambda tensor: tensor.clone())
    torch.testing.assert_close(model(ids_BT, probe=same), plain, atol=2e-5, rtol=1e-5)
    other = Replace(site, layer, lambda tensor: tensor.roll(1, dims=-1) * 1.5)
    assert not torch.allclose(model(ids_BT, probe=other), plain, atol=1e-3)
    assert same.calls == other.calls == 1


@pytest.mark.parametrize("site", SITES)
def test_replacements_hold_with_the_cache(model: Transformer, ids_BT: Tensor, site: str) -> None:
    """An edit that treats every position alike gives the same token by token and at once."""
    layer = NO_LAYER if site in OUTER_SITES else 0
    if site == "weights":  # a row of them must keep its sum, however long it is
        probe = Replace(site, layer, lambda t: t * torch.tensor([0.0, 1, 1, 1]).view(4, 1, 1))
    else:
        probe = Replace(site, layer, lambda tensor: tensor * 0.5)
    cache = model.new_cache(batch_size=2)
    steps = [model(ids_BT[:, t : t + 1], cache=cache, probe=probe) for t in range(6)]
    torch.testing.assert_close(
        torch.cat(steps, dim=1), model(ids_BT, probe=probe), atol=2e-5, rtol=1e-5
    )


def test_switching_off_all_heads_equals_removing_the_attention(
    model: Transformer, ids_BT: Tensor
) -> None:
    no_heads = model(ids_BT, probe=Replace("head_out", 1, torch.zeros_like))
    no_attention = model(ids_BT, probe=Replace("attn_out", 1, torch.zeros_like))
    torch.testing.assert_close(no_heads, no_attention)


def test_edited_scores_cannot_make_a_position_look_ahead(
    model: Transformer, ids_BT: Tensor
) -> None:
    probe = Replace("scores", 0, lambda scores: scores + 100 * torch.ones(6, 6).triu(1))
    changed = ids_BT.clone()
    changed[:, -1] = (changed[:, -1] + 1) % 40
    torch.testing.assert_close(
        model(ids_BT, probe=probe)[:, :-1], model(changed, probe=probe)[:, :-1]
    )


def test_layers_choose_blocks_but_never_hide_the_sites_outside(
    model: Transformer, ids_BT: Tensor
) -> None:
    recorder = Recorder(["embed", "weights", "logits"], layers=[1])
    model(ids_BT, probe=recorder, last_only=True)
    assert set(recorder.tensors) == {("embed", -1), ("weights", 1), ("logits", -1)}
    assert recorder.outer("logits").shape == (2, 1, 40)


def test_fused_attention_runs_unless_scores_or_weights_are_asked_for(
    model: Transformer, ids_BT: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from slm.model import self_attention

    fused = self_attention.attend_fused
    calls: list[int] = []
    monkeypatch.setattr(
        self_attention, "attend_fused", lambda *given: calls.append(1) or fused(*given)
    )
    model(ids_BT)
    model(ids_BT, probe=Recorder(["q", "k", "v", "head_out", "resid_post"]))
    assert len(calls) == 4
    model(ids_BT, probe=Recorder(["weights"], layers=[1]))
    assert len(calls) == 5
