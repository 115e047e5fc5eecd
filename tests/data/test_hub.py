"""The Hub, as a fake one on this machine plays it: good, missing, slow, broken, hostile."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from slm.data import hub, sources
from slm.data.hub import HubRows, check_hub_name, find_text_column, hub_texts
from slm.errors import DataError, HubError
from tests.data.fake_hub import COMMIT, STORIES, fake_hub, parquet

ROOT = Path(__file__).parents[2]
PATIENCE = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the client runs: a folder that looks like a data set lies in wait there."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "good" / "stories").mkdir(parents=True)
    (folder / "good" / "stories" / "a.parquet").write_bytes(parquet({"text": ["local!"]}))
    return folder


def ask(folder: Path, address: str, cases: dict[str, dict[str, object]]):
    proxies = {"http_proxy", "https_proxy", "all_proxy"}
    environment = {key: value for key, value in os.environ.items() if key.lower() not in proxies}
    environment |= {
        "HF_ENDPOINT": address,
        "HF_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.data.hub_client", json.dumps(cases)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def outcomes(folder):
    with fake_hub() as address:
        return ask(
            folder,
            address,
            {
                "good": {"name": "good/stories"},
                "summaries": {"name": "good/summaries"},
                "missing": {"name": "good/missing"},
                "split": {"name": "good/stories", "split": "dev"},
                "config": {"name": "good/stories", "config": "french"},
                "column": {"name": "odd/two-columns"},
                "script": {"name": "odd/script"},
                "breaks": {"name": "odd/breaks", "patience_seconds": PATIENCE},
                "hangs": {"name": "odd/hangs", "patience_seconds": PATIENCE},
                "busy": {"name": "odd/busy", "patience_seconds": PATIENCE},
            },
        )


def test_rows_come_in_order_from_every_file_at_a_fixed_commit(outcomes):
    assert outcomes["good"]["texts"] == STORIES
    assert outcomes["good"]["revision"] == COMMIT


def test_the_only_column_of_text_is_found_and_blank_rows_are_left_out(outcomes):
    assert outcomes["summaries"]["texts"] == ["one"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("missing", "HubError: The Hub has no public data set good/missing. Check owner"),
        ("split", "HubError: good/stories cannot be read: Bad split: dev. Available"),
        ("config", "HubError: good/stories cannot be read: BuilderConfig 'french' not found"),
        ("column", "DataError: Which column holds the text? The data set's columns are: 'left'"),
        ("script", "HubError: odd/script cannot be read: Dataset scripts are no longer supported"),
        ("breaks", "HubError: The Hub gave no answer about odd/breaks for 2 seconds after 3 doc"),
        ("hangs", "HubError: The Hub gave no answer about odd/hangs for 2 seconds"),
        ("busy", "HubError: The Hub cannot be reached for odd/busy: Server error '503"),
    ],
)
def test_what_goes_wrong_is_a_sentence_in_time(outcomes, case, message):
    assert outcomes[case]["error"].startswith(message)
    assert outcomes[case]["seconds"] < PATIENCE + 6


def test_what_arrived_before_the_break_was_given(outcomes):
    assert outcomes["breaks"]["texts"] == STORIES[:3]


def test_code_of_a_data_set_is_never_run(outcomes, folder):
    assert "error" in outcomes["script"]
    assert not (folder / "canary").exists()


def test_no_network_names_the_corpora_that_need_none(folder):
    told = ask(folder, "http://127.0.0.1:9", {"offline": {"name": "good/stories"}})["offline"]
    assert told["error"].startswith("HubError: The Hub cannot be reached for good/stories")
    assert told["error"].endswith("(tales, python-docs, python-code) need no network.")
    assert told["seconds"] < 30


@pytest.mark.parametrize(
    "name",
    [
        *("", "stories", "../up/here", "a/../b", "/etc/passwd", "a/b/c", "http://x/y", "a\\b/c"),
        *("a/b\n", ".a/b", "a/.b", "a b/c", "~/x", "a/b..c", "hf://datasets/a/b", "ä/b", "a/b.git"),
    ],
)
def test_anything_but_owner_and_name_is_refused_before_the_network(name):
    def never(*unused: object) -> HubRows:
        raise AssertionError("the network was asked")

    with pytest.raises(HubError, match="Use owner/name"):
        hub_texts(name, open_rows=never)


def test_real_names_pass():
    for info in sources.PUBLISHED.values():
        assert check_hub_name(info.hub_name) == info.hub_name


def test_the_text_column_is_chosen_by_wish_name_or_kind():
    columns = {"id": False, "title": True, "story": True}
    assert find_text_column(columns) == "story"
    assert find_text_column(columns, "title") == "title"
    assert find_text_column({"n": False, "prose": True}) == "prose"
    with pytest.raises(DataError, match=r"'id' holds no text\. .*'id', 'title', 'story'"):
        find_text_column(columns, "id")
    with pytest.raises(DataError, match="'body' does not exist"):
        find_text_column(columns, "body")
    with pytest.raises(DataError, match="columns are: none"):
        find_text_column({})


def test_a_stop_ends_the_stream_without_waiting_for_it():
    released = threading.Event()

    def slow(name: str, config: str | None, split: str) -> HubRows:
        def rows():
            yield {"text": "first"}
            released.wait(20)

        return HubRows(name, COMMIT, {"text": True}, rows())

    asked = threading.Event()
    _, texts = hub_texts("a/b", should_stop=asked.is_set, open_rows=slow)
    assert next(texts) == "first"
    asked.set()
    began = time.monotonic()
    assert list(texts) == []
    assert time.monotonic() - began < 2
    released.set()


def test_a_bug_is_not_dressed_up_as_a_network_error():
    def buggy(name: str, config: str | None, split: str) -> HubRows:
        raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        hub_texts("a/b", open_rows=buggy)


def test_wikitext_paragraphs_are_joined_to_articles(monkeypatch):
    rows = [" = One = \n", " Text .\n", " = = Part = = \n", " More .\n", " = Two = \n", " End .\n"]

    def opened(name: str, config: str | None, split: str) -> HubRows:
        assert (name, config, split) == ("Salesforce/wikitext", "wikitext-2-raw-v1", "train")
        return HubRows(name, COMMIT, {"text": True}, [{"text": row} for row in rows])

    monkeypatch.setattr(hub, "open_dataset", opened)
    config = sources.SourceConfig(source="wikitext-2")
    assert [document.text for document in sources.read_documents(config)] == [
        "".join(rows[:4]),
        "".join(rows[4:]),
    ]
