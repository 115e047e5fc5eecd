"""One cell of an attention map: by hand, and beside the model itself."""

import numpy as np
import pytest
import torch

from slm.attention.cells import HeadVectors, head_vectors
from slm.attention.maps import attention_maps
from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.model.walk import take_walk

FAMILIES = {
    "ours": {},
    "gpt2": {"norm": "layernorm", "positions": "learned", "mlp": "gelu", "bias": "all"},
    "grouped": {"qk_norm": False, "n_kv_heads": 2, "tie_embeddings": False},
    "window": {"window": 3},
    "one": {"n_layers": 1, "n_heads": 1, "layer": 0, "head": 0},
}
IDS = [3, 1, 4, 1, 5, 9, 2, 6]


def random_model(**changed: object) -> Transformer:
    torch.manual_seed(1)
    config = ModelConfig(
        vocab_size=40, d_model=16, d_ff=24, n_layers=2, n_heads=4, context_length=512
    )
    return Transformer(config.replace(**changed)).eval()


def by_hand(*, window: int | None = None) -> HeadVectors:
    """Two numbers a head: the query (2, 1) on keys (1, 0), (0, 1), (1, 1), values in the open."""
    key_SK = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    query_TK = np.array([[0, 0], [2, 1], [2, 1]], dtype=np.float32)
    value_SK = np.array([[10, 0], [0, 10], [5, 5]], dtype=np.float32)
    config = ModelConfig(n_layers=1, n_heads=1, d_model=2, window=window)
    return HeadVectors(
        config, 0, 0, 0, query_TK, key_SK, None, None, query_TK, key_SK, value_SK, value_SK
    )


def test_a_score_is_the_sum_of_its_products_over_the_root_of_the_width():
    """(2, 1) · (1, 1) = 2 + 1, over √2: 2.1213."""
    vectors = by_hand()
    np.testing.assert_array_equal(vectors.products_K(2, 2), [2, 1])
    assert vectors.row(2).scores_S[2] == pytest.approx(3 / 2**0.5)


def test_a_row_becomes_shares_of_what_may_be_seen():
    """Query 1 sees keys 0 and 1 with scores √2 and 1/√2: e to the difference is 2.0281."""
    row = by_hand().row(1)
    assert row.visible_S.tolist() == [True, True, False]
    np.testing.assert_allclose(row.weights_S, [2.0281 / 3.0281, 1 / 3.0281, 0], atol=1e-4)
    assert (row.strongest, row.rank(0), row.rank(1), row.seen) == (0, 1, 2, 2)
    own, total = row.exponentials(1)
    assert own / total == pytest.approx(float(row.weights_S[1]), rel=1e-6)
    assert row.exponentials(2)[0] == 0


def test_the_window_hides_what_lies_too_far_back():
    assert by_hand(window=2).row(2).visible_S.tolist() == [False, True, True]


def test_values_told_one_by_one_and_the_rest_are_the_whole_mixture():
    """One part told: 0.6698 of (10, 0); the rest is 0.3302 of (0, 10)."""
    vectors = by_hand()
    mixture = vectors.mixture(vectors.row(1), most=1)
    assert mixture.keys_R.tolist() == [0]
    np.testing.assert_allclose(mixture.parts_RK, [[6.698, 0]], atol=1e-2)
    np.testing.assert_allclose(mixture.rest_K, [0, 3.302], atol=1e-2)
    assert mixture.rest_weight == pytest.approx(0.3302, abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_told_of_a_head_is_what_the_model_did(family):
    settings = {"layer": 1, "head": 3} | FAMILIES[family]
    layer, head = settings.pop("layer"), settings.pop("head")
    model = random_model(**settings)
    vectors = head_vectors(model, IDS, layer, head)
    weights_TT = attention_maps(model, IDS, [layer], [head])[0, 0]
    for query in range(len(IDS)):
        row = vectors.row(query)
        np.testing.assert_allclose(row.weights_S, weights_TT[query], atol=1e-6)
        products_K = vectors.products_K(query, 0)
        expected = products_K.sum() / products_K.size**0.5
        assert row.scores_S[0] == pytest.approx(expected, abs=1e-5)
        mixture = vectors.mixture(row, most=2)
        together_K = mixture.parts_RK.sum(axis=0) + mixture.rest_K
        np.testing.assert_allclose(together_K, mixture.head_out_K, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_vectors_are_those_of_the_walk(family):
    settings = {"layer": 1, "head": 3} | FAMILIES[family]
    layer, head = settings.pop("layer"), settings.pop("head")
    model = random_model(**settings)
    vectors, block = head_vectors(model, IDS, layer, head), take_walk(model, IDS, layer).block
    assert vectors.group == block.group_of(head)
    pairs = [
        (vectors.projected_query_TK, block.projected_query_HTK[head]),
        (vectors.projected_key_SK, block.projected_key_GTK[vectors.group]),
        (vectors.query_TK, block.query_HTK[head]),
        (vectors.key_SK, block.key_GTK[vectors.group]),
    ]
    if block.even_query_HTK is not None and block.even_key_GTK is not None:
        pairs.append((vectors.even_query_TK, block.even_query_HTK[head]))
        pairs.append((vectors.even_key_SK, block.even_key_GTK[vectors.group]))
    else:
        assert vectors.even_query_TK is None and vectors.even_key_SK is None
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    angles_P = vectors.angles_P(5)
    if block.angles_TP is None:
        assert angles_P is None
    else:
        np.testing.assert_allclose(angles_P, block.angles_TP[5], rtol=1e-6)


def test_a_text_of_a_whole_context_has_its_cells_too():
    model = random_model()
    ids = np.random.default_rng(0).integers(0, 40, 512)
    row = head_vectors(model, ids, 1, 2).row(511)
    assert row.weights_S.sum() == pytest.approx(1, abs=1e-5)
    assert row.seen == 512


@pytest.mark.parametrize(("layer", "head"), [(2, 0), (0, 4), (-1, 0)])
def test_a_head_that_the_model_lacks_is_named(layer, head):
    with pytest.raises(DataError, match="this model has 0 to"):
        head_vectors(random_model(), IDS, layer, head)


def test_a_position_that_there_is_not_is_named():
    vectors = by_hand()
    for ask in (lambda: vectors.row(3), lambda: vectors.products_K(0, -1)):
        with pytest.raises(DataError, match="the text has 0 to 2"):
            ask()


def test_weights_that_are_no_numbers_are_said_to_have_diverged():
    model = random_model()
    with torch.no_grad():
        model.blocks[0].attention.query.weight.fill_(float("nan"))
    with pytest.raises(DivergedError, match="queries, keys or values"):
        head_vectors(model, IDS, 0, 0)
