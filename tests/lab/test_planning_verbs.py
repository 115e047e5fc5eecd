"""The verbs that look ahead, as a program calls them."""

import json

import pytest

from slm import __main__ as command_line
from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.tokenizer.encoding import TokenizeConfig, tokens_for, train_tokenizer
from slm.workspace import Workspace


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("planning"))
    corpus = prepare_corpus(workspace, PrepareConfig(name="tales", documents=60)).artefact
    tokenizer = train_tokenizer(workspace, TokenizeConfig(corpus="tales", vocab_size=300))
    tokens_for(workspace, corpus, tokenizer)
    return workspace.root


@pytest.fixture()
def told(root, capsys):
    def tell(*words):
        assert command_line.main([*words, "--workspace", str(root), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return tell


def test_windows_are_told_as_json(told):
    found = told(
        *("windows", "--corpus", "tales", "--context-length", "64"),
        *("--windows", "one_document", "--first", "3"),
    )
    totals = found["totals"]
    assert totals["targets"] + totals["padded"] == totals["windows"] * 64
    assert totals["targets"] == totals["tokens"] - 1 and found["whole_split"]
    assert found["first_windows"][0]["start"] == 0
    assert len(found["first_windows"]) == 3
    documents = {part["document"] for part in found["first_windows"][0]["stretches"]}
    assert documents == {0}


def test_another_separator_is_laid_out_without_token_files(told):
    marked = told("windows", "--corpus", "tales", "--context-length", "64")
    loose = told("windows", "--corpus", "tales", "--context-length", "64", "--separator", "none")
    assert loose["totals"]["tokens"] == marked["totals"]["tokens"] - marked["totals"]["documents"]


def test_a_budget_is_told_as_json_and_time_only_when_it_was_measured(told):
    flags = ("--corpus", "tales", "--preset", "nano", "--d-model", "16", "--context-length", "32")
    found = told("budget", *flags, "--steps", "10", "--batch-size", "2")
    assert found["trained_tokens"] == 10 * 2 * 32
    assert found["epochs"] == pytest.approx(640 / found["unique_tokens"])
    assert found["unique_tokens_counted"] and found["seconds"] is None
    padded = told("budget", *flags, "--windows", "one_document", "--batch-size", "2")
    assert padded["tokens_per_step"] < 2 * 32


def test_a_measured_rate_is_kept_and_used(told):
    flags = ("--preset", "nano", "--d-model", "16", "--d-ff", "16", "--n-layers", "1")
    more = ("--context-length", "16", "--batch-size", "2", "--threads", "1", "--device", "cpu")
    measured = told("rate", *flags, *more, "--vocab-size", "300")
    assert measured["tokens_per_second"] > 0
    found = told("budget", "--corpus", "tales", *flags, *more, "--steps", "10")
    assert found["rate_source"] == "probe"
    new = told("budget", "--corpus", "tales", *flags, *more, "--seed", "2", "--measure", "True")
    assert new["tokens_per_second"] == measured["tokens_per_second"]  # a seed costs no time
    wider = told("budget", "--corpus", "tales", *flags, *more, "--d-ff", "24", "--measure", "True")
    assert wider["rate_source"] == "probe"
    assert wider["tokens_per_second"] != measured["tokens_per_second"]
    assert found["seconds"] == pytest.approx(10 * 2 * 16 / measured["tokens_per_second"])


def test_a_preset_that_is_none_costs_a_sentence(root, capsys):
    arguments = ["budget", "--corpus", "tales", "--preset", "huge", "--workspace", str(root)]
    assert command_line.main(arguments) == 1
    assert "There is no preset 'huge'" in capsys.readouterr().err
