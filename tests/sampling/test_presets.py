"""Settings with a name, and settings as JSON."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import ConfigError, WorkspaceError
from slm.sampling.config import FILTERS, SamplingConfig
from slm.sampling.methods import WritingConfig
from slm.sampling.presets import (
    BUILT_IN,
    FOLDER,
    LONGEST_JSON,
    MOST,
    forget_preset,
    from_generation_json,
    keep_preset,
    presets_of,
    to_generation_json,
)
from slm.sampling.search import BeamConfig, ContrastiveConfig

WILD = WritingConfig(sampling=SamplingConfig(temperature=1.9, seed=8), stop=("\n\n",))


def test_own_settings_stand_behind_those_that_come_along(tmp_path: Path):
    keep_preset(tmp_path, "a-model", "  zebra ", WILD)
    keep_preset(tmp_path, "a-model", "Ape", WritingConfig(method="beam"))
    names = [preset.name for preset in presets_of(tmp_path, "a-model").presets]
    assert names == ["Careful", "Balanced", "Wild", "Ape", "zebra"]
    assert len(presets_of(tmp_path, "another").presets) == 3


def test_how_a_token_is_chosen_comes_back_without_seed_and_stop_strings(tmp_path: Path):
    keep_preset(tmp_path, "a-model", "zebra", WILD)
    found = presets_of(tmp_path, "a-model").get("zebra")
    assert found is not None and found.own
    assert found.writing == WritingConfig(sampling=SamplingConfig(temperature=1.9))


def test_the_same_name_is_replaced_and_can_be_forgotten(tmp_path: Path):
    keep_preset(tmp_path, "a-model", "zebra", WILD)
    keep_preset(tmp_path, "a-model", "zebra", WritingConfig(method="greedy"))
    (own,) = presets_of(tmp_path, "a-model").presets[3:]
    assert own.writing.method == "greedy"
    forget_preset(tmp_path, "a-model", "zebra")
    forget_preset(tmp_path, "a-model", "zebra")
    assert presets_of(tmp_path, "a-model").presets == BUILT_IN


@pytest.mark.parametrize("name", ["", "x" * 81, "a\u202eb", "careful", "WILD"])
def test_names_that_cannot_be_used_are_refused(tmp_path: Path, name: str):
    with pytest.raises(WorkspaceError):
        keep_preset(tmp_path, "a-model", name, WILD)


@pytest.mark.parametrize("name", ["../../x", "CON", "<b>", "a/b\\c", "."])
def test_a_name_never_names_a_file(tmp_path: Path, name: str):
    keep_preset(tmp_path, "a-model", name, WILD)
    (path,) = (tmp_path / FOLDER / "a-model").iterdir()
    assert len(path.stem) == 32 and presets_of(tmp_path, "a-model").get(name) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 9}', '{"schema": 1, "name": "x"}'])
def test_a_damaged_file_harms_no_other(tmp_path: Path, text: str):
    keep_preset(tmp_path, "a-model", "zebra", WILD)
    (tmp_path / FOLDER / "a-model" / "0.json").write_text(text)
    found = presets_of(tmp_path, "a-model")
    assert found.damaged == 1 and found.get("zebra") is not None


def test_only_so_many_are_kept(tmp_path: Path):
    for number in range(MOST):
        keep_preset(tmp_path, "a-model", f"name {number}", WILD)
    keep_preset(tmp_path, "a-model", "name 0", WILD)
    with pytest.raises(WorkspaceError, match="forget one"):
        keep_preset(tmp_path, "a-model", "one more", WILD)


TURNED = ("top_k", *(name for name in FILTERS if name != "top_k"))


@pytest.mark.parametrize(
    "writing",
    [
        WILD,
        WritingConfig(sampling=SamplingConfig(order=TURNED, seed=3), continuations=3),
        WritingConfig(
            method="greedy", sampling=SamplingConfig(repetition_penalty=1.3), stop=("x",)
        ),
        WritingConfig(method="beam", beam=BeamConfig(beams=7, early_stopping="certain")),
        WritingConfig(method="beam", beam=BeamConfig(early_stopping="when_full")),
        WritingConfig(method="contrastive", contrastive=ContrastiveConfig(candidates=9)),
        WritingConfig(regex=r"[a-z]+\."),
        WritingConfig(method="greedy", json_schema='{"type": "integer"}'),
    ],
)
def test_settings_come_back_from_their_json(writing: WritingConfig):
    text = json.dumps(to_generation_json(writing))
    back = from_generation_json(text)
    assert back.method == writing.method
    assert json.dumps(to_generation_json(back)) == text


def test_a_published_generation_config_is_understood():
    """That of Qwen2.5 0.5B Instruct."""
    text = """{"bos_token_id": 151643, "pad_token_id": 151643, "do_sample": true,
        "eos_token_id": [151645, 151643], "repetition_penalty": 1.1, "temperature": 0.7,
        "top_p": 0.8, "top_k": 20, "transformers_version": "4.37.0"}"""
    found = from_generation_json(text, seed=4)
    assert found.sampling == SamplingConfig(
        temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.1, seed=4
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 9_000, "no JSON"),
        ("3", "from { to }"),
        ('{"do_sample": true, "temperature": NaN}', "temperature"),
        ('{"do_sample": true, "temperature": 1e400}', "temperature"),
        ('{"do_sample": true, "temperature": "<b>"}', "temperature"),
        ('{"do_sample": true, "top_k": -1}', "top_k"),
        ('{"do_sample": true, "top_p": 2}', "top_p"),
        ('{"do_sample": "false"}', "do_sample"),
        ('{"num_beams": 65}', "num_beams"),
        ('{"num_beams": "many"}', "num_beams"),
        ('{"num_beams": 2, "early_stopping": "soon"}', "early_stopping"),
        ('{"penalty_alpha": 3, "top_k": 4}', "penalty_alpha"),
        ('{"stop_strings": [""]}', "stop"),
        ('{"max_new_tokens": 0}', "max_new_tokens"),
        ('{"do_sample": true, "order": ["top_k"]}', "order"),
        ('{"do_sample": true, "seed": -1}', "seed"),
        ("x" * (LONGEST_JSON + 1), "characters"),
    ],
)
def test_json_that_cannot_be_used_says_why(text: str, told: str):
    with pytest.raises(ConfigError, match=told):
        from_generation_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = ["do_sample", "temperature", "top_k", "num_beams", "penalty_alpha", "early_stopping"]
NAMES += ["length_penalty", "max_new_tokens", "num_return_sequences", "stop_strings", "seed"]


@given(st.dictionaries(st.sampled_from([*NAMES, "order", "top_p", "x"]), JSON))
def test_any_json_gives_settings_or_a_sentence(values: dict[str, object]):
    try:
        found = from_generation_json(json.dumps(values))
    except ConfigError as error:
        assert str(error)
    else:
        json.dumps(to_generation_json(found), allow_nan=False)
