"""The model taken apart: shapes and numbers are those of the real model."""

import inspect

import pytest
import torch

from slm.errors import DataError
from slm.model.anatomy import CODE, values_of, weight_matrix
from slm.model.config import ModelConfig, parameter_counts
from slm.model.parts import PARTS, heads_of, parts_of, shape_of, weights_of
from slm.model.transformer import Transformer

TINY = ModelConfig(vocab_size=40, context_length=16, n_layers=2, n_heads=4, d_model=16, d_ff=24)
GPT = TINY.replace(norm="layernorm", positions="learned", mlp="gelu", bias="all", qk_norm=False)
SHAPES = [
    TINY,
    TINY.replace(n_kv_heads=2, window=3),
    TINY.replace(n_kv_heads=1, d_head=10, tie_embeddings=False),
    GPT,
]
IDS = [3, 1, 4, 1, 5]


@pytest.fixture(scope="module", params=range(len(SHAPES)))
def model(request):
    torch.manual_seed(0)
    return Transformer(SHAPES[request.param]).eval()


def test_what_leaves_each_part_has_the_shape_that_is_drawn(model):
    for part in parts_of(model.config):
        shape = shape_of(model.config, part, len(IDS))
        if part.heads is not None:
            assert shape[0] == heads_of(model.config, part)
            shape = shape[1:]
        values = values_of(model, IDS, part, layer=1, head=0)
        assert tuple(values.shape) == shape, part.name


def test_all_weights_together_are_the_whole_model(model):
    """Tied embeddings are read twice, by the first part and by the last."""
    config = model.config
    found = {}
    for part in parts_of(config):
        for layer in range(config.n_layers if part.in_block else 1):
            found |= weights_of(config, part, layer)
    assert set(found) == set(model.state_dict())
    assert sum(torch.Size(s).numel() for s in found.values()) == sum(
        parameter_counts(config).values()
    )


def test_parts_chain_into_the_model(model):
    """Adding what leaves both branches to the stream is the stream that enters the next block."""

    def get(name, layer=0):
        return values_of(model, IDS, PARTS[name], layer)

    torch.testing.assert_close(get("stream") + get("attention_output"), get("attention_add"))
    torch.testing.assert_close(get("attention_add") + get("down"), get("mlp_add"))
    torch.testing.assert_close(get("mlp_add"), get("stream", layer=1))
    torch.testing.assert_close(get("weights").nansum(-1), torch.ones(len(IDS)))
    if model.config.mlp == "swiglu":
        gated = torch.nn.functional.silu(get("gate")) * get("up")
        torch.testing.assert_close(gated, get("hidden"))
    with torch.no_grad():
        torch.testing.assert_close(get("logits"), model(torch.tensor([IDS]))[0])


def test_scores_of_later_positions_are_not_there():
    torch.manual_seed(0)
    scores = values_of(Transformer(TINY).eval(), IDS, PARTS["scores"])
    assert scores.isnan().sum() == 4 + 3 + 2 + 1
    windowed = values_of(Transformer(TINY.replace(window=2)).eval(), IDS, PARTS["scores"])
    assert (~windowed.isnan()).sum() == 1 + 2 + 2 + 2 + 2


def test_queries_before_rotation_become_queries_after_it():
    """At position 0 nothing is turned: with no query/key norm both are the same."""
    torch.manual_seed(0)
    model = Transformer(TINY.replace(qk_norm=False)).eval()
    raw, ready = (values_of(model, IDS, PARTS[name], head=2) for name in ("query", "query_ready"))
    torch.testing.assert_close(raw[0], ready[0])
    assert not torch.allclose(raw[1], ready[1])
    torch.testing.assert_close(raw.norm(dim=-1), ready.norm(dim=-1))  # turning keeps the length


def test_a_head_has_rows_of_the_queries_and_columns_of_the_output():
    torch.manual_seed(0)
    model = Transformer(GPT).eval()
    query = weight_matrix(model, "blocks.1.attention.query.weight", PARTS["query"], head=3)
    assert torch.equal(query, model.blocks[1].attention.query.weight[12:16])
    bias = weight_matrix(model, "blocks.1.attention.query.bias", PARTS["query"], head=3)
    assert tuple(bias.shape) == (1, 4)
    output = weight_matrix(
        model, "blocks.0.attention.output.weight", PARTS["attention_output"], head=0
    )
    assert torch.equal(output, model.blocks[0].attention.output.weight[:, :4])


def test_every_part_shows_code_that_exists():
    assert set(CODE) == set(PARTS)
    for functions in CODE.values():
        assert functions and all(inspect.getsource(each).strip() for each in functions)


@pytest.mark.parametrize(("ids", "words"), [([], "empty"), ([99], "vocabulary")])
def test_what_cannot_be_read_is_a_sentence(ids, words):
    with pytest.raises(DataError, match=words):
        values_of(Transformer(TINY), ids, PARTS["stream"])
