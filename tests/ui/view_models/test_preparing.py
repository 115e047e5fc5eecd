"""Saving a corpus in words."""

import pytest

from slm.data.corpus import PrepareConfig
from slm.verbs.common import parse
from slm.verbs.data import prepare
from ui.view_models import preparing as words


@pytest.mark.parametrize(
    "config",
    [
        PrepareConfig(),
        PrepareConfig(rules=()),
        PrepareConfig(
            source="hub:owner/name",
            name="--json <b>x</b> 'quoted' \\ $HOME",
            rules=("lower_case",),
            documents=10,
            max_megabytes=2.5,
            validation_fraction=0.2,
            seed=3,
            hub_config="c",
            hub_split="test",
            hub_revision="abc",
            hub_offline=True,
            text_column="body",
        ),
    ],
)
def test_the_command_line_says_what_the_page_says(config):
    verb, *arguments = words.prepare_argv(config)
    assert verb == "prepare"
    assert parse(PrepareConfig, prepare, arguments) == config


def test_the_same_work_without_the_hub():
    config = PrepareConfig(source="hub:a/b", rules=("lower_case",), documents=9)
    _, *arguments = words.offline_argv(words.prepare_argv(config))
    assert parse(PrepareConfig, prepare, arguments) == config.replace(hub_offline=True)


def test_the_same_work_has_the_same_key():
    assert words.work_key(["a", "b"]) == words.work_key(["a", "b"]) != words.work_key(["ab"])


def test_the_plan_says_how_much_and_whether_the_hub_is_asked():
    assert words.plan(PrepareConfig(documents=500, max_megabytes=2)) == (
        "Saves the first 500 documents, at most 2 MB, about 10% held out. "
        "It goes on when this page closes."
    )
    said = words.plan(PrepareConfig(), needs_network=True)
    assert said.startswith("Saves all documents") and "Fetches from the Hub" in said
