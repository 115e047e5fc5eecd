"""What is said of a model before it comes in."""

from dataclasses import replace

import pytest

from slm.exchange import arriving
from slm.exchange.arriving import Arrival
from slm.model.config import PRESETS
from ui.view_models import bringing as words
from ui.view_models.bringing import Asked
from ui.view_models.library import begins_note

TINYLLAMA = Arrival(
    "TinyLlama", "LlamaForCausalLM", PRESETS["tinyllama-1.1b"], 2_200_000_000, "apache-2.0"
)


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three gigabytes are free: 1.1 billion parameters fit by 2 bytes each, not by 4."""
    monkeypatch.setattr(arriving, "available_memory", lambda: 3_000_000_000)


def test_size_and_licence_come_first():
    told = words.what(TINYLLAMA)
    assert "LlamaForCausalLM: 1.1" in told and "22 layers of 32 heads" in told
    assert "2.2 GB on the disk" in told and "Licence: apache-2.0" in told
    assert "Commit" not in told and "Programs" not in told
    assert "not told" in words.what(replace(TINYLLAMA, licence=None))


def test_a_model_on_the_hub_says_its_commit_and_what_is_to_be_fetched():
    found = replace(TINYLLAMA, revision="c" * 40, has_code=True, is_here=False)
    assert "Commit cccccccc, 2.2 GB to fetch." in words.what(found)
    assert "neither fetched nor run" in words.what(found)
    assert "here already" in words.what(replace(found, is_here=True))


def test_the_number_format_that_fits_is_proposed_with_its_memory():
    assert words.usual_dtype(TINYLLAMA) == "bfloat16"
    assert words.dtype_label(TINYLLAMA, "float32").startswith("float32: 4.4 GB")
    assert words.dtype_label(TINYLLAMA, "bfloat16").startswith("bfloat16: 2.2 GB")
    assert "choose that" in str(words.problem(TINYLLAMA, "float32"))
    assert words.problem(TINYLLAMA, "bfloat16") is None


def test_the_button_runs_what_the_code_says():
    plain = Asked("/models/gpt2", None, "float32", "GPT-2")
    assert words.arguments(plain, "GPT-2") == ["/models/gpt2", "--name=GPT-2"]
    hub = Asked("owner/name", "c" * 40, "bfloat16", "mine")
    assert words.arguments(hub, "mine") == [
        *("owner/name", "--name=mine", f"--revision={'c' * 40}", "--dtype=bfloat16")
    ]
    code = words.code_lines("/w", hub)
    compile(code, "shown", "exec")
    assert f"revision='{'c' * 40}', dtype='bfloat16'" in code


def test_foreign_details_make_no_note():
    assert begins_note({}) is None
    assert begins_note({"tokenizer": {"begins_with": None}}) is None
    assert begins_note({"tokenizer": 3}) is None
