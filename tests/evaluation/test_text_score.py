"""A painted text: each token with its surprise, its rank and what was expected."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import DataError
from slm.evaluation.perplexity import Perplexity, token_losses
from slm.evaluation.text_score import TextScore, TokenScore, compare_scores, score_text
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


def cut(*pieces: tuple[str, float | None]) -> TextScore:
    """A score of a text in these pieces."""
    tokens, at = [], 0
    for n, (text, nats) in enumerate(pieces):
        end = at + len(text.encode())
        tokens.append(TokenScore(n, text, (at, end), nats, None, None, ()))
        at = end
    known = [nats for _, nats in pieces if nats is not None]
    return TextScore(tuple(tokens), Perplexity.of(nats=sum(known), tokens=max(1, len(known))))


def test_with_the_same_tokens_two_models_are_compared_token_by_token():
    found = compare_scores(cut(("a", 1.0), ("b", 2.0)), cut(("a", 0.5), ("b", 3.0)))
    assert [piece.more for piece in found] == [0.5, -1.0]
    assert [piece.byte_span for piece in found] == [(0, 1), (1, 2)]


def test_with_different_tokens_a_piece_ends_where_both_end():
    """un|happy| dog beside unh|appy| do|g: "unhappy" is one piece, " dog" the other."""
    one = cut(("un", 1.0), ("happy", 2.0), (" dog", 4.0))
    other = cut(("unh", 0.5), ("appy", 0.5), (" do", 1.0), ("g", 1.0))
    found = compare_scores(one, other)
    assert [(piece.byte_span, piece.more) for piece in found] == [((0, 7), 2.0), ((7, 11), 2.0)]
    assert found[0].tokens == range(0, 2) and found[1].other_tokens == range(2, 4)


def test_a_piece_that_one_model_did_not_predict_has_no_difference():
    found = compare_scores(cut(("a", None), ("b", 2.0)), cut(("a", 0.5), ("b", 3.0)))
    assert [piece.more for piece in found] == [None, -1.0]


@given(
    text=st.text(st.sampled_from("abé日"), min_size=1, max_size=12),
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_pieces_cover_the_text_and_all_surprise(text: str, seeds: tuple[int, int]):
    scores = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        edges = sorted({0, len(text), *rng.integers(0, len(text) + 1, 3).tolist()})
        pieces = [(text[a:b], float(rng.uniform(0, 5))) for a, b in pairwise(edges)]
        if rng.random() < 0.5:  # some tokenizers give a token that stands for no bytes
            pieces.insert(int(rng.integers(len(pieces) + 1)), ("", 0.25))
        scores.append(cut(*pieces))
    found = compare_scores(*scores)
    spans = [piece.byte_span for piece in found]
    assert spans[0][0] == 0 and spans[-1][1] == len(text.encode())
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    for which, score in enumerate(scores):
        nats = [(piece.nats, piece.other_nats)[which] for piece in found]
        assert sum(nats) == pytest.approx(sum(token.nats for token in score.tokens))
