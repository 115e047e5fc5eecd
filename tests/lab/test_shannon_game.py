"""Machines at the Shannon game: their bits are the losses that other measures find."""

import math

import pytest

from slm.errors import DataError
from slm.evaluation.text_score import score_text
from slm.lab.reports import open_run
from slm.lab.shannon_game import GameConfig, game_report, held_out_document


@pytest.fixture(scope="module")
def run(tiny_workspace):
    return tiny_workspace.runs.get("tiny")


@pytest.mark.parametrize("unit", ["letters", "tokens"])
def test_the_models_bits_are_its_losses_on_the_same_tokens(tiny_workspace, run, unit):
    opened = open_run(run)
    text = held_out_document(tiny_workspace, run, opened.tokenizer, 1)
    found = game_report(tiny_workspace, run, opened, GameConfig(unit=unit))
    played = found["lead"] + found["text"]
    start, stop = len(found["lead"].encode()), len(played.encode())
    losses = [
        token.nats / math.log(2)
        for token in score_text(opened.model, opened.tokenizer, text).tokens
        if start <= token.byte_span[0] and token.byte_span[1] <= stop
    ]
    bits = sum(found["players"]["model"]["bits"])
    assert text.startswith(played)
    assert sum(losses) == pytest.approx(bits, rel=1e-3, abs=12 if unit == "letters" else 0.01)
    assert set(found["players"]) == {"model", "trigram"}


def test_a_document_that_there_is_not_is_refused(tiny_workspace, run):
    with pytest.raises(DataError, match="no document 100000"):
        game_report(tiny_workspace, run, open_run(run), GameConfig(document=100_000))


def test_a_text_of_ones_own_can_be_played(tiny_workspace, run):
    text = "The fox ran to the river and the bear ran after it."
    found = game_report(tiny_workspace, run, open_run(run), GameConfig(text=text))
    assert text.startswith(found["lead"] + found["text"])
