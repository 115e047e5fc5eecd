"""Edits: a model whose one head carries all, and what is left without it."""

from math import exp, log

import numpy as np
import pytest
import torch
from torch import Tensor

from slm.attention import sweeping
from slm.attention.importance import Importance, importance
from slm.attention.interventions import Edit, Interventions, PaintedRow
from slm.attention.maps import attention_maps
from slm.attention.means import mean_outputs
from slm.attention.readings import reading
from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig
from slm.model.probe import Recorder
from slm.model.transformer import Transformer

A, B = 0, 1
SURE = 8 / 3
"""The logit of a token that the copying head alone has seen; all others have 0."""
CONFIG = ModelConfig(
    vocab_size=4, d_model=8, d_ff=8, n_layers=2, n_heads=2, d_head=4, context_length=8,
    qk_norm=False, tie_embeddings=False,
)  # fmt: skip


@pytest.fixture()
def copying() -> Transformer:
    """Head 1 of block 0 attends evenly and says the tokens that it saw; all else adds nothing.

    A token is a unit vector, normed √8 long; so long is what the head writes 4 further on,
    beside the 1 of the token itself: normed again, 8 / √(8 + 1) of √8, which is 8/3.
    """
    model = Transformer(CONFIG).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.zero_()
        model.token_embedding.weight[:, :4] = torch.eye(4)
        attention = model.blocks[0].attention
        attention.value.weight[4:, :4] = torch.eye(4)
        attention.output.weight[4:, 4:] = torch.eye(4)
        model.unembedding.weight[:, 4:] = torch.eye(4)
    return model


FAMILIES: dict[str, dict[str, object]] = {
    "ours": {},
    "grouped": {"n_kv_heads": 2},
    "windowed": {"window": 3},
    "gpt2": {"positions": "learned", "norm": "layernorm", "bias": "all", "mlp": "gelu"},
}


@pytest.fixture(params=FAMILIES)
def random_model(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(5)
    config = ModelConfig(
        vocab_size=30, d_model=16, d_ff=24, n_layers=3, n_heads=4, context_length=10
    )
    model = Transformer(config.replace(**FAMILIES[request.param])).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


IDS = [5, 6, 7, 8, 9, 6, 7]


def logits(model: Transformer, *edits: Edit | PaintedRow) -> Tensor:
    probe = Interventions(model.config, edits, mean_outputs(model, IDS))
    with torch.inference_mode():
        return model(torch.tensor([IDS]), probe=probe)


def untouched(model: Transformer) -> Tensor:
    with torch.inference_mode():
        return model(torch.tensor([IDS]))


def test_without_the_copying_head_nothing_is_known(copying: Transformer):
    """After A it says A with e^(8/3) : 1 : 1 : 1; without the head all four alike."""
    assert reading(copying, [A, A]).nats_T[0] == pytest.approx(log(1 + 3 * exp(-SURE)), rel=1e-4)
    assert reading(copying, [A, A], [Edit(0, 1)]).nats_T[0] == pytest.approx(log(4))


def test_importance_is_what_one_part_alone_is_worth(copying: Transformer):
    found = importance(copying, [A, A, A])
    expected = np.zeros((2, 3))
    expected[0, 1] = log(4) - log(1 + 3 * exp(-SURE))
    assert found.change_LP == pytest.approx(expected, abs=1e-4)
    assert found.base_nats == pytest.approx(log(4) - expected[0, 1], abs=1e-4)


def test_a_painted_row_is_what_the_head_copies(copying: Transformer):
    """Behind A B the head has seen both alike; painted all to A, it says A as after A alone."""
    row = PaintedRow(0, 1, query=1, weights_S=(5.0, 0.0))
    plain, painted = (reading(copying, [A, B], edits) for edits in ((), (row,)))
    assert plain.logs_PV[0, A] == pytest.approx(plain.logs_PV[0, B])
    assert painted.logs_PV[0, A] - painted.logs_PV[0, B] == pytest.approx(SURE, rel=1e-4)


def test_scaling_by_one_changes_no_bit(random_model: Transformer):
    edits = [Edit(0, 2, "scale", 1.0), Edit(1, None, "scale", 1.0)]
    assert torch.equal(logits(random_model, *edits), untouched(random_model))


def test_a_probe_without_edits_changes_no_bit(random_model: Transformer):
    assert torch.equal(logits(random_model), untouched(random_model))


def test_all_heads_of_a_layer_off_is_a_layer_without_attention(random_model: Transformer):
    """What the heads share, the output's bias, stays."""
    silent = logits(random_model, *(Edit(1, head) for head in range(4)))
    with torch.no_grad():
        random_model.blocks[1].attention.output.weight.zero_()
    assert torch.allclose(silent, untouched(random_model), atol=1e-6)
    assert not torch.allclose(silent, logits(random_model, Edit(0, 0)), atol=1e-3)


def test_a_feed_forward_part_off_is_a_layer_without_it(random_model: Transformer):
    removed = Recorder(["resid_post"], [1])
    probe = Interventions(random_model.config, [Edit(1, None)])
    recorded = Recorder(["mlp_out", "resid_post"], [1])
    with torch.inference_mode():
        random_model(torch.tensor([IDS]), probe=recorded)
        random_model(torch.tensor([IDS]), probe=Both(probe, removed))
    expected = recorded["resid_post", 1] - recorded["mlp_out", 1]
    assert torch.allclose(removed["resid_post", 1], expected, atol=1e-5)


def test_a_uniform_head_gives_each_visible_token_the_same():
    probe = Interventions(CONFIG, [Edit(0, 1, "uniform")])
    weights = torch.eye(3).expand(1, 2, 3, 3)
    changed = probe("weights", 0, weights)
    assert changed is not None
    assert torch.equal(changed[0, 0], torch.eye(3))
    assert changed[0, 1].tolist() == [
        pytest.approx(row) for row in ([1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3])
    ]


def test_a_uniform_head_with_a_window_stays_within_it():
    probe = Interventions(CONFIG.replace(window=2), [Edit(0, 0, "uniform")])
    changed = probe("weights", 0, torch.eye(3).expand(1, 2, 3, 3))
    assert changed is not None
    assert changed[0, 0].tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]]


def test_with_a_cache_only_the_call_that_reads_the_query_is_painted():
    """Calls with keys 0 to 1, then 2, then 3: the row of query 2 belongs to the second."""
    probe = Interventions(CONFIG, [PaintedRow(0, 0, 2, (1, 1, 2))])
    assert probe("weights", 0, torch.zeros(1, 2, 2, 2)) is None
    changed = probe("weights", 0, torch.zeros(1, 2, 1, 3))
    assert changed is not None
    assert changed[0, 0, 0].tolist() == [0.25, 0.25, 0.5]
    assert probe("weights", 0, torch.zeros(1, 2, 1, 4)) is None


def test_a_row_painted_as_it_was_changes_nothing(random_model: Transformer):
    weights = attention_maps(random_model, IDS)[1, 2, 4, :5]
    row = PaintedRow(1, 2, 4, tuple(weights.tolist()))
    assert torch.allclose(logits(random_model, row), untouched(random_model), atol=1e-5)


def test_a_mean_is_taken_over_the_positions():
    """Head 0 gives 1 and 3 at two positions: 2 at both."""
    model = Transformer(CONFIG)
    means = mean_outputs(model, [A, B])
    means.heads_LHK[0, 0] = torch.tensor([[1.0] * 4, [3.0] * 4]).mean(dim=0)
    probe = Interventions(CONFIG, [Edit(0, 0, "mean")], means)
    changed = probe("head_out", 0, torch.zeros(1, 2, 2, 4))
    assert changed is not None
    assert changed[0, 0].tolist() == [[2.0] * 4] * 2
    assert not changed[0, 1].any()


def test_the_means_are_those_of_the_untouched_reading(random_model: Transformer):
    recorded = Recorder(["head_out", "mlp_out"])
    with torch.inference_mode():
        random_model(torch.tensor([IDS]), probe=recorded)
    means = mean_outputs(random_model, IDS)
    assert torch.allclose(means.heads_LHK[1, 2], recorded["head_out", 1][0, 2].mean(0))
    assert torch.allclose(means.feed_forward_LD[2], recorded["mlp_out", 2][0].mean(0))


def test_of_two_edits_of_one_part_the_later_counts(random_model: Transformer):
    assert torch.equal(
        logits(random_model, Edit(0, 0, "off"), Edit(0, 0, "scale", 1.0)), untouched(random_model)
    )


def test_edits_give_the_same_with_a_cache_and_without(random_model: Transformer):
    edits = [Edit(0, 1, "uniform"), Edit(1, 0), Edit(2, None, "scale", 0.5)]
    edits.append(PaintedRow(1, 3, 6, (0, 0, 0, 0, 1, 0, 1)))
    probe, cache = Interventions(random_model.config, edits), random_model.new_cache()
    with torch.inference_mode():
        parts = [
            random_model(torch.tensor([part]), cache=cache, probe=probe)
            for part in (IDS[:4], IDS[4:6], IDS[6:])
        ]
    assert torch.allclose(torch.cat(parts, dim=1), logits(random_model, *edits), atol=1e-5)


def test_a_reading_agrees_with_the_models_own_logits(random_model: Transformer):
    found = reading(random_model, IDS, positions=(2, 6))
    logs = untouched(random_model)[0].log_softmax(-1)
    assert found.logs_PV == pytest.approx(logs[[2, 6]].numpy(), abs=1e-5)
    assert found.nats_T == pytest.approx([-logs[t, IDS[t + 1]].item() for t in range(6)], abs=1e-5)


@pytest.mark.parametrize("act", ["off", "mean"])
def test_importance_in_slices_is_one_reading_after_another(
    random_model: Transformer, act: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sweeping, "ROWS", 2)
    found = importance(random_model, IDS, act)
    base = reading(random_model, IDS).mean_nats
    for layer in range(3):
        for place in range(5):
            edit = Edit(layer, place if place < 4 else None, act)
            expected = reading(random_model, IDS, [edit]).mean_nats - base
            assert found.change_LP[layer, place] == pytest.approx(expected, abs=2e-5)
    assert np.abs(found.change_LP).max() > 0.01


def test_importance_tells_how_far_it_is(random_model: Transformer):
    work = Importance(random_model, IDS)
    assert work.fraction == 0 and np.isnan(work.change_LP).all()
    while not work.finished:
        before = work.fraction
        work.advance()
        assert work.fraction > before
    assert work.fraction == 1


def test_one_token_can_be_read_but_has_nothing_to_foresee(copying: Transformer):
    found = reading(copying, [A], [Edit(0, 1)])
    assert found.nats_T.size == 0 and found.logs_PV[0] == pytest.approx([-log(4)] * 4)
    assert np.isnan(found.mean_nats)
    with pytest.raises(DataError, match="nothing to foresee"):
        Importance(copying, [A])


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (Edit(2, 0), "no layer 2"),
        (Edit(0, 2), "no head 2"),
        (Edit(0, None, "uniform"), "no attention"),
        (Edit(0, 0, "scale", float("nan")), "no number"),
        (Edit(0, 0, "mean"), "which text"),
        (PaintedRow(0, 0, 8, (1.0,) * 9), "no query 8"),
        (PaintedRow(0, 0, 2, (1.0,)), "give 3"),
        (PaintedRow(0, 0, 1, (0.0, 0.0)), "somewhere"),
        (PaintedRow(0, 0, 1, (-1.0, 2.0)), "below 0"),
        (PaintedRow(0, 0, 1, (1e308, 1e308)), "above a million"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(edit: Edit | PaintedRow, says: str):
    with pytest.raises(DataError, match=says):
        Interventions(CONFIG, [edit])


def test_a_row_may_not_reach_beyond_the_window():
    with pytest.raises(DataError, match="tokens 0 to 0 have to be 0"):
        Interventions(CONFIG.replace(window=2), [PaintedRow(0, 0, 2, (1, 1, 1))])


def test_weights_that_are_no_numbers_are_said(copying: Transformer):
    with torch.no_grad():
        copying.blocks[0].mlp.down.weight[0, 0] = float("nan")
    with pytest.raises(DivergedError):
        reading(copying, [A, B], [Edit(0, 1)])
    with pytest.raises(DivergedError):
        Importance(copying, [A, B])


class Both:
    """Two probes at once; the first may edit."""

    layers = None

    def __init__(self, first: Interventions, second: Recorder) -> None:
        self.first, self.second = first, second
        self.sites = first.sites | second.sites

    def __call__(self, site: str, layer: int, tensor: Tensor) -> Tensor | None:
        changed = None
        if site in self.first.sites and layer in self.first.layers:
            changed = self.first(site, layer, tensor)
        if site in self.second.sites and layer in self.second.layers:
            self.second(site, layer, tensor if changed is None else changed)
        return changed
