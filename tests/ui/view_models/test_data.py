"""The Data page in words."""

import pytest

from slm.data.cleaning import clean
from slm.data.corpus import PrepareConfig
from slm.data.sources import Document
from slm.data.splitting import Leakage
from slm.errors import HubError
from slm.verbs.common import parse
from slm.verbs.data import prepare
from ui.view_models import data as words


@pytest.mark.parametrize(
    "config",
    [
        PrepareConfig(),
        PrepareConfig(rules=()),
        PrepareConfig(
            source="hub:owner/name",
            name="--json <b>x</b> 'quoted' \\ $HOME",
            rules=("lower_case", "min_length"),
            documents=10,
            max_megabytes=2.5,
            validation_fraction=0.2,
            seed=3,
            hub_config="c",
            hub_split="test",
            text_column="body",
        ),
    ],
)
def test_the_command_line_says_what_the_page_says(config):
    verb, *arguments = words.prepare_argv(config)
    assert verb == "prepare"
    assert parse(PrepareConfig, prepare, arguments) == config


def test_every_source_tells_licence_language_and_size():
    cards = words.source_cards()
    assert {"tales", "python-docs", "python-code", words.UPLOAD, words.HUB} <= cards.keys()
    assert cards["tales"].facts == "English · MIT, as this program · about 12,000 documents"
    assert not cards["tales"].needs_network and cards["tinystories"].needs_network


def test_a_hub_name_must_be_a_name():
    assert words.source_config(words.HUB, hub_name="  ") is None
    found = words.source_config(words.HUB, hub_name="hub:a/b ", hub_split="")
    assert found is not None and (found.source, found.hub_split) == ("hub:a/b", "train")
    with pytest.raises(HubError, match="owner/name"):
        words.source_config(words.HUB, hub_name="/etc/passwd")


def test_an_upload_is_read_only_when_there_is_one():
    assert words.source_config(words.UPLOAD) is None


def test_what_rules_did_is_said_in_a_sentence():
    documents = [Document("A tale\x07 told.", "a"), Document("Same.", "b"), Document("Same.", "c")]
    reports = clean(documents, ("control_characters", "exact_duplicates", "lower_case")).ledger
    assert words.cleaned_sentence(3, True, reports) == (
        "Of all 3 documents: 3 changes in documents that stay, 1 dropped, 6 characters fewer."
    )
    rows = words.ledger_rows(reports)
    assert [row.touched for row in rows] == ["1", "1", "2"]
    assert [row.dropped for row in rows] == ["–", "1", "–"]
    nothing = clean([Document("Plain text.", "a")], ("control_characters",)).ledger
    assert words.cleaned_sentence(500, False, nothing) == (
        "Of the first 500 documents, these rules change nothing."
    )


def test_blanks_and_control_characters_can_be_seen():
    assert words.shown("a \x07\n\n<b>") == "a·␇⏎\n⏎\n<b>"


def test_the_splits_tell_their_shares_and_what_leaks():
    train = {"documents": 9, "characters": 90, "bytes": 90}
    val = {"documents": 1, "characters": 10, "bytes": 10}
    view = words.split_view(train, val, Leakage(1, 0, ()), 0.1)
    assert view.rows[0] == ("training", 9, "90.0%", "90 B") and not view.leaks
    assert "None of the 1 validation documents" in view.leakage
    leaking = words.split_view(train, val, Leakage(1, 1, ("x",)), 0.1)
    assert leaking.leaks and leaking.leakage.startswith("1 of 1 validation documents (100.0%)")


def test_an_upload_is_called_by_its_file_and_not_by_where_it_is_kept():
    path = "/srv/lab/uploads/3fa9/My tales.txt"
    assert words.default_name(words.UPLOAD, path) == "My tales"
    details = {"config": {"source": path}, "how_split": "Each line is a document."}
    assert words.corpus_facts(details) == "Source: My tales.txt. Each line is a document."


def test_the_same_work_has_the_same_key():
    assert words.work_key(["a", "b"]) == words.work_key(["a", "b"]) != words.work_key(["ab"])
