"""The Hub, as a fake one on this machine plays it: good, missing, slow, broken, hostile."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from slm.data import sources
from slm.data.hub import data_sets as hub
from slm.data.hub import process as hub_process
from slm.data.hub.data_sets import HubRequest, Row, check_hub_name, describe, open_stream
from slm.data.hub.stream import in_words
from slm.errors import DataError, HubError
from tests.data.hub.fake_hub import COMMIT, MANY, STORIES, environment, parquet, running_hub

ROOT = Path(__file__).parents[3]
TEXTS = [text for text in MANY if text.strip()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the reader runs: a folder that looks like a data set lies in wait there."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "good" / "stories").mkdir(parents=True)
    (folder / "good" / "stories" / "a.parquet").write_bytes(parquet({"text": ["local!"]}))
    return folder


def request(name: str, **wishes: object) -> dict[str, object]:
    return {"name": name, "config": None, "split": "train", "text_column": None, **wishes}


def asking(name: str, **wishes: object) -> dict[str, object]:
    return {"kind": "describe", "name": name, "config": None, "split": None, **wishes}


@pytest.fixture(scope="module")
def records(folder):
    """What the reader says to each of many requests, asked in one process."""
    requests = {
        "good": request("good/stories"),
        "summaries": request("good/summaries"),
        "chats": request("good/chats"),
        "nested": request("good/nested", text_column="translation.fr"),
        "long": request("odd/long"),
        "missing": request("good/missing"),
        "split": request("good/stories", split="dev"),
        "config": request("good/stories", config="french"),
        "column": request("odd/two-columns"),
        "script": request("odd/script"),
        "busy": request("odd/busy"),
        "paused": request("odd/paused"),
        "gated": request("odd/gated"),
        "parts": asking("good/parts"),
        "other part": asking("good/parts", config="french", split="dev"),
        "gated page": asking("odd/gated"),
        "many": request("good/many"),
        **{
            f"many from {rows}": request("good/many", rows=rows, state_of="many", revision=COMMIT)
            for rows in (1, 7, 99, 100, 101, 238, 399, 400)
        },
        "many without state": request("good/many", rows=238),
    }
    with running_hub() as fake:
        done = subprocess.run(
            [sys.executable, "-m", "tests.data.hub.hub_client", json.dumps(requests)],
            cwd=folder,
            env={**os.environ, **fake.environment(folder / "home"), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture()
def fake(folder, monkeypatch):
    with running_hub() as fake:
        for key, value in fake.environment(folder / "home").items():
            monkeypatch.setenv(key, value)
        yield fake


def texts(told: list[dict[str, object]]) -> list[object]:
    return [record["text"] for record in told if "text" in record]


def test_rows_come_in_order_from_every_file_at_a_fixed_commit(records):
    ready, commit, *rows, state, end = records["good"]
    assert ready == {"ready": True}
    assert commit == {"revision": COMMIT, "column": "text"}
    assert rows == [{"row": n, "text": story} for n, story in enumerate(STORIES)]
    assert state["rows"] == 6 and end == {"end": 6}


def test_the_only_column_of_text_is_found_and_blank_rows_are_left_out(records):
    assert texts(records["summaries"]) == ["one"]


def test_conversations_and_nested_fields_are_read_as_text(records):
    assert texts(records["chats"]) == ["user: Hi\n\nassistant: Hello"]
    assert texts(records["nested"]) == ["oui"]


def test_a_row_that_would_fill_the_memory_is_cut_and_says_by_how_much(records):
    """At most 40 characters here, of 47."""
    rows = [record for record in records["long"] if "row" in record]
    assert rows == [
        {"row": 0, "text": "x" * 40},
        {"row": 1, "text": "y" * 40, "left_out": 7},
        {"row": 2, "text": "z"},
    ]


@pytest.mark.parametrize("rows", [1, 7, 99, 100, 101, 238, 399, 400])
def test_a_stream_goes_on_at_any_row_with_none_lost_and_none_twice(records, rows):
    """Four files of a hundred rows, in groups of ten; blank rows count as rows."""
    assert texts(records["many"]) == TEXTS
    rest = [text for text in MANY[rows:] if text.strip()]
    assert texts(records[f"many from {rows}"]) == rest
    if rows == 238:
        assert texts(records["many without state"]) == rest


def test_a_description_lists_parts_sizes_columns_and_first_rows(records):
    told = {key: value for record in records["parts"] for key, value in record.items()}
    assert told["about"]["licence"] == "mit" and told["about"]["language"] == "de, fr"
    assert [part["name"] for part in told["configs"]] == ["german", "french"]
    assert told["configs"][0]["splits"] == [{"name": "train", "rows": 2, "bytes": 20}]
    assert told["part"] == {
        "config": "german",
        "splits": ["train", "test"],
        "split": "train",
        "columns": {"text": "text", "n": "number"},
    }
    assert told["first"] == [{"text": "eins", "n": "1"}, {"text": "zwei", "n": "2"}]


def test_a_data_set_behind_terms_is_told_before_anything_is_read(records):
    _, about, end = records["gated page"]
    assert about["about"]["gated"] and end == {"end": 0}


@pytest.mark.parametrize(
    ("case", "kind", "message"),
    [
        ("missing", "HubError", "The Hub has no public data set good/missing. Check owner"),
        ("split", "HubError", "good/stories cannot be read: Bad split: dev. Available"),
        ("config", "HubError", "good/stories cannot be read: BuilderConfig 'french' not found"),
        ("other part", "HubError", "good/parts has no split 'dev'; it has: train."),
        ("column", "DataError", "Which column holds the text? The data set's columns are: 'left'"),
        ("script", "HubError", "odd/script cannot be read: Dataset scripts are no longer support"),
        ("busy", "HubError", "The Hub cannot be reached for odd/busy: Server error '503"),
        ("paused", "HubError", "The Hub asks for a pause (429 Too Many Requests) about odd/paused"),
        ("gated", "HubError", "odd/gated asks its readers to accept terms first. Choose an open"),
    ],
)
def test_what_goes_wrong_is_a_sentence(records, case, kind, message):
    told = records[case][-1]
    assert told["kind"] == kind
    assert told["error"].startswith(message)


def test_code_of_a_data_set_is_never_run(records, folder):
    assert "error" in records["script"][-1]
    assert not (folder / "canary").exists()


def test_a_stream_that_breaks_gives_what_arrived_and_then_a_sentence(fake):
    stream = open_stream(HubRequest("odd/breaks"))
    assert stream is not None and (stream.revision, stream.column) == (COMMIT, "text")
    assert [next(stream.rows) for _ in range(3)] == [Row(n, STORIES[n]) for n in range(3)]
    with pytest.raises(HubError, match="reached for odd/breaks after 3 rows"):
        list(stream.rows)


def test_a_pause_that_the_hub_asks_for_midway_is_named(fake):
    stream = open_stream(HubRequest("odd/pauses"), patience_seconds=300)
    assert stream is not None
    with pytest.raises(HubError, match=r"pause of 3601 seconds \(429 Too Many Requests\)"):
        list(stream.rows)  # at once: it makes no sense to wait so long


def test_a_description_is_one_object(fake):
    told = describe("good/parts")
    assert (told.config, told.split, told.column, told.problem) == ("german", "train", "text", "")
    assert told.size_of("german", "train").rows == 2
    assert told.size_of("french", "train").rows is None
    assert json.loads(json.dumps(told.to_json()))["title"] == "Tales of two tongues"


def test_no_network_names_the_corpora_that_need_none(folder, monkeypatch):
    for key, value in environment("http://127.0.0.1:9", folder / "home").items():
        monkeypatch.setenv(key, value)
    with pytest.raises(HubError) as raised:
        open_stream(HubRequest("good/stories"))
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
        open_stream(HubRequest(name), reader=["/no/such/program"])
    with pytest.raises(HubError, match="Use owner/name"):
        describe(name, reader=["/no/such/program"])


def reader(code: str) -> list[str]:
    """A reader process that plays the Hub's."""
    return [sys.executable, "-c", f"import sys, time\n{code}"]


SLOW = """
print('{"ready": 1}\\n{"revision": "r", "column": "c"}\\n{"row": 0, "text": "first"}', flush=True)
time.sleep(60)
"""


def test_a_stop_ends_the_stream_without_waiting_for_it():
    asked = threading.Event()
    stream = open_stream(HubRequest("a/b"), should_stop=asked.is_set, reader=reader(SLOW))
    assert stream is not None and next(stream.rows) == Row(0, "first")
    asked.set()
    began = time.monotonic()
    assert list(stream.rows) == []
    assert time.monotonic() - began < 30  # of the 60 that the Hub is silent


def test_a_silence_is_told_and_leaves_neither_process_nor_thread():
    stream = open_stream(HubRequest("a/b"), patience_seconds=0.6, reader=reader(SLOW))
    assert stream is not None
    with pytest.raises(HubError, match=r"no answer about a/b for 1 seconds"):
        list(stream.rows)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hub ")]


def test_our_own_slowness_is_not_the_hubs_silence():
    rows = "".join(f'{{"row": {n}, "text": "t"}}\\n' for n in range(3))
    told = f"""print('{{"ready": 1}}\\n{{"revision": "r", "column": "c"}}')
time.sleep(0.2); print('{rows}{{"end": 3}}', flush=True)"""
    stream = open_stream(HubRequest("a/b"), patience_seconds=0.5, reader=reader(told))
    assert stream is not None
    for _ in stream.rows:
        time.sleep(0.7)


def _words_of(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def test_rows_that_nobody_takes_yet_wait_in_the_reader(tmp_path, monkeypatch):
    """4 MB wait here, one more is on its way and one in the pipe: of 64 MB 58 are not yet read."""
    monkeypatch.setattr(hub_process, "_MOST_WAITING_BYTES", 4_100_000)
    progress = tmp_path / "progress"
    told = f"""
print('{{"ready": 1}}\\n{{"revision": "r", "column": "c"}}', flush=True)
for row in range(64):
    print('{{"row": ' + str(row) + ', "text": "' + "x" * 1_000_000 + '"}}', flush=True)
    open({str(progress)!r}, "a").write("row\\n")
print('{{"end": 64}}')
"""
    stream = open_stream(HubRequest("a/b"), reader=reader(told))
    assert stream is not None
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and len(_words_of(progress)) < 4:
        time.sleep(0.05)
    time.sleep(0.5)  # in which it would go on
    assert 4 <= len(_words_of(progress)) <= 6
    assert sum(len(row.text) for row in stream.rows) == 64_000_000


def test_a_description_takes_no_longer_than_it_may():
    trickle = """
print('{"ready": 1}', flush=True)
while True:
    print('{"configs": []}', flush=True); time.sleep(0.1)
"""
    began = time.monotonic()
    with pytest.raises(HubError, match="no answer about a/b for 1 seconds"):
        describe("a/b", deadline_seconds=1.0, reader=reader(trickle))
    assert time.monotonic() - began < 30  # and not for ever, as it trickles


def test_a_reader_that_crashes_is_told():
    with pytest.raises(HubError, match=r"a/b cannot be read: its reader ended with status 3\."):
        open_stream(HubRequest("a/b"), reader=reader("sys.exit(3)"))


def test_the_reader_inherits_the_way_to_the_hub_and_no_other_secret(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HF_HOME", "/cache")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    told = """
import json, os
print('{"ready": 1}\\n{"revision": "r", "column": "c"}')
print(json.dumps({"row": 0, "text": json.dumps(dict(os.environ))}) + '\\n{"end": 1}')
"""
    stream = open_stream(HubRequest("a/b"), reader=reader(told))
    assert stream is not None
    (row,) = stream.rows
    environment = json.loads(row.text)
    assert environment["HF_HOME"] == "/cache" and environment["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert environment["https_proxy"] == "http://127.0.0.1:9" and environment["PATH"]
    assert "secret" not in row.text


def test_the_reader_ends_with_its_parent():
    """The parent is gone without a word while the reader waits for the network."""
    waits = (
        "import os, sys, time; from slm.data.hub import stream\n"
        "def answer(request):\n"
        "    yield {'ready': True}; yield {'revision': str(os.getpid()), 'column': 'c'}\n"
        "    time.sleep(60)\n"
        "stream.answer = answer; stream.main({})\n"
    )
    code = (
        "import os, sys; from slm.data.hub.data_sets import HubRequest, open_stream\n"
        f"stream = open_stream(HubRequest('a/b'), reader=[sys.executable, '-c', {waits!r}])\n"
        "print(stream.revision, flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60
    )
    pid, deadline = int(done.stdout), time.monotonic() + 20
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_what_a_library_prints_between_records_is_no_record():
    """Words, a number, a list, bytes that are no UTF-8, a blank line: none ends the stream."""
    told = """
say = sys.stdout.buffer.write
say(b'Downloading...\\n{"ready": 1}\\n7\\n{"revision": "r", "column": "c"}\\n\\n')
say(b'[1]\\n{"row": 0, "text": "first"}\\n\\xff\\n{"row": 1, "text": "second"}\\n{"end": 2}\\n')
"""
    stream = open_stream(HubRequest("a/b"), patience_seconds=2, reader=reader(told))
    assert stream is not None
    assert list(stream.rows) == [Row(0, "first"), Row(1, "second")]


def test_a_bug_is_not_dressed_up_as_a_network_error():
    assert in_words(TypeError("a bug"), "a/b", 0) is None
    assert isinstance(in_words(TimeoutError("late"), "a/b", 0), HubError)


def test_wikitext_paragraphs_are_joined_to_articles(monkeypatch):
    rows = [" = One = \n", " Text .\n", " = = Part = = \n", " More .\n", " = Two = \n", " End .\n"]

    def opened(asked: HubRequest, **unused: object):
        wanted = ("Salesforce/wikitext", "wikitext-2-raw-v1", "train")
        assert (asked.name, asked.config, asked.split) == wanted
        return hub.HubStream(COMMIT, "text", (Row(n, text) for n, text in enumerate(rows)))

    monkeypatch.setattr(hub, "open_stream", opened)
    config = sources.SourceConfig(source="wikitext-2")
    assert [document.text for document in sources.read_documents(config)] == [
        "".join(rows[:4]),
        "".join(rows[4:]),
    ]


def test_real_names_pass():
    for info in sources.PUBLISHED.values():
        assert check_hub_name(info.hub_name) == info.hub_name


def test_offline_without_a_place_to_keep_things_is_refused():
    with pytest.raises(DataError, match="Leave hub_offline out"):
        sources.open_source(sources.SourceConfig(source="hub:a/b", hub_offline=True))
