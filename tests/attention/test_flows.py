"""What attention carries: lengths, logits, averages, rollout."""

import numpy as np
import pytest
import torch

from slm.attention.attribution import attribute_logit
from slm.attention.flows import (
    layer_means,
    logit_contributions,
    rollout,
    targets_of,
    value_norms,
)
from slm.attention.maps import attention_maps
from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig
from slm.model.inference import inference
from slm.model.transformer import Block, Transformer

IDS = [3, 1, 4, 1, 5, 9]


def model_of(**changes: object) -> Transformer:
    torch.manual_seed(1)
    shape = {
        "vocab_size": 11,
        "context_length": 8,
        "n_layers": 2,
        "n_heads": 4,
        "n_kv_heads": 2,
        "d_model": 16,
        "d_ff": 16,
    }
    return Transformer(ModelConfig.model_validate({**shape, **changes}))


def attention_of(model: Transformer, layer: int) -> torch.nn.Module:
    block = model.blocks[layer]
    assert isinstance(block, Block)
    return block.attention


def test_a_weight_counts_as_much_as_the_value_that_it_carries():
    """One head, one layer, width 2: value and output matrices are c·I of what the norm gives.

    RMSNorm makes every position's vector √2 long; value doubles it, output makes 3 times that.
    So every key carries 6·√2, and every entry is its weight times that.
    """
    model = model_of(n_layers=1, n_heads=1, n_kv_heads=1, d_model=2, d_ff=2, norm_eps=1e-12)
    attention = attention_of(model, 0)
    with torch.no_grad():
        attention.value.weight.copy_(2 * torch.eye(2))
        attention.output.weight.copy_(3 * torch.eye(2))
    norms = value_norms(model, IDS)
    weights = attention_maps(model, IDS)
    np.testing.assert_allclose(norms, weights * 6 * 2**0.5, rtol=1e-5)


def test_values_of_no_length_carry_nothing_however_large_their_weights():
    model = model_of()
    with torch.no_grad():
        attention_of(model, 1).value.weight.zero_()
    norms = value_norms(model, IDS)
    assert norms[0].max() > 0
    assert norms[1].max() == 0
    assert attention_maps(model, IDS)[1].max() == 1


def test_key_value_groups_serve_their_own_heads():
    """Heads 0 and 1 share the first values, 2 and 3 the second; only the second are zero."""
    model = model_of()
    with torch.no_grad():
        attention_of(model, 0).value.weight[4:] = 0
    norms = value_norms(model, IDS, layers=[0])
    assert norms[0, :2].max() > 0
    assert norms[0, 2:].max() == 0


@pytest.mark.parametrize("norm", ["rmsnorm", "layernorm"])
@pytest.mark.parametrize("against_mean", [True, False])
def test_what_all_keys_add_is_what_the_head_adds(norm, against_mean):
    model = model_of(norm=norm, bias="all" if norm == "layernorm" else "none")
    targets = targets_of(model, IDS, "next")
    added = logit_contributions(model, IDS, targets, against_mean=against_mean)
    assert added.shape == (2, 4, 6, 6)
    assert np.triu(added[0, 0], 1).max() == 0
    for position in (0, 3, 5):
        whole = attribute_logit(
            model, IDS, position, int(targets[position]), "mean" if against_mean else None
        )
        np.testing.assert_allclose(added[:, :, position].sum(-1), whole.heads_LH, atol=1e-5)


def test_targets_are_what_came_and_behind_the_end_what_is_likeliest():
    model = model_of()
    with inference(model):
        likeliest = model(torch.tensor([IDS]))[0].argmax(-1).numpy()
    assert targets_of(model, IDS, "next").tolist() == [*IDS[1:], likeliest[-1]]
    assert targets_of(model, IDS, "top").tolist() == likeliest.tolist()


def test_chosen_heads_come_in_the_order_asked_for():
    model = model_of()
    wanted = value_norms(model, IDS)[1, [2, 0]]
    np.testing.assert_allclose(value_norms(model, IDS, [1], [2, 0])[0], wanted, atol=1e-6)


def test_the_mean_over_heads_is_that_of_their_weights():
    model = model_of()
    means = layer_means(model, IDS)
    np.testing.assert_allclose(means, attention_maps(model, IDS).mean(axis=1), atol=1e-6)


def test_heads_that_look_at_themselves_leave_every_position_its_own():
    eye = np.stack([np.eye(3, dtype=np.float32)] * 4)
    np.testing.assert_array_equal(rollout(eye), eye)


def test_two_layers_of_looking_at_the_token_before_reach_two_back():
    """0.5·A + 0.5·I squared, A the step back: ¼ two back, ½ one back, ¼ itself."""
    back = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    rolled = rollout(np.stack([back, back]))
    np.testing.assert_allclose(rolled[0, 2], [0, 0.5, 0.5])
    np.testing.assert_allclose(rolled[1, 2], [0.25, 0.5, 0.25])
    np.testing.assert_allclose(rolled.sum(-1), 1)


def test_a_target_is_needed_for_every_position():
    with pytest.raises(DataError, match="2 targets for 6 positions"):
        logit_contributions(model_of(), IDS, [1, 2])


def test_a_diverged_model_is_told_as_such():
    model = model_of()
    with torch.no_grad():
        attention_of(model, 0).query.weight.fill_(torch.nan)
    for ask in (value_norms, layer_means):
        with pytest.raises(DivergedError):
            ask(model, IDS)
