"""Settings of writing between fields of a page, presets, JSON, lines of code and commands."""

import json
import shlex

import pytest

from slm.__main__ import main
from slm.sampling.config import FILTERS, SamplingConfig
from slm.sampling.methods import WritingConfig
from slm.sampling.presets import BUILT_IN, Preset, from_generation_json
from slm.sampling.search import BeamConfig, ContrastiveConfig
from ui.view_models import writing as vm
from ui.view_models.writing import choice_values, named_by, session_values, writing_of

TURNED = ("top_k", *(name for name in FILTERS if name != "top_k"))
EXAMPLES = (
    WritingConfig(),
    WritingConfig(sampling=SamplingConfig(temperature=0.3, top_k=0, order=TURNED, seed=5)),
    WritingConfig(method="greedy", sampling=SamplingConfig(repetition_penalty=1.25)),
    WritingConfig(method="beam", beam=BeamConfig(beams=6, early_stopping="certain")),
    WritingConfig(method="contrastive", contrastive=ContrastiveConfig(candidates=3, penalty=0.2)),
    WritingConfig(continuations=3, stop=("\n\n", "the 'end'"), max_new_tokens=20),
    WritingConfig(regex=r" it's (a|the) [a-z]{1,9}\.", max_new_tokens=20),
    WritingConfig(json_schema='{"enum": ["it\'s", 2]}', max_new_tokens=20),
)


@pytest.mark.parametrize("writing", EXAMPLES)
def test_what_the_fields_hold_is_read_back_as_it_was(writing: WritingConfig):
    values, notes = session_values(writing)
    assert writing_of(values) == writing and notes == ()


def test_a_search_is_held_to_no_form_and_an_empty_one_is_none():
    held = {"text_form": "regex", "text_regex": "a+"}
    assert writing_of(held).regex == "a+"
    assert not writing_of({**held, "writing_method": "beam"}).constrained
    assert not writing_of({**held, "text_regex": ""}).constrained
    assert writing_of({"text_form": "json_schema"}).constrained  # the example stands there


def test_nothing_held_is_the_default():
    assert writing_of({}) == WritingConfig()
    assert writing_of({"writing_method": "<b>", "stop_strings": "x"}) == WritingConfig()


def test_a_value_that_no_slider_has_is_brought_to_its_end_and_told():
    wanted = WritingConfig(sampling=SamplingConfig(temperature=5, top_k=1000, seed=1))
    values, notes = session_values(wanted)
    assert (values["temperature"], values["top_k"]) == (2.0, 200)
    assert notes == (
        "Temperature 5 is more than this page offers: it is 2 here.",
        "Top-k 1000 is more than this page offers: it is 200 here.",
    )


def test_a_value_that_the_method_does_not_read_is_not_told():
    _, notes = session_values(WritingConfig(method="beam", sampling=SamplingConfig(temperature=5)))
    assert notes == ()


def test_a_preset_leaves_seed_length_stop_strings_and_number_of_texts():
    values = choice_values(Preset("x", WritingConfig(stop=("x",))))
    stay = {"sampling_seed", "new_tokens", "stop_strings", "continuations"}
    assert not stay & set(values) and {"temperature", "beams", "writing_method"} <= set(values)


@pytest.mark.parametrize("preset", BUILT_IN)
def test_pressing_a_preset_makes_the_settings_that_one(preset: Preset):
    assert named_by(BUILT_IN, writing_of(choice_values(preset))) == preset.name
    assert session_values(preset.writing)[1] == ()


def test_what_a_method_does_not_read_makes_no_other_preset():
    beam = WritingConfig(method="beam")
    turned = beam.replace(sampling=SamplingConfig(temperature=1.7))
    assert named_by([Preset("mine", beam)], turned) == "mine"
    assert named_by(BUILT_IN, turned) is None


def test_the_json_is_that_of_the_settings():
    assert from_generation_json(vm.json_text(EXAMPLES[3])).beam.beams == 6


def texts_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [each["text"] for each in json.loads(capsys.readouterr().out)["texts"]]


@pytest.mark.parametrize("writing", [each.replace(max_new_tokens=9) for each in EXAMPLES])
def test_the_lines_and_the_command_write_the_same(
    tiny_workspace, capsys: pytest.CaptureFixture[str], writing: WritingConfig
):
    (run,) = tiny_workspace.runs.list()
    prompt = 'Ben\'s "hat"'
    exec(compile(vm.code_lines(run, prompt, writing), "shown", "exec"), {})  # noqa: S102
    shown = capsys.readouterr().out
    command = shlex.split(vm.command_line(run.name, prompt, writing))
    assert command[:3] == ["python", "-m", "slm"]
    assert main([*command[3:], "--json", "--workspace", str(tiny_workspace.root)]) == 0
    told = texts_of(capsys)
    assert shown == "".join(f"{prompt}{text}\n" for text in told)
    assert len(told) == len(writing.seeds())


def test_a_settings_file_is_where_the_command_begins(
    tiny_workspace, capsys: pytest.CaptureFixture[str], tmp_path
):
    path = tmp_path / "generation_config.json"
    path.write_text('{"num_beams": 3, "max_new_tokens": 4}')
    where = ["--run", "tiny", "--workspace", str(tiny_workspace.root)]
    asked = ["write", *where, "--prompt", "Ben saw", "--settings", str(path), "--json"]
    assert main(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["method"] == "beam" and len(found["texts"][0]["found"]) == 3
    path.write_bytes(b"\xff\xfe")
    assert main(asked) == 1 and "UTF-8" in capsys.readouterr().err
    path.unlink()
    assert main(asked) == 1 and "There is no file" in capsys.readouterr().err
