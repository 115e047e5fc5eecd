"""What the Hub told, and what is kept, in words."""

from pathlib import Path

from slm.data.hub.data_sets import HubDescription, HubRequest, HubSplit
from slm.data.hub.spool import Download
from ui.view_models import hub as words

TOLD = HubDescription(
    name="a/b",
    revision="0123456789abcdef",
    gated=False,
    licence="mit",
    language="de, fr",
    title="Two tongues",
    configs={"french": (), "german": (HubSplit("train", 2_000, 4_000_000),)},
    more_configs=7,
    config="german",
    splits=("train", "test"),
    split="train",
    columns={"n": "number", "chat": "conversation", "text": "text"},
    column="text",
    first_rows=({"n": "1", "chat": "", "text": "eins"},),
)
DOWNLOAD = Download(
    Path("x"), HubRequest("a/b", "german"), "0123456789", "text", 2_500, 2_000, 3_000_000
)


def test_a_data_set_is_told_in_a_line():
    assert words.facts(TOLD) == (
        "Two tongues · licence: mit · language: de, fr · 2,000 rows · 4.0 MB · commit 0123456"
    )
    bare = HubDescription("a/b", "0123456789", False, "", "", "")
    assert words.facts(bare) == "licence: not told; see its page · commit 0123456"


def test_what_can_be_read_comes_first():
    assert words.readable_columns(TOLD) == ["text", "chat"]
    assert [row.readable for row in words.columns(TOLD)] == [True, True, False]
    assert list(words.first_rows(TOLD)[0]) == ["text", "chat", "n"]
    assert words.config_options(TOLD) == ["german", "french"]
    assert words.more_configs(TOLD).startswith("7 more configurations")


def test_what_is_kept_is_told_with_how_much():
    assert words.kept(DOWNLOAD) == (
        "Here already: 2,000 rows (3.0 MB of text) of german, train, not all of it, "
        "at commit 0123456."
    )
    assert "2,000 rows (3.0 MB) of a/b arrived" in words.kept_after_failure(DOWNLOAD)
    assert words.download_title(DOWNLOAD) == "a/b · german · train · 2,000 rows · begun"
