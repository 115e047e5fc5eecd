"""Patching: a model whose one head carries all, and what must come back at every place."""

import numpy as np
import pytest
import torch
from torch import Tensor

from slm.attention.patching import (
    SITES,
    Contrast,
    Sweep,
    aligned,
    make_contrast,
    patched_logits,
    sweep,
)
from slm.errors import DataError, DivergedError
from slm.jobs import silent
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

A, B, X = 0, 1, 2
"""Tokens of the hand-built model; it answers with the one that the text began with."""


@pytest.fixture()
def copying() -> Transformer:
    """Two blocks of two heads. Head 1 of block 0 attends evenly and copies what a token is.

    All other heads and the feed-forward parts add nothing. Token n is unit vector n; what the
    head copies lands 4 further on, where the unembedding reads it.
    """
    config = ModelConfig(
        vocab_size=4, d_model=8, d_ff=8, n_layers=2, n_heads=2, d_head=4, context_length=8,
        qk_norm=False, tie_embeddings=False,
    )  # fmt: skip
    model = Transformer(config).eval()
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


def random_model(**changed: object) -> Transformer:
    torch.manual_seed(3)
    config = ModelConfig(
        vocab_size=30, d_model=16, d_ff=24, n_layers=3, n_heads=4, context_length=10
    )
    model = Transformer(config.replace(**changed)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def contrast_of(model: Transformer) -> Contrast:
    return make_contrast(model, [5, 6, 7, 8, 9], [5, 6, 17, 8, 9])


def test_the_usual_answers_are_what_each_text_makes_likeliest(copying: Transformer):
    contrast = make_contrast(copying, [A, X], [B, X])
    assert (contrast.answer, contrast.rival) == (A, B)
    assert contrast.clean == pytest.approx(-contrast.corrupted)
    assert contrast.clean > 0 and contrast.first_difference == 0


def test_where_both_texts_agree_the_answers_are_those_that_change_most():
    """Logits 3 1 0 and 3 0 1: the first token leads in both, the others change places."""
    from slm.attention.patching import _usual_answers

    assert _usual_answers(torch.tensor([[3.0, 1.0, 0.0], [3.0, 0.0, 1.0]])) == (1, 2)


def test_one_head_that_carries_all_recovers_all_and_the_others_nothing(copying: Transformer):
    found = sweep(copying, make_contrast(copying, [A, X], [B, X]), "head_out")
    np.testing.assert_allclose(found.recovery_LP, [[0, 1], [0, 0]], atol=1e-5)


def test_what_matters_moves_from_the_first_position_to_the_last(copying: Transformer):
    """Before block 0 it stands at position 0; after it, what the head copied, at position 1."""
    contrast = make_contrast(copying, [A, X], [B, X])
    stream = sweep(copying, contrast, "resid_pre").recovery_LP
    attention = sweep(copying, contrast, "attn_out").recovery_LP
    feed_forward = sweep(copying, contrast, "mlp_out").recovery_LP
    np.testing.assert_allclose(stream, [[1, 0], [0, 1]], atol=1e-5)
    np.testing.assert_allclose(attention, [[0, 1], [0, 0]], atol=1e-5)
    np.testing.assert_allclose(feed_forward, np.zeros((2, 2)), atol=1e-5)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_whole_stream_recovers_everything_and_no_place_nothing(layer: int):
    model = random_model()
    contrast = contrast_of(model)
    everywhere = patched_logits(model, contrast, "resid_pre", layer, range(5))
    np.testing.assert_allclose(everywhere, contrast.clean_logits_V, atol=1e-5)
    nowhere = patched_logits(model, contrast, "resid_pre", layer, [])
    np.testing.assert_allclose(nowhere, contrast.corrupted_logits_V, atol=1e-5)
    assert contrast.recovery(np.array([contrast.clean, contrast.corrupted])).tolist() == [1, 0]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(
    "family",
    [{}, {"norm": "layernorm", "positions": "learned", "mlp": "gelu", "bias": "all"},
     {"n_kv_heads": 2, "window": 3}],
    ids=["ours", "gpt2", "grouped"],
)  # fmt: skip
def test_a_sweep_in_slices_gives_what_one_patch_at_a_time_gives(site, family, monkeypatch):
    from slm.attention import sweeping

    monkeypatch.setattr(sweeping, "ROWS", 2)
    model = random_model(**family)
    contrast = contrast_of(model)
    found = sweep(model, contrast, site).ahead_LP
    one_by_one = [
        [contrast.ahead(patched_logits(model, contrast, site, layer, [place])) for place in row]
        for layer, row in enumerate([range(found.shape[1])] * 3)
    ]
    np.testing.assert_allclose(found, one_by_one, atol=2e-5)


def test_positions_before_the_first_difference_recover_nothing():
    model = random_model()
    contrast = contrast_of(model)
    assert contrast.first_difference == 2
    for site in ("resid_pre", "attn_out", "mlp_out"):
        assert (sweep(model, contrast, site).recovery_LP[:, :2] == 0).all()


def test_a_sweep_can_be_stopped_and_gone_on_with():
    class Stop:
        def should_stop(self) -> bool:
            return True

        def __getattr__(self, name: str):
            return getattr(silent, name)

    model = random_model()
    work = sweep(model, contrast_of(model), "head_out", Stop())
    assert work.fraction == 0 and np.isnan(work.recovery_LP).all()
    work.advance()
    assert work.fraction == pytest.approx(3 / 6)  # block 0 of three runs all three of 3 + 2 + 1
    assert np.isfinite(work.recovery_LP[0]).all() and np.isnan(work.recovery_LP[1:]).all()
    while not work.finished:
        work.advance()
    work.advance()  # nothing more to do
    assert work.fraction == 1 and np.isfinite(work.recovery_LP).all()


def test_texts_of_different_length_are_told_apart_and_can_be_aligned():
    with pytest.raises(DataError, match="clean text has 3 tokens and the corrupted one 2"):
        aligned([1, 2, 3], [8, 9])
    assert aligned([1, 2, 3], [8, 9], "end") == ((2, 3), (8, 9))
    assert aligned([1, 2, 3], [8, 9], "start") == ((1, 2), (8, 9))
    with pytest.raises(DataError, match="empty"):
        aligned([], [1], "end")


def test_what_cannot_be_patched_is_said(copying: Transformer):
    with pytest.raises(DataError, match="same, so there is nothing"):
        make_contrast(copying, [A, X], [A, X])
    with pytest.raises(DataError, match="favour these two answers equally"):
        make_contrast(copying, [A, X], [B, X], answer=X, rival=3)
    with pytest.raises(DataError, match="same token"):
        make_contrast(copying, [A, X], [B, X], answer=X, rival=X)
    with pytest.raises(DataError, match="outside the vocabulary"):
        make_contrast(copying, [A, X], [B, X], answer=4)
    contrast = make_contrast(copying, [A, X], [B, X])
    with pytest.raises(DataError, match="no head 2"):
        patched_logits(copying, contrast, "head_out", 0, [2])
    with pytest.raises(DataError, match="no layer 2"):
        patched_logits(copying, contrast, "resid_pre", 2, [0])


def test_a_model_without_numbers_is_said(copying: Transformer):
    with torch.no_grad():
        copying.unembedding.weight.fill_(torch.nan)
    with pytest.raises(DivergedError):
        make_contrast(copying, [A, X], [B, X])


def test_the_clean_reading_is_put_in_and_nothing_else():
    """A model of one layer, one head and texts of one token: everything passes there."""
    model = random_model(n_layers=1, n_heads=1)
    contrast = make_contrast(model, [3], [4])
    work = Sweep(model, contrast, "resid_pre")
    work.advance()
    assert work.finished
    np.testing.assert_allclose(work.recovery_LP, [[1]], atol=1e-5)


def logits(model: Transformer, ids: list[int]) -> Tensor:
    with torch.inference_mode():
        return model(torch.tensor([ids]))[0, -1]


def test_a_contrast_keeps_the_logits_that_the_model_gives():
    model = random_model()
    contrast = contrast_of(model)
    np.testing.assert_allclose(contrast.clean_logits_V, logits(model, [5, 6, 7, 8, 9]), atol=1e-5)
    np.testing.assert_allclose(
        contrast.corrupted_logits_V, logits(model, [5, 6, 17, 8, 9]), atol=1e-5
    )
