"""A painted text: each token with its surprise, its rank and what was expected."""

import math

import numpy as np
import pytest
import torch

from slm.errors import DataError
from slm.evaluation.perplexity import token_losses
from slm.evaluation.text_score import score_text
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

SIZES = {"n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "d_model": 16, "d_ff": 32}


class ByteTokenizer:
    """A token for each byte; with eos_id 256 when asked."""

    def __init__(self, with_end: bool = True) -> None:
        self.eos_id = 256 if with_end else None
        self.vocab_size = 257 if with_end else 256

    def encode_with_spans(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        ids = list(text.encode())
        return ids, [(n, n + 1) for n in range(len(ids))]

    def token_bytes(self, token_id: int) -> bytes:
        return b"<end>" if token_id == 256 else bytes([token_id])


@pytest.fixture(scope="module")
def model() -> Transformer:
    """Its vocabulary is padded beyond the tokenizer's, as published models' are."""
    torch.manual_seed(0)
    model = Transformer(ModelConfig(context_length=8, vocab_size=260, **SIZES))
    with torch.no_grad():
        model.token_embedding.weight.mul_(20)
    return model.eval()


def test_every_token_is_scored_as_if_a_document_began_there(model):
    text = "tell me a tale"
    found = score_text(model, ByteTokenizer(), text)
    nats = token_losses(model, [256, *text.encode()], stride=4)[1:]
    assert [token.nats for token in found.tokens] == pytest.approx(nats.tolist(), abs=1e-5)
    assert "".join(token.text for token in found.tokens) == text
    assert found.total.tokens == len(text) == found.total.n_bytes
    assert found.total.bits_per_byte == pytest.approx(float(nats.mean()) / math.log(2), abs=1e-5)


def test_without_an_end_token_the_first_one_is_not_scored(model):
    found = score_text(model, ByteTokenizer(with_end=False), "abc")
    first, *others = found.tokens
    assert (first.text, first.nats, first.rank, first.expected) == ("a", None, None, ())
    assert all(token.nats is not None for token in others)
    assert found.total.tokens == 2 == found.total.n_bytes


def test_rank_and_expectation_agree_with_the_models_distribution(model):
    found = score_text(model, ByteTokenizer(), "abc", n_expected=3)
    with torch.inference_mode():
        p_V = model(torch.tensor([[256, 97, 98]]))[0, -1].softmax(-1).numpy()
    last = found.tokens[-1]
    order = np.argsort(-p_V)
    assert last.rank == 1 + list(order).index(ord("c"))
    assert last.probability == pytest.approx(p_V[ord("c")], abs=1e-6)
    assert [guess.id for guess in last.expected] == order[:3].tolist()
    assert [guess.probability for guess in last.expected] == pytest.approx(p_V[order[:3]], abs=1e-6)


def test_an_id_beyond_the_tokenizer_is_shown_by_its_number(model):
    found = score_text(model, ByteTokenizer(), "ab", n_expected=260)
    shown = {guess.id: guess.text for guess in found.tokens[0].expected}
    assert shown[259] == "<259>" and shown[97] == "a"


def test_bytes_that_are_no_whole_character_are_shown_as_such(model):
    found = score_text(model, ByteTokenizer(), "é")
    assert [token.text for token in found.tokens] == ["�", "�"]
    assert [token.byte_span for token in found.tokens] == [(0, 1), (1, 2)]


def test_no_text_and_a_lone_first_token_are_refused(model):
    with pytest.raises(DataError, match="text is empty"):
        score_text(model, ByteTokenizer(), "")
    with pytest.raises(DataError, match="at least two"):
        score_text(model, ByteTokenizer(with_end=False), "a")
