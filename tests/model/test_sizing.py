"""The dial: one number becomes a shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import ConfigError
from slm.model.config import PRESETS, parameter_counts
from slm.model.sizing import LARGEST, SMALLEST, parse_size, shape_for, sizes, smallest_size

VOCABULARIES = st.sampled_from([None, 512, 1024, 4096, 16_384, 50_257, 151_936])


def size_of(config):
    return sum(parameter_counts(config).values())


@st.composite
def asked(draw):
    vocab_size = draw(VOCABULARIES)
    least = SMALLEST if vocab_size is None else max(SMALLEST, smallest_size(vocab_size))
    power = draw(st.floats(0.0, 1.0))
    return vocab_size, round(least * (LARGEST / least) ** power)


@given(asked())
def test_the_shape_has_about_as_many_parameters_as_were_asked_for(case):
    vocab_size, parameters = case
    shape = shape_for(parameters, vocab_size=vocab_size)
    assert size_of(shape) == pytest.approx(parameters, rel=0.05)
    assert vocab_size in {None, shape.vocab_size}


@given(asked(), st.floats(1.0, 3.0))
def test_more_wanted_never_gives_fewer(case, factor):
    vocab_size, parameters = case
    more = min(LARGEST, round(parameters * factor))
    small, large = (shape_for(n, vocab_size=vocab_size) for n in (parameters, more))
    assert size_of(small) <= size_of(large)
    if vocab_size is not None:
        assert small.n_layers <= large.n_layers and small.d_model <= large.d_model


@given(asked())
def test_shapes_are_such_as_people_train(case):
    shape = shape_for(case[1], vocab_size=case[0])
    assert shape.d_model % (64 if shape.d_model >= 512 else 8) == 0
    assert shape.head_width in {32, 64, 128}
    assert 1.5 <= shape.d_ff / shape.d_model <= 4 and shape.d_ff % 8 == 0
    assert shape.n_heads * shape.head_width == pytest.approx(shape.d_model, rel=0.34)
    assert shape.n_heads % shape.kv_heads == 0
    assert 2 <= shape.n_layers <= 40


def test_the_rule_passes_near_the_published_shapes_it_was_laid_through():
    """GPT-2: 12 blocks of 768. TinyLlama: 22 of 2,048. Phi-3 Mini is beyond the dial."""
    gpt2 = shape_for(124_000_000, vocab_size=50_257)
    assert (gpt2.n_layers, gpt2.head_width) == (12, 64)
    assert gpt2.d_model == pytest.approx(768, rel=0.1)
    llama = shape_for(size_of(PRESETS["tinyllama-1.1b"]), vocab_size=32_000)
    assert llama.n_layers == pytest.approx(22, abs=2)
    assert llama.d_model == pytest.approx(2048, rel=0.06)


def test_a_vocabulary_that_leaves_no_room_is_a_sentence():
    with pytest.raises(ConfigError, match=r"vocabulary of 50,257 .* Ask for more"):
        shape_for(1_000_000, vocab_size=50_257)


@pytest.mark.parametrize("parameters", [99_999, 3_000_000_001])
def test_the_dial_has_ends(parameters):
    with pytest.raises(ConfigError, match="choose from 100,000 to 3,000,000,000"):
        shape_for(parameters)


@pytest.mark.parametrize("text", ["", "big", "10x", "M", "1e400", "nan", "inf"])
def test_what_is_no_size_is_a_sentence(text):
    with pytest.raises(ConfigError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize("vocab_size", [None, 1024, 50_257])
def test_every_place_of_the_dial_has_a_shape(vocab_size):
    places = sizes(vocab_size=vocab_size)
    assert list(places) == sorted(set(places)) and len(places) > 50
    assert places[-1] == LARGEST
    for parameters in places[::6]:
        assert size_of(shape_for(parameters, vocab_size=vocab_size)) == pytest.approx(
            parameters, rel=0.05
        )
