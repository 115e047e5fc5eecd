"""A film of attention while a text is written: the same as reading the whole text at once."""

import numpy as np
import pytest
import torch

from slm.attention.lens import LensConfig, logit_lens
from slm.attention.maps import attention_maps
from slm.errors import DataError, DivergedError
from slm.lab import filmstrip
from slm.lab.filmstrip import FilmConfig, film, film_arrays, frames_that_fit
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling.generate import generate

FAMILIES = {
    "ours": {},
    "gpt2": {"norm": "layernorm", "positions": "learned", "mlp": "gelu", "bias": "all"},
    "grouped": {"qk_norm": False, "n_kv_heads": 2},
    "window": {"window": 3},
    "one": {"n_layers": 1, "n_heads": 1},
}
PROMPT = [3, 1, 4, 1, 5]
GREEDY = FilmConfig(max_new_tokens=6, temperature=0)
SAMPLED = FilmConfig(max_new_tokens=6, temperature=1.2, top_k=10, seed=4)


def random_model(**changed: object) -> Transformer:
    torch.manual_seed(1)
    config = ModelConfig(
        vocab_size=40, d_model=16, d_ff=24, n_layers=2, n_heads=4, context_length=16
    )
    model = Transformer(config.replace(**changed)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("config", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_recorded_with_the_cache_are_those_of_the_whole_text(family, config):
    model = random_model(**FAMILIES[family])
    frames = list(film(model, PROMPT, config))
    ids = [*PROMPT, *(frame.token for frame in frames)]
    weights_LHTT = attention_maps(model, ids)
    lens = logit_lens(model, ids, LensConfig(top=1))
    for at, frame in enumerate(frames):
        last = len(PROMPT) - 1 + at
        np.testing.assert_allclose(
            frame.weights_LHS, weights_LHTT[:, :, last, : last + 1], atol=1e-5
        )
        np.testing.assert_array_equal(frame.depth_ids_N, lens.top_ids_NTK[:, last, 0])
        np.testing.assert_allclose(frame.depth_shares_N, lens.top_shares_NTK[:, last, 0], atol=1e-5)


@pytest.mark.parametrize("config", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_the_tokens_are_those_that_sampling_draws(config):
    model = random_model()
    steps = list(generate(model, PROMPT, config.sampling, config.max_new_tokens, n_top=8))
    for frame, step in zip(film(model, PROMPT, config), steps, strict=True):
        assert (frame.token, frame.rank) == (step.id, step.rank)
        assert frame.drawn_share == pytest.approx(step.probability, abs=1e-5)
        assert frame.own_share == pytest.approx(np.exp(step.logprob), abs=1e-5)
        assert frame.top_ids_K.tolist() == [token for token, _ in step.top]


def test_top_k_shows_in_the_distribution_that_is_drawn_from():
    config = FilmConfig(max_new_tokens=1, temperature=1, top_k=2, top=4)
    (frame,) = film(random_model(), PROMPT, config)
    assert (frame.top_drawn_K[2:] == 0).all() and frame.top_drawn_K.sum() == pytest.approx(1)
    assert (np.diff(frame.top_own_K) <= 0).all()


def test_the_end_of_the_text_ends_the_film():
    model = random_model()
    first = next(film(model, PROMPT, GREEDY)).token
    (frame,) = film(model, PROMPT, GREEDY, eos_id=first)
    assert frame.ends and frame.token == first


def test_the_context_and_the_size_of_a_film_limit_its_frames(monkeypatch: pytest.MonkeyPatch):
    """8 heads: the first frame of a prompt of 5 has 40 weights, the second 48, the third 56."""
    config = random_model().config
    assert frames_that_fit(config, 5, 100) == 11
    monkeypatch.setattr(filmstrip, "MOST_WEIGHTS", 40 + 48)
    assert frames_that_fit(config, 5, 100) == 2
    monkeypatch.setattr(filmstrip, "MOST_WEIGHTS", 39)
    with pytest.raises(DataError, match="Shorten the prompt"):
        film(random_model(), PROMPT)


def test_a_prompt_that_fills_the_context_is_told_at_once():
    with pytest.raises(DataError, match="no room for a frame"):
        film(random_model(), [1] * 16)
    with pytest.raises(DataError, match="empty"):
        film(random_model(), [])


def test_a_model_whose_weights_are_no_numbers_is_said_to_have_diverged():
    model = random_model()
    with torch.no_grad():
        model.blocks[1].attention.key.weight.fill_(float("nan"))
    with pytest.raises(DivergedError):
        list(film(model, PROMPT, GREEDY))


def test_a_file_holds_every_row_padded_with_zeros():
    frames = list(film(random_model(), PROMPT, FilmConfig(max_new_tokens=3, temperature=0)))
    arrays = film_arrays(PROMPT, frames)
    assert arrays["weights"].shape == (3, 2, 4, 7)
    np.testing.assert_allclose(arrays["weights"].sum(-1), 1, atol=1e-5)
    assert (arrays["weights"][0, :, :, 5:] == 0).all()
    assert arrays["ids"].tolist() == [*PROMPT, *(frame.token for frame in frames)]
