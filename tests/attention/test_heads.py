"""Head scores: weights drawn by hand, and what each measure must say of them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from slm.attention.heads import (
    MEASURES,
    REPETITION_MEASURES,
    TEXT_MEASURES,
    HeadScores,
    head_scores,
    label,
    measure_position,
    measure_repetition,
    measure_text,
    position_scores,
    repetition_scores,
    standard_scores,
    text_scores,
)
from slm.attention.maps import attention_maps
from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

SIZES = {"vocab_size": 16, "d_model": 16, "d_ff": 32, "context_length": 12}


def looking_at(targets: list[int]) -> Tensor:
    """weights_BHTS of one head whose position t puts all attention on targets[t]."""
    return torch.eye(len(targets))[targets][None, None]


def evenly(n_tokens: int) -> Tensor:
    """weights_BHTS of one head that looks at all it can see in equal shares."""
    shares_TS = torch.ones(n_tokens, n_tokens).tril()
    return (shares_TS / shares_TS.sum(-1, keepdim=True))[None, None]


def on_text(weights_BHTS: Tensor) -> dict[str, float]:
    return dict(zip(TEXT_MEASURES, measure_text(weights_BHTS)[0].tolist(), strict=True))


def on_repeats(weights_BHTS: Tensor) -> dict[str, float]:
    return dict(zip(REPETITION_MEASURES, measure_repetition(weights_BHTS)[0].tolist(), strict=True))


def test_a_head_that_looks_one_back_is_a_previous_token_head():
    """First position looks at itself; positions 1, 2, 3 at 0, 1, 2: only t = 1 sees token 0."""
    found = on_text(looking_at([0, 0, 1, 2]))
    assert found["previous_token"] == 1
    assert found["first_token"] == pytest.approx(1 / 3)
    assert found["entropy"] == found["entropy_normalised"] == 0
    assert found["distance"] == 1


def test_a_head_that_rests_on_the_first_token():
    """Distances 1, 2, 3: mean 2."""
    found = on_text(looking_at([0, 0, 0, 0]))
    assert found["first_token"] == 1
    assert found["previous_token"] == pytest.approx(1 / 3)
    assert found["distance"] == 2


def test_even_attention_has_the_values_that_counting_gives():
    """Queries 1, 2, 3 see 2, 3, 4 tokens: shares 1/2, 1/3, 1/4; distances 1/2, 1, 3/2."""
    found = on_text(evenly(4))
    share = (1 / 2 + 1 / 3 + 1 / 4) / 3
    assert found["previous_token"] == found["first_token"] == pytest.approx(share)
    assert found["entropy"] == pytest.approx((math.log(2) + math.log(3) + math.log(4)) / 3)
    assert found["entropy_normalised"] == pytest.approx(1)
    assert found["distance"] == pytest.approx(1)


def test_an_exact_induction_head_scores_one():
    """A B C A B C: the second A looks at the first B, B at C, C at the token after C."""
    found = on_repeats(looking_at([0, 0, 0, 1, 2, 3]))
    assert found == {"induction": 1, "duplicate_token": 0}


def test_an_exact_duplicate_token_head_scores_one():
    found = on_repeats(looking_at([0, 0, 0, 0, 1, 2]))
    assert found == {"induction": 0, "duplicate_token": 1}


def test_what_the_first_half_does_is_not_asked():
    found = on_repeats(looking_at([0, 1, 2, 1, 2, 3]))
    assert found["induction"] == 1


def test_even_attention_scores_one_over_what_is_visible_on_repeats():
    """Queries 3, 4, 5 see 4, 5, 6 tokens."""
    expected = (1 / 4 + 1 / 5 + 1 / 6) / 3
    found = on_repeats(evenly(6))
    assert found == pytest.approx({"induction": expected, "duplicate_token": expected})


def test_scores_are_averaged_over_the_rows_of_a_batch():
    both = torch.cat([looking_at([0, 0, 0, 1, 2, 3]), looking_at([0, 0, 0, 0, 1, 2])])
    assert on_repeats(both) == {"induction": 0.5, "duplicate_token": 0.5}


def on_positions(*heads_BHTS: Tensor) -> float:
    return measure_position(torch.cat(heads_BHTS)).item()


def test_a_head_that_looks_two_back_in_every_text_is_positional():
    assert on_positions(*[looking_at([0, 0, 0, 1, 2, 3])] * 3) == 1


def test_even_attention_depends_on_position_alone():
    assert on_positions(evenly(6), evenly(6)) == pytest.approx(1)


def test_an_induction_head_follows_the_tokens_and_is_not_positional():
    """A B A B C B asks for 0, 0, 1, 2, 0, 4, and A A B B A B for 0, 1, 0, 3, 2, 4 (0: nothing
    came before). Of the queries 3, 4, 5 the last alone looks at the same place in both."""
    first, other = looking_at([0, 0, 1, 2, 0, 4]), looking_at([0, 1, 0, 3, 2, 4])
    assert on_positions(first, other) == pytest.approx(1 / 3)
    assert on_positions(looking_at([0, 0, 1, 2]), looking_at([0, 0, 2, 1])) == 0


def test_overlap_is_what_two_rows_have_in_common_averaged_over_pairs():
    """Queries 2, 3: the pair shares all and half; either with the third nothing."""
    rows = torch.eye(4)
    one, other, third = rows[[0, 1, 2, 1]], rows[[0, 1, 2, 1]].clone(), rows[[0, 1, 0, 3]]
    other[3] = torch.tensor([0.5, 0.5, 0.0, 0.0])
    expected = ((1 + 0.5) / 2 + 0 + 0) / 3
    assert on_positions(*(t[None, None] for t in (one, other, third))) == pytest.approx(expected)


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(n_layers=2, n_heads=4, n_kv_heads=2, **SIZES))
    with torch.no_grad():
        model.token_embedding.weight.mul_(20)
    return model.eval()


def test_scores_of_a_random_model_lie_within_their_bounds(model):
    ids = [1, 2, 3, 4, 5]
    scores = head_scores(model, ids, eos_id=0)
    assert scores.measures == MEASURES
    assert scores.values_LHM.shape == (2, 4, len(MEASURES))
    for measure in MEASURES:
        highest = {"entropy": math.log(5), "distance": 4}.get(measure, 1)
        assert (scores[measure] >= 0).all() and (scores[measure] <= highest).all()


def test_scores_through_the_model_are_those_of_its_maps(model):
    ids = [3, 1, 4, 1, 5, 9]
    weights_LHTT = attention_maps(model, ids)
    found = text_scores(model, ids)
    for layer in range(2):
        expected_HM = measure_text(torch.from_numpy(weights_LHTT[layer][None]))
        np.testing.assert_allclose(found.values_LHM[layer], expected_HM.numpy(), atol=1e-6)


def test_a_model_without_queries_has_the_scores_of_even_attention():
    model = Transformer(ModelConfig(n_layers=1, n_heads=2, n_kv_heads=1, **SIZES))
    with torch.no_grad():
        model.blocks[0].attention.query.weight.zero_()
    scores = head_scores(model, [1, 2, 3, 4])
    expected = sum(1 / (t + 1) for t in range(6, 12)) / 6
    assert scores["induction"] == pytest.approx(np.full((1, 2), expected))
    assert scores["entropy_normalised"] == pytest.approx(np.ones((1, 2)))
    assert label(scores).tolist() == [["broad", "broad"]]


def test_repeated_random_tokens_are_the_same_for_the_same_seed(model):
    first, again, other = (repetition_scores(model, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.values_LHM, again.values_LHM)
    assert (first.values_LHM != other.values_LHM).any()


def test_labels_take_the_first_rule_that_fits():
    def scores(**given: float) -> HeadScores:
        row = [given.get(measure, 0.0) for measure in MEASURES]
        return HeadScores(MEASURES, np.array([[row]], dtype=np.float32))

    cases = [
        (scores(induction=0.9, first_token=0.8), "induction"),
        (scores(duplicate_token=0.5), "duplicate token"),
        (scores(previous_token=0.7, first_token=0.5), "previous token"),
        (scores(first_token=0.6, induction=0.1), "first token"),
        (scores(entropy_normalised=0.9), "broad"),
        (scores(entropy_normalised=0.9, positional=1.0), "broad"),
        (scores(previous_token=0.7, positional=1.0), "previous token"),
        (scores(entropy_normalised=0.5, positional=0.6), "positional"),
        (scores(entropy_normalised=0.5, previous_token=0.3), "mixed"),
    ]
    assert [str(label(given)[0, 0]) for given, _ in cases] == [name for _, name in cases]


def test_scores_kept_before_a_measure_existed_are_still_named():
    old = HeadScores(("previous_token",), np.array([[[0.7], [0.1]]], dtype=np.float32))
    assert label(old).tolist() == [["previous token", "mixed"]]
    none = HeadScores((), np.zeros((1, 2, 0), dtype=np.float32))
    assert label(none).tolist() == [["mixed", "mixed"]]


def test_a_model_that_cannot_tell_tokens_apart_is_positional():
    """All tokens have one embedding, so that position alone is left to look by."""
    torch.manual_seed(0)
    blind = Transformer(ModelConfig(n_layers=2, n_heads=4, n_kv_heads=2, **SIZES))
    with torch.no_grad():
        blind.token_embedding.weight.copy_(blind.token_embedding.weight[:1].expand(16, -1) * 20)
    np.testing.assert_allclose(position_scores(blind)["positional"], 1, atol=1e-5)


def test_texts_and_contexts_too_small_to_measure_are_refused(model):
    with pytest.raises(DataError, match="longer text"):
        text_scores(model, [1])
    with pytest.raises(DataError, match="do not fit"):
        repetition_scores(model, length=7)
    small = Transformer(ModelConfig(**{**SIZES, "context_length": 3}, n_layers=1))
    with pytest.raises(DataError, match="fit twice"):
        repetition_scores(small)
    assert head_scores(small, [1, 2]).measures == (*TEXT_MEASURES, "positional")
    single = Transformer(ModelConfig(**{**SIZES, "context_length": 1}, n_layers=1))
    with pytest.raises(DataError, match="2 tokens are the least"):
        position_scores(single)


def test_weights_that_are_not_numbers_mean_a_diverged_model():
    broken = Transformer(ModelConfig(n_layers=1, n_heads=1, n_kv_heads=1, **SIZES))
    with torch.no_grad():
        broken.blocks[0].attention.key.weight.fill_(math.nan)
    with pytest.raises(DivergedError, match="Model diverged"):
        head_scores(broken, [1, 2, 3])


def test_how_far_naming_is_grows_to_the_end():
    told: list[float] = []
    model = Transformer(ModelConfig(n_layers=2, n_heads=2, **SIZES)).eval()
    found = standard_scores(model, told=told.append)
    assert told == pytest.approx([0.3, 0.6, 0.8, 1.0])
    assert found.measures == standard_scores(model).measures
