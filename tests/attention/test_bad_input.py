"""Whatever looks into a model bears the smallest models, odd texts, and weights that are NaN."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from slm.attention.attribution import attribute_logit
from slm.attention.cells import head_vectors
from slm.attention.heads import head_scores, label, text_scores
from slm.attention.history import read_text
from slm.attention.lens import logit_lens
from slm.attention.maps import attention_maps
from slm.attention.patching import make_contrast
from slm.attention.survey import survey
from slm.errors import DataError, DivergedError, NoMemoryError, SlmError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer

SMALL = {"vocab_size": 300, "d_model": 8, "d_ff": 16, "context_length": 12}
IDS = [3, 1, 4, 1, 5]
LOOKS: dict[str, Callable[[Transformer, list[int]], object]] = {
    "maps": attention_maps,
    "scores": head_scores,
    "survey": survey,
    "vectors": lambda model, ids: head_vectors(model, ids, model.config.n_layers - 1, 0),
    "lens": logit_lens,
    "attribution": lambda model, ids: attribute_logit(model, ids, len(ids) - 1, 7),
    "reading": read_text,
    "patching": lambda model, ids: make_contrast(model, ids, [*ids[:-1], 9]),
}


def model_of(**settings: object) -> Transformer:
    torch.manual_seed(0)
    return Transformer(ModelConfig.from_json({**SMALL, **settings})).eval()


SMALLEST = {
    "one layer, one head": {"n_layers": 1, "n_heads": 1, "n_kv_heads": 1},
    "many heads, one key-value head": {"n_layers": 1, "n_heads": 4, "n_kv_heads": 1},
    "GPT-2 of one head": {
        **{"n_layers": 1, "n_heads": 1, "n_kv_heads": 1, "norm": "layernorm", "qk_norm": False},
        **{"positions": "learned", "mlp": "gelu", "bias": "all"},
    },
    "a context of the text's length": {"n_layers": 2, "n_heads": 2, "context_length": 5},
}


@pytest.mark.parametrize("settings", SMALLEST.values(), ids=SMALLEST)
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_the_smallest_models_can_be_looked_into(look, settings):
    look(model_of(**settings), IDS)


@pytest.mark.parametrize("where", ["attention.value", "mlp.down", "attention_norm"])
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_weights_that_are_no_numbers_are_told_in_words(look, where):
    model = model_of(n_layers=2, n_heads=2)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.startswith("blocks.0.") and where in name:
                weights.fill_(math.nan)
    with pytest.raises(DivergedError, match="earlier checkpoint"):
        look(model, IDS)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("ids", [[], [1] * 13, [1, 300], [1, -1]], ids=str)
def test_texts_that_a_model_cannot_read_are_told_in_words(look, ids):
    with pytest.raises(SlmError):
        look(model_of(n_layers=1, n_heads=2), ids)


def test_one_token_has_a_map_and_no_scores():
    model = model_of(n_layers=1, n_heads=2)
    assert attention_maps(model, [7]).tolist() == [[[[1.0]], [[1.0]]]]
    with pytest.raises(DataError, match="One token"):
        text_scores(model, [7])


@pytest.mark.parametrize("text", ["\x00\x01\x02", "\ud800\udfff", "🙂‍🙂", "\u202ecd"])
def test_texts_of_bytes_that_no_merge_knows_are_read_byte_by_byte(text):
    tokenizer = Tokenizer.train(["abab " * 20], vocab_size=258)
    model = model_of(n_layers=1, n_heads=2, context_length=32)
    ids = tokenizer.encode(text)
    assert ids and all(len(tokenizer.token_bytes(token)) == 1 for token in ids)
    np.testing.assert_allclose(attention_maps(model, ids).sum(-1), 1, atol=1e-6)
    assert label(text_scores(model, ids)).shape == (1, 2)


def test_characters_that_a_vocabulary_lacks_leave_something_to_look_at():
    tokenizer = CharacterTokenizer.train(["abc"])
    ids = tokenizer.encode("zzz")
    model = model_of(n_layers=1, n_heads=1, n_kv_heads=1)
    if ids:
        attention_maps(model, ids)
    else:
        with pytest.raises(DataError, match="empty"):
            attention_maps(model, ids)


def test_maps_that_do_not_fit_are_refused_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr("slm.attention.maps.available_memory", lambda: 10**8)
    model = model_of(n_layers=2, n_heads=4, context_length=4_000)
    with pytest.raises(NoMemoryError, match=r"weights of 4,000 tokens take 1\.5 GB"):
        attention_maps(model, [1] * 4_000)
    assert attention_maps(model, [1] * 30).shape == (2, 4, 30, 30)
