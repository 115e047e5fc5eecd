"""Constrained decoding: what may come next, worked out by hand and by trying every text."""

import json
import re
from itertools import product

import jsonschema
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.errors import ConfigError, DataError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling.config import SamplingConfig
from slm.sampling.constraint import constraint_for
from slm.sampling.engine import Engine
from slm.sampling.filters import next_token_distribution
from slm.sampling.generate import generate
from slm.sampling.methods import WritingConfig, constrained, write
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer

LETTERS = CharacterTokenizer.train(["abc"])
"""Ids: a 0, b 1, c 2, unknown 3, end of text 4."""
A, B, C, UNKNOWN, END = range(5)
BYTES = Tokenizer.train(["once upon a time there was a little cat"] * 4, vocab_size=280)
ANIMAL = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "kind": {"enum": ["cat", "dog"]},
        "age": {"type": "integer", "minimum": 0, "maximum": 30},
        "friends": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
    },
    "required": ["name", "kind", "age", "friends"],
    "additionalProperties": False,
}


def model_for(vocab_size: int) -> Transformer:
    """Two layers whose random weights prefer something."""
    torch.manual_seed(1)
    shape = ModelConfig(
        vocab_size=vocab_size, context_length=32, n_layers=2, n_heads=2, d_model=16, d_ff=32
    )
    model = Transformer(shape).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(4 if weights.ndim > 1 else 1)
    return model


@pytest.fixture(scope="module")
def model() -> Transformer:
    return model_for(BYTES.vocab_size)


def may_follow(regex: str, *written: int, eos_id: int | None = END) -> set[int]:
    constraint = constraint_for(LETTERS, 5, regex=regex, eos_id=eos_id, written=written)
    return set(np.flatnonzero(constraint.allowed_V).tolist())


def text_of(steps) -> str:
    return BYTES.decode([step.id for step in steps if not step.ends])


def test_only_what_can_still_match_may_come_next():
    assert may_follow("ab?c") == {A}
    assert may_follow("ab?c", A) == {B, C}
    assert may_follow("ab?c", A, B) == {C}


def test_the_text_may_end_only_where_it_has_its_form():
    assert may_follow("ab*") == {A}
    assert may_follow("ab*", A) == {B, END}
    assert may_follow("ab*", A, eos_id=None) == {B}  # nothing ends the text: it goes on


def test_a_text_to_which_nothing_can_be_added_is_whole():
    constraint = constraint_for(LETTERS, 5, regex="a(b|c)", eos_id=END, written=[A])
    assert not constraint.whole
    constraint.take(C)
    assert constraint.whole and not constraint.allowed_V.any()


def test_special_tokens_are_no_text_though_their_names_match():
    assert END not in may_follow(".{1,40}")
    allowed = constraint_for(BYTES, BYTES.vocab_size, regex=".{1,40}", eos_id=None).allowed_V
    assert not allowed[BYTES.eos_id]


def test_what_the_model_has_and_the_tokenizer_lacks_may_never_come():
    constraint = constraint_for(LETTERS, 9, regex="[a-z]+", eos_id=END, written=[A])
    assert np.flatnonzero(constraint.allowed_V).tolist() == [A, B, C, END]


PARTS = st.recursive(
    st.sampled_from(["a", "b", "c", "[ab]", "."]),
    lambda inner: (
        st.builds("(?:{}|{})".format, inner, inner)
        | st.builds("{}{}".format, inner, inner)
        | st.builds("(?:{})?".format, inner)
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(regex=PARTS, written=st.lists(st.sampled_from([A, B, C]), max_size=2))
def test_it_allows_what_trying_every_text_allows(regex: str, written: list[int]):
    """These expressions match texts of five characters at most, so all can be tried."""
    texts = [
        "".join(each)
        for length in range(6)
        for each in product("abc", repeat=length)
        if re.fullmatch(regex, "".join(each))
    ]
    begun = "".join("abc"[token] for token in written)
    expected = {
        token
        for token, letter in enumerate("abc")
        if any(t.startswith(begun + letter) for t in texts)
    }
    may_end = begun in texts
    if not any(t.startswith(begun) and t for t in texts):
        with pytest.raises(DataError):
            constraint_for(LETTERS, 5, regex=regex, eos_id=END, written=written)
        return
    constraint = constraint_for(LETTERS, 5, regex=regex, eos_id=END, written=written)
    found = set(np.flatnonzero(constraint.allowed_V).tolist()) - {UNKNOWN}
    assert found == expected | ({END} if may_end and expected else set())
    assert constraint.whole == (may_end and not expected)


def test_what_is_left_keeps_its_proportions():
    logits_V = np.log(np.array([0.4, 0.3, 0.2, 0.1], dtype=np.float32))
    allowed_V = np.array([False, True, False, True])
    plain = SamplingConfig(temperature=1, top_k=0)
    found = next_token_distribution(logits_V, plain, (), allowed_V)
    assert found.probabilities_V == pytest.approx([0, 0.75, 0, 0.25])
    assert found.mass_cut == pytest.approx(0.6)
    assert [stage.name for stage in found.stages][:2] == ["model", "constraint"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("regex", [r" [a-z]{3}, [0-9]+\.", "(yes|no)!", "é{2}🙂", r"\p{Greek}{2}"])
def test_whatever_the_model_thinks_a_text_that_ends_matches(model, regex: str, seed: int):
    config = WritingConfig(
        sampling=SamplingConfig(temperature=3, top_k=0, seed=seed), max_new_tokens=80, regex=regex
    )
    constraint = constrained(model, BYTES, config, eos_id=BYTES.eos_id)
    steps = list(write(model, [1], config, eos_id=BYTES.eos_id, constraint=constraint))
    assert steps[-1].whole or steps[-1].ends
    assert not any(step.whole or step.ends for step in steps[:-1])
    greek = regex.replace(r"\p{Greek}", "[\u0370-\u03ff\u1f00-\u1fff\u1d26-\u1dbf\u2126]")
    assert re.fullmatch(greek, text_of(steps)) or "Greek" in regex


@pytest.mark.parametrize("seed", range(8))
def test_json_is_as_its_schema_describes_it(model, seed: int):
    config = WritingConfig(
        sampling=SamplingConfig(temperature=2, top_k=0, seed=seed),
        max_new_tokens=300,
        json_schema=json.dumps(ANIMAL),
    )
    constraint = constrained(model, BYTES, config, eos_id=BYTES.eos_id)
    text = text_of(write(model, [1], config, eos_id=BYTES.eos_id, constraint=constraint))
    jsonschema.validate(json.loads(text), ANIMAL)


def test_texts_written_together_are_those_written_alone(model):
    """A constrained row beside free ones: each as if it were alone."""
    sampling = SamplingConfig(temperature=1.5, top_k=0, seed=4)

    def constraint(number: int):
        regex = ("[a-z ]{20}", "", "[0-9]{9}")[number]
        return constraint_for(BYTES, BYTES.vocab_size, regex=regex, eos_id=BYTES.eos_id)

    alone = [
        [step.id for step in generate(model, [7], sampling, 20, constraint=constraint(number))]
        for number in range(3)
    ]
    engine = Engine(model, idle_seconds=0)
    tickets = [
        engine.submit([7], sampling, 20, constraint=constraint(number)) for number in range(3)
    ]
    assert [[step.id for step in ticket.steps()] for ticket in tickets] == alone
    assert len({len(ids) for ids in alone}) == 3


def test_a_row_that_cannot_go_on_ends_alone(model):
    """Behind two letters a third must come that this tokenizer does not know."""
    few = CharacterTokenizer.train(["ab"])
    with pytest.raises(DataError, match="No token can go on"):
        constraint_for(few, few.vocab_size, regex="z+", eos_id=few.eos_id)
    small = model_for(few.vocab_size)
    engine = Engine(small, idle_seconds=0)
    stuck = engine.submit(
        [0],
        SamplingConfig(),
        9,
        constraint=constraint_for(few, few.vocab_size, regex="aaz", eos_id=few.eos_id),
    )
    free = engine.submit([0], SamplingConfig(), 9)
    with pytest.raises(DataError, match="No token can go on"):
        list(stuck.steps())
    assert len(list(free.steps())) == 9


def test_the_text_goes_on_where_it_was(model):
    """What is written already belongs to the text: the rest alone is asked for."""
    config = WritingConfig(regex=r"a cat, [0-9]{2}\.")
    begun = BYTES.encode("a cat, 4")
    constraint = constrained(model, BYTES, config, eos_id=BYTES.eos_id, written=begun)
    steps = list(write(model, begun, config, eos_id=BYTES.eos_id, constraint=constraint))
    assert re.fullmatch(r"[0-9]\.", text_of(steps))
    with pytest.raises(DataError, match="can no longer get the form"):
        constrained(model, BYTES, config, written=BYTES.encode("a dog"))


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"regex": "("}, "unclosed group"),
        ({"regex": "a(?=b)"}, "look-ahead"),
        ({"regex": r"(a)\1"}, "backreferences"),
        ({"regex": ".*" * 900}, "too complex"),
        ({"regex": "a{0}"}, "Only the empty text"),
        ({"json_schema": '{"$ref": "#"}'}, "no text has it"),
        ({"json_schema": "{"}, "no JSON"),
        ({"json_schema": "[" * 20_000}, "no JSON"),
        ({"json_schema": "[1]"}, "it must be an object"),
        ({"json_schema": '{"type": "nothing"}'}, "Invalid type: nothing"),
        ({"json_schema": '{"$ref": "http://a.example/x.json"}'}, "does not fetch"),
        ({"json_schema": '{"allOf": [{"type": "string"}, {"type": "null"}]}'}, "Unsatisfiable"),
    ],
)
def test_a_form_that_cannot_be_followed_is_refused_with_the_reason(form, told: str):
    with pytest.raises(DataError, match=told) as caught:
        constraint_for(BYTES, BYTES.vocab_size, eos_id=BYTES.eos_id, **form)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_settings_name_one_form_and_a_method_that_draws():
    with pytest.raises(ConfigError, match="not both"):
        WritingConfig(regex="a", json_schema="{}")
    with pytest.raises(ConfigError, match="a search cannot be held"):
        WritingConfig(method="beam", regex="a")
    with pytest.raises(ConfigError, match="regex"):
        WritingConfig(regex="a" * 2_001)


def test_a_form_without_its_constraint_is_noticed(model):
    with pytest.raises(DataError, match="needs its constraint"):
        write(model, [1], WritingConfig(regex="a"))


def test_no_form_is_no_constraint(model):
    assert constrained(model, BYTES, WritingConfig()) is None
