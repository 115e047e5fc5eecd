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
from slm.data.hub import check_hub_name, hub_texts
from slm.data.hub_stream import find_text_column, in_words
from slm.errors import DataError, HubError
from tests.data.fake_hub import COMMIT, STORIES, fake_hub, parquet

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the reader runs: a folder that looks like a data set lies in wait there."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "good" / "stories").mkdir(parents=True)
    (folder / "good" / "stories" / "a.parquet").write_bytes(parquet({"text": ["local!"]}))
    return folder


def settings_for(address: str, folder: Path) -> dict[str, str]:
    proxies = ("http_proxy", "https_proxy", "all_proxy")
    none = dict.fromkeys([*proxies, *map(str.upper, proxies)], "")
    return {**none, "HF_ENDPOINT": address, "HF_HOME": str(folder / "home")}


def request(name: str, **wishes: str) -> dict[str, object]:
    return {"name": name, "config": None, "split": "train", "text_column": None, **wishes}


@pytest.fixture(scope="module")
def records(folder):
    """What the reader says to each of many requests, asked in one process."""
    requests = {
        "good": request("good/stories"),
        "summaries": request("good/summaries"),
        "missing": request("good/missing"),
        "split": request("good/stories", split="dev"),
        "config": request("good/stories", config="french"),
        "column": request("odd/two-columns"),
        "script": request("odd/script"),
        "busy": request("odd/busy"),
    }
    with fake_hub() as address:
        done = subprocess.run(
            [sys.executable, "-m", "tests.data.hub_client", json.dumps(requests)],
            cwd=folder,
            env={**os.environ, **settings_for(address, folder), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rows_come_in_order_from_every_file_at_a_fixed_commit(records):
    ready, commit, *texts, end = records["good"]
    assert ready == {"ready": True}
    assert commit == {"revision": COMMIT}
    assert texts == [{"text": story} for story in STORIES]
    assert end == {"end": 6}


def test_the_only_column_of_text_is_found_and_blank_rows_are_left_out(records):
    assert records["summaries"][2:] == [{"text": "one"}, {"end": 1}]


@pytest.mark.parametrize(
    ("case", "kind", "message"),
    [
        ("missing", "HubError", "The Hub has no public data set good/missing. Check owner"),
        ("split", "HubError", "good/stories cannot be read: Bad split: dev. Available"),
        ("config", "HubError", "good/stories cannot be read: BuilderConfig 'french' not found"),
        ("column", "DataError", "Which column holds the text? The data set's columns are: 'left'"),
        ("script", "HubError", "odd/script cannot be read: Dataset scripts are no longer support"),
        ("busy", "HubError", "The Hub cannot be reached for odd/busy: Server error '503"),
    ],
)
def test_what_goes_wrong_is_a_sentence(records, case, kind, message):
    told = records[case][-1]
    assert told["kind"] == kind
    assert told["error"].startswith(message)


def test_code_of_a_data_set_is_never_run(records, folder):
    assert "error" in records["script"][-1]
    assert not (folder / "canary").exists()


def test_a_stream_that_breaks_gives_what_arrived_and_then_a_sentence(folder, monkeypatch):
    with fake_hub() as address:
        for key, value in settings_for(address, folder).items():
            monkeypatch.setenv(key, value)
        revision, texts = hub_texts("odd/breaks")
        assert revision == COMMIT
        assert [next(texts) for _ in range(3)] == STORIES[:3]
        with pytest.raises(HubError, match="reached for odd/breaks after 3 documents"):
            next(texts)


def test_no_network_names_the_corpora_that_need_none(folder, monkeypatch):
    for key, value in settings_for("http://127.0.0.1:9", folder).items():
        monkeypatch.setenv(key, value)
    with pytest.raises(HubError) as raised:
        hub_texts("good/stories")
    assert str(raised.value).startswith("The Hub cannot be reached for good/stories")
    assert str(raised.value).endswith("(tales, python-docs, python-code) need no network.")


@pytest.mark.parametrize(
    "name",
    [
        *("", "stories", "../up/here", "a/../b", "/etc/passwd", "a/b/c", "http://x/y", "a\\b/c"),
        *("a/b\n", ".a/b", "a/.b", "a b/c", "~/x", "a/b..c", "hf://datasets/a/b", "ä/b", "a/b.git"),
    ],
)
def test_anything_but_owner_and_name_is_refused_before_the_network(name):
    with pytest.raises(HubError, match="Use owner/name"):
        hub_texts(name, reader=["/no/such/program"])


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


def reader(code: str) -> list[str]:
    """A reader process that plays the Hub's."""
    return [sys.executable, "-c", f"import sys, time\n{code}"]


SLOW = """
print('{"ready": 1}\\n{"revision": "r"}\\n{"text": "first"}', flush=True)
time.sleep(60)
"""


def test_a_stop_ends_the_stream_without_waiting_for_it():
    asked = threading.Event()
    _, texts = hub_texts("a/b", should_stop=asked.is_set, reader=reader(SLOW))
    assert next(texts) == "first"
    asked.set()
    began = time.monotonic()
    assert list(texts) == []
    assert time.monotonic() - began < 5


def test_a_silence_is_told_and_leaves_neither_process_nor_thread():
    _, texts = hub_texts("a/b", patience_seconds=0.6, reader=reader(SLOW))
    with pytest.raises(HubError, match=r"no answer about a/b for 1 seconds after 1 documents"):
        list(texts)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hub ")]


def test_a_reader_that_crashes_is_told():
    with pytest.raises(HubError, match=r"a/b cannot be read: its reader ended with status 3\."):
        hub_texts("a/b", reader=reader("sys.exit(3)"))


def test_a_bug_is_not_dressed_up_as_a_network_error():
    assert in_words(TypeError("a bug"), "a/b", 0) is None
    assert isinstance(in_words(TimeoutError("late"), "a/b", 0), HubError)


def test_wikitext_paragraphs_are_joined_to_articles(monkeypatch):
    rows = [" = One = \n", " Text .\n", " = = Part = = \n", " More .\n", " = Two = \n", " End .\n"]

    def opened(name: str, *, config: str, split: str, **unused: object):
        assert (name, config, split) == ("Salesforce/wikitext", "wikitext-2-raw-v1", "train")
        return COMMIT, iter(rows)

    monkeypatch.setattr(hub, "hub_texts", opened)
    config = sources.SourceConfig(source="wikitext-2")
    assert [document.text for document in sources.read_documents(config)] == [
        "".join(rows[:4]),
        "".join(rows[4:]),
    ]
