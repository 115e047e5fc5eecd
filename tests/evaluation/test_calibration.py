"""Certainty against what came, worked by hand."""

from math import log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import DataError, DivergedError
from slm.evaluation import tempering
from slm.evaluation.binning import Cells
from slm.evaluation.calibration import calibrate, judge, judgements
from slm.evaluation.perplexity import evaluate
from slm.evaluation.tempering import TEMPERATURES, Tempers
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

SHAPE = ModelConfig(vocab_size=20, context_length=8, n_layers=1, n_heads=2, d_model=16, d_ff=16)


def cells(chances: list[float], came: list[int], n_bins: int = 2) -> Cells:
    found = Cells(n_bins)
    found.add(np.array(chances), np.array(came, dtype=bool))
    return found


def test_ece_weighs_each_bin_by_what_it_holds():
    """0.2 and 0.4, one of two right: gap |0.3 − 0.5|. 0.9 and 0.7, none right: gap 0.8."""
    told = cells([0.2, 0.4, 0.9, 0.7], [1, 0, 0, 0]).equal_width(2)
    assert [each.confidence for each in told.bins] == pytest.approx([0.3, 0.8])
    assert [each.accuracy for each in told.bins] == [0.5, 0.0]
    assert [each.gap for each in told.bins] == pytest.approx([-0.2, 0.8])
    assert told.ece == pytest.approx((2 * 0.2 + 2 * 0.8) / 4)


def test_a_probability_on_an_edge_belongs_to_the_bin_below():
    told = cells([0.5, 0.500001, 1.0, 0.0], [1, 1, 1, 0]).equal_width(2)
    assert [each.count for each in told.bins] == [2, 2]


def test_bins_of_equal_mass_hold_as_many_each():
    chances = [0.91, 0.92, 0.93, 0.94, 0.1, 0.95]
    told = cells(chances, [1, 1, 0, 0, 0, 1]).equal_mass(2)
    assert [each.count for each in told.bins] == [3, 3]
    assert told.bins[0].confidence == pytest.approx((0.1 + 0.91 + 0.92) / 3)
    assert told.ece == pytest.approx((abs(1.93 - 2) + abs(2.82 - 1)) / 6)


def test_equal_statements_stay_in_one_bin():
    told = cells([0.8] * 5, [1, 1, 1, 1, 0], 4).equal_mass(4)
    assert [each.count for each in told.bins] == [5]
    assert told.ece == pytest.approx(0.0)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50),
    st.integers(2, 20),
)
def test_no_statement_is_lost_in_either_kind_of_bins(statements, n_bins):
    chances, came = zip(*statements, strict=True)
    counted = cells(list(chances), list(came), n_bins)
    for told in (counted.equal_width(n_bins), counted.equal_mass(n_bins)):
        assert told.count == len(statements)
        assert sum(b.count * b.confidence for b in told.bins) == pytest.approx(sum(chances))
        assert sum(b.count * b.accuracy for b in told.bins) == pytest.approx(sum(came))
        assert 0 <= told.ece <= 1


def test_a_calibrated_forecaster_has_the_ece_that_chance_alone_gives():
    random = np.random.default_rng(4)
    chances = random.random(50_000)
    counted = Cells(15)
    counted.add(chances, random.random(50_000) < chances)
    told = counted.equal_width(15)
    assert told.ece == pytest.approx(told.by_chance, rel=0.6)
    assert told.by_chance < 0.01


def test_guesses_entropy_and_hits_of_four_equal_tokens_and_one_certain():
    logits_NV = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 100.0, 0.0, 0.0]])
    told = judge(logits_NV, torch.tensor([3, 1]))
    assert told.entropy_N == pytest.approx([log(4), 0.0], abs=1e-5)
    assert told.nats_N == pytest.approx([log(4), 0.0], abs=1e-5)
    assert told.guesses_NK[0] == pytest.approx([0.25] * 4)
    assert told.hits_NK.sum(axis=1).tolist() == [1, 1]
    assert told.hits_NK[1, 0]


def test_a_model_without_an_idea_is_right_as_often_as_it_says():
    """All logits 0: each token has 1/20, and a uniform text hits the first guess as often."""
    model = Transformer(SHAPE)
    for weights in model.parameters():
        weights.data.zero_()
    ids = np.tile(np.arange(20), 50)
    told = calibrate(model, ids)
    assert told.tokens == 999
    assert told.confidence == pytest.approx(1 / 20)
    assert told.top[1] == pytest.approx(1 / 20, abs=0.002)
    assert told.top[10] == pytest.approx(1 / 2, abs=0.002)
    assert told.width.ece < 0.002
    assert (told.entropy, told.nats_per_token) == pytest.approx((log(20), log(20)), rel=1e-5)
    assert told.tempered.best == 1.0 and not told.tempered.at_an_end
    assert [each.count for each in told.by_entropy] == [999]


def test_it_counts_what_perplexity_counts_whatever_the_windows():
    model = Transformer(SHAPE)
    ids = np.random.default_rng(0).integers(0, 20, 75)
    loss = evaluate(model, ids, stride=3).nats_per_token
    told = calibrate(model, ids, stride=3, batch_size=2)
    assert told.nats_per_token == pytest.approx(loss, rel=1e-5)
    assert told.tokens == 74
    ones = list(judgements(model, ids, stride=3))
    assert sum(each.nats_N.size for each in ones) == 74
    assert told.top[1] <= told.top[5] <= told.top[10]
    assert told.guesses.count == 740


def test_logits_that_are_too_large_are_calibrated_by_dividing_them_again():
    """Targets are drawn from the logits; the model is given them times 1.5."""
    torch.manual_seed(0)
    true_NV = 2 * torch.randn(10_000, 12)
    targets_N = torch.multinomial(true_NV.softmax(-1), 1)[:, 0]
    tempers = Tempers(10_000, 15)
    tempers.add(1.5 * true_NV, targets_N)
    told = tempers.result()
    assert told.best == pytest.approx(1.5, rel=0.03)
    assert not told.at_an_end
    eces = {each.temperature: each.width.ece for each in told.at}
    assert eces[1.5] < 0.02 < 0.05 < eces[1.0]
    plain = torch.nn.functional.cross_entropy(1.5 * true_NV / told.best, targets_N)
    assert told.best_nats == pytest.approx(float(plain), abs=1e-4)


def test_temperature_1_is_the_model_itself():
    model = Transformer(SHAPE)
    told = calibrate(model, np.random.default_rng(0).integers(0, 20, 200))
    own = told.tempered.at[TEMPERATURES.index(1.0)]
    assert own.nats_per_token == pytest.approx(told.nats_per_token, rel=1e-5)
    assert own.width.ece == pytest.approx(told.width.ece, abs=1e-6)


def test_a_best_temperature_beyond_those_tried_says_so():
    certain = 9 * torch.eye(4)
    always, never = Tempers(4, 5), Tempers(4, 5)
    always.add(certain, torch.arange(4))
    never.add(certain, torch.tensor([1, 2, 3, 0]))
    assert (always.result().best, always.result().at_an_end) == (0.5, True)
    assert (never.result().best, never.result().at_an_end) == (2.0, True)


def test_of_a_long_text_every_so_manyth_target_is_tempered(monkeypatch):
    """Ten targets, at most four wanted: every third, whatever the batches."""
    monkeypatch.setattr(tempering, "SAMPLED", 4)
    tempers = Tempers(10, 5)
    for part in torch.eye(10).split([1, 4, 5]):
        tempers.add(part, part.argmax(-1))
    assert tempers.result().tokens == 4


def test_text_that_cannot_be_judged_is_told():
    model = Transformer(SHAPE)
    with pytest.raises(DataError, match="at least two"):
        calibrate(model, [1])
    with pytest.raises(DataError, match="outside this model's vocabulary"):
        calibrate(model, [1, 20])
    with pytest.raises(DataError, match="2 to 100"):
        calibrate(model, [1, 2], n_bins=1)
    with pytest.raises(DivergedError):
        judge(torch.full((1, 4), torch.nan), torch.tensor([0]))
