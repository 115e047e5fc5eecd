"""The story of a walk: every number it shows is the model's, every line it quotes is the code's."""

import importlib
import inspect
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slm.model.config import ModelConfig
from slm.model.probe import Recorder
from slm.model.readout import read_position
from slm.model.transformer import Transformer
from slm.model.walk import take_walk
from ui.components.payload import unpack
from ui.components.sentence_walk import walk_payload
from ui.view_models.walk import (
    Bars,
    Columns,
    Look,
    Matrix,
    Picture,
    Place,
    Step,
    Strips,
    Table,
    Turns,
    length_note,
    moved,
    read_place,
    settle,
    story,
    with_key,
    write_place,
)
from ui.view_models.walk_ends import step_ids
from ui.view_models.walk_terms import terms_of

QWEN = ModelConfig(
    vocab_size=30, context_length=16, n_layers=2, n_heads=4, n_kv_heads=2, d_model=16, d_ff=24
)
GPT2 = QWEN.replace(
    norm="layernorm",
    positions="learned",
    mlp="gelu",
    qk_norm=False,
    bias="all",
    tie_embeddings=False,
    copy_start=0.0,
)
IDS = [3, 7, 11, 3, 7]
HOSTILE = "<img src=x onerror=alert(1)>"


def looked(config: ModelConfig, place: Place) -> tuple[Transformer, Look, dict[str, Step]]:
    torch.manual_seed(1)
    model = Transformer(config).eval().requires_grad_(False)
    for weight in model.parameters():
        weight.add_(0.3 * torch.randn_like(weight))
    walk = take_walk(model, IDS, place.layer)
    reading = read_position(model, walk, place.token)
    names = {token: f"t{token}" for token in range(config.vocab_size)}
    tokens = (*(names[token] for token in IDS[:-1]), HOSTILE)
    look = Look(walk, reading, with_key(place, walk), tokens, names)
    return model, look, {step.id: step for step in story(look)}


@pytest.mark.parametrize("config", [QWEN, GPT2, QWEN.replace(window=2)], ids=["qwen", "gpt2", "w"])
def test_a_family_has_its_steps_in_order(config: ModelConfig):
    _, _, steps = looked(config, Place(layer=1, token=4))
    assert tuple(steps) == step_ids(config)
    assert ("turn" in steps) == (config.positions == "rotary")
    assert all(step.why and step.told and step.formula and step.pictures for step in steps.values())


@pytest.mark.parametrize("config", [QWEN, GPT2], ids=["qwen", "gpt2"])
def test_every_quoted_line_stands_in_the_function_that_is_named(config: ModelConfig):
    _, _, steps = looked(config, Place(token=2))
    for step in steps.values():
        module, _, rest = step.source.partition(".")
        parts = [module, *rest.split(".")]
        depth = next(n for n in range(len(parts), 0, -1) if is_module(".".join(parts[:n])))
        found = importlib.import_module(".".join(parts[:depth]))
        for name in parts[depth:]:
            found = getattr(found, name)
        assert step.line in inspect.getsource(found), step.id


def test_every_step_has_terms_of_the_glossary_and_its_own_nonlinearity():
    for config, named, absent in ((QWEN, "SiLU", "GELU"), (GPT2, "GELU", "SiLU")):
        _, _, steps = looked(config, Place(token=2))
        assert all(terms_of(step) for step in steps.values())
        terms = [term for term, _ in terms_of(steps["hidden"])]
        assert named in terms and absent not in terms


def is_module(name: str) -> bool:
    try:
        return importlib.import_module(name) is not None
    except ModuleNotFoundError:
        return False


def picture(step: Step, kind: type[Picture]) -> Picture:
    return next(each for each in step.pictures if isinstance(each, kind))


@pytest.mark.parametrize("config", [QWEN, GPT2], ids=["qwen", "gpt2"])
def test_the_pictures_hold_what_the_probe_sees(config: ModelConfig):
    place = Place(layer=1, head=3, token=4, key=1)
    model, _, steps = looked(config, place)
    sites = ("q", "k", "v", "scores", "weights", "head_out", "mlp_hidden", "attn_out", "mlp_out")
    recorder = Recorder([*sites, "resid_pre", "resid_post", "final_norm"], [1])
    logits_V = model(torch.tensor([IDS]), probe=recorder)[0, 4]
    seen = {site: recorder[site, 1][0] for site in (*sites, "resid_pre", "resid_post")}
    group = 3 * config.kv_heads // 4

    def rows(step: str, which: int = 0) -> dict[str, np.ndarray]:
        strips = [each for each in steps[step].pictures if isinstance(each, Strips)]
        return dict(strips[which].rows)

    scores, weights = picture(steps["scores"], Matrix), picture(steps["softmax"], Matrix)
    products, row = picture(steps["scores"], Columns), picture(steps["softmax"], Columns)
    heads, hidden = picture(steps["output"], Bars), rows("hidden")["hidden"]
    for shown, model_says in (
        (scores.values_TS, seen["scores"][3]),
        (weights.values_TS, seen["weights"][3]),
        (products.values.sum(), seen["scores"][3, 4, 1]),
        (row.values, seen["weights"][3, 4]),
        (rows("project", 1)["value"], seen["v"][group, 4]),
        (rows("mix")["sum"], seen["head_out"][3, 4]),
        (rows("output")["added"], seen["attn_out"][4]),
        (rows("norm")["x"], seen["resid_pre"][4]),
        (hidden, seen["mlp_hidden"][4]),
        (rows("down")["added"], seen["mlp_out"][4]),
        (rows("down")["after"], seen["resid_post"][4]),
        (rows("final_norm", 1)["x̂"], recorder.outer("final_norm")[0, 4]),
        (picture(steps["logits"], Bars).values, logits_V.softmax(-1).topk(10).values),
        (picture(steps["parts"], Bars).values.sum(), logits_V.max()),
    ):
        np.testing.assert_allclose(shown, model_says, rtol=1e-3, atol=1e-3)
    assert row.values.sum() == pytest.approx(1)
    assert len(heads.values) == 4 and heads.marked == 3
    if config.positions == "rotary":
        turned = rows("turn")
        np.testing.assert_allclose(turned["query, turned"], seen["q"][3, 4], atol=1e-4)
        np.testing.assert_allclose(turned["key, turned"], seen["k"][group, 4], atol=1e-4)
        turns = picture(steps["turn"], Turns)
        before, after = (each[:, 0] + 1j * each[:, 1] for each in (turns.before_P2, turns.after_P2))
        np.testing.assert_allclose(before * np.exp(1j * turns.radians_P), after, atol=1e-4)
    mixed = sum(values for name, values in picture(steps["mix"], Strips).rows if name != "sum")
    np.testing.assert_allclose(mixed, rows("mix")["sum"], atol=1e-4)


def test_the_mask_hides_what_comes_later():
    _, _, steps = looked(QWEN.replace(window=2), Place(token=3))
    hidden = picture(steps["mask"], Matrix).hidden_TS
    assert hidden[3].tolist() == [True, True, False, False, True]
    assert "sees 2 of 5 positions" in steps["mask"].told
    assert r"u \leq t - 2" in steps["mask"].formula[0]


def test_the_key_that_is_looked_at_most_is_the_one_that_is_shown():
    _, look, steps = looked(QWEN, Place(layer=0, head=1, token=4))
    assert look.place.key == int(look.walk.block.weights_HTS[1, 4].argmax())
    assert f"(position {look.place.key})" in steps["scores"].told


def test_tokens_are_named_and_foreign_text_stays_text():
    _, _, steps = looked(QWEN, Place(token=4))
    assert HOSTILE in steps["embedding"].told
    table = picture(steps["text"], Table)
    assert table.rows[4] == ("4", HOSTILE, "7")
    assert all(HOSTILE not in each for step in steps.values() for each in step.formula)


def test_formulas_use_only_what_the_view_draws():
    known = {"frac", "sqrt", "hat", "text", "mathbb", "quad", "gamma", "beta", "mu", "sigma"}
    known |= {"varphi", "odot", "cdot", "in", "infty", "leq", "sum", "cos", "sin"}
    for config in (QWEN, GPT2, QWEN.replace(window=3, norm_eps=1e-5)):
        _, _, steps = looked(config, Place(token=1))
        for step in steps.values():
            for formula in step.formula:
                assert set(re.findall(r"\\([a-zA-Z]+)", formula)) <= known, formula
                assert formula.replace(r"\{", "").count("{") == formula.replace(r"\}", "").count(
                    "}"
                )


def test_every_number_travels_as_it_is():
    place = Place(layer=1, head=2, token=4, key=0)
    _, look, steps = looked(QWEN, place)
    header, values = unpack(
        walk_payload(list(steps.values()), look.tokens, place, n_layers=2, n_heads=4)
    )
    numbers = np.frombuffer(values, dtype="<f4")
    sent = next(step for step in header["steps"] if step["id"] == "softmax")["pictures"][0]
    at, count = sent["values"]
    weights = look.walk.block.weights_HTS[2]
    np.testing.assert_array_equal(numbers[at : at + count].reshape(weights.shape), weights)
    assert header["tokens"][4] == HOSTILE
    assert header["place"] == {"step": "text", "layer": 1, "head": 2, "token": 4, "key": 0}


@given(
    st.sampled_from(step_ids(QWEN)),
    *(st.integers(0, 999) for _ in range(3)),
    st.none() | st.integers(0, 999),
)
def test_an_address_names_the_place_that_it_was_made_of(step, layer, head, token, key):
    place = Place(step, layer, head, token, key)
    assert read_place(write_place(place)) == place


@given(st.text() | st.none(), st.integers(1, 64))
def test_any_address_leads_to_a_place_that_exists(text, n_tokens):
    place = settle(read_place(text), QWEN, n_tokens)
    assert place.step in step_ids(QWEN)
    assert 0 <= place.layer < 2 and 0 <= place.head < 4 and 0 <= place.token < n_tokens


@given(
    st.none()
    | st.integers()
    | st.dictionaries(
        st.sampled_from(["step", "layer", "head", "token", "key"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.floats() | st.lists(st.none()),
    )
)
def test_whatever_a_browser_sends_leads_to_a_place_that_exists(asked):
    place = settle(moved(Place(), asked), QWEN, 5)
    assert settle(read_place(write_place(place)), QWEN, 5) == place


def test_a_long_text_says_how_far_the_walk_goes():
    assert length_note(64, 64) is None
    assert "first 64 of 1,000 tokens" in (length_note(1_000, 64) or "")
