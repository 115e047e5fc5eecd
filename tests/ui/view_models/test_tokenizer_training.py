"""Training a tokenizer in words."""

import pytest

from slm.jobs import JobStatus, StageStatus
from slm.tokenizer.config import TokenizeConfig
from slm.tokenizer.following import TRAINING, WRITING
from slm.verbs.common import parse
from slm.verbs.tokenizer import tokenize
from ui.view_models import tokenizer_training as words

FACTS = {
    "doing": "joining",
    "merges": 64,
    "wanted": 143,
    "chunks": 1_234,
    "newest": [[" ", "t", " t", 77], ["\xc3", "\xa9", "\xc3\xa9", 1_500]],
    "curve": [[0, 1.0], [32, 1.41], [64, 1.756]],
}


def status(state: str, **facts: object) -> JobStatus:
    return JobStatus(state, (StageStatus(TRAINING, facts=facts), StageStatus(WRITING)))


@pytest.mark.parametrize(
    "config",
    [
        TokenizeConfig(corpus="tales"),
        TokenizeConfig(corpus="c", name="-x --json", kind="characters"),
        TokenizeConfig(corpus="c", vocab_size=300, pattern="gpt4", separator="none"),
        TokenizeConfig(corpus="c", special_tokens=("<|end|>", "<|user|>"), kind="bytes"),
    ],
)
def test_the_command_line_says_what_the_page_says(config):
    verb, *arguments = words.tokenize_argv(config)
    assert verb == "tokenize"
    assert parse(TokenizeConfig, tokenize, arguments) == config


def test_training_shows_the_newest_merges_and_what_they_save():
    view = words.training_view(status("running", **FACTS))
    assert view.newest[0] == words.MergeRow("·  +  t", "·t", "77")
    assert view.newest[1] == words.MergeRow("⟨C3⟩  +  ⟨A9⟩", "é", "1,500")
    assert (view.merges, view.bytes_per_token, view.chunks) == ("64 of 143", "1.76", "1,234")
    assert view.curve[-1] == (64, 1.756) and view.wanted == 143
    assert "most often" in view.story


def test_before_the_first_merge_it_says_what_happens():
    view = words.training_view(status("running", doing="counting", wanted=143))
    assert (view.merges, view.chunks, view.curve) == ("0 of 143", "–", ((0, 1.0),))
    assert "counted" in view.story


@pytest.mark.parametrize(
    "told",
    [
        status("running"),
        status("running", doing="measuring"),
        status("stopped", doing="counting", wanted=143),
        status("running", doing="counting"),
        JobStatus("done"),
    ],
)
def test_where_nothing_is_joined_nothing_is_shown(told):
    assert words.training_view(told) is None


def test_the_end_keeps_the_picture():
    view = words.training_view(status("done", **{**FACTS, "wanted": 64}))
    assert view.merges == "64" and view.story.startswith("What it learned last")


def test_what_special_tokens_are_for_is_told_where_it_is_known():
    note = words.special_tokens_note(["<|endoftext|>", "<|mine|>", "<|pad|>"])
    assert note == "<|endoftext|> stands between documents; <|pad|> fills rows up to one length."
    assert words.special_tokens_note([]).startswith("Give at least one")


def test_the_plan_fits_the_kind():
    assert words.plan(TokenizeConfig(corpus="c", kind="bytes"), 10).startswith("Needs no training")
    assert "characters of 1.5 MB" in words.plan(
        TokenizeConfig(corpus="c", kind="characters"), 1.5e6
    )
