"""The reading process as its parent sees it: fast, bounded, and gone when it should be."""

import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from slm.data.reading import ingest, ingest_process
from slm.data.reading.ingest import LOCAL, UPLOAD, HowToRead, open_documents, preview
from slm.errors import DataError
from tests.data.reading import hostile_files as made
from tests.data.reading.hostile_files import STORY, stories, zipped

ROOT = Path(__file__).parents[3]


def written(folder: Path, name: str, data: bytes | str = STORY) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def children() -> list[psutil.Process]:
    """Reading processes of this test that still live."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if any("ingest_worker" in part or "odd_reader" in part for part in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


@pytest.fixture()
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the parser misbehave as a file's name says."""
    monkeypatch.setattr(ingest_process, "_WORKER", ("-P", "-m", "tests.data.reading.odd_reader"))


def test_documents_come_in_order_with_their_files_and_facts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    written(folder, "b.jsonl", f'{{"text": "{STORY} 1"}}\n{{"text": "{STORY} 2"}}\n{{')
    written(folder, "a.txt", "Zoë. " * 20)
    reading = open_documents(folder)
    assert list(reading.documents) == [
        ("Zoë. " * 20, "a.txt"),
        (f"{STORY} 1", "b.jsonl"),
        (f"{STORY} 2", "b.jsonl"),
    ]
    facts = dict(reading.findings())
    assert facts["files_read"] == 2 and facts["rows_skipped"] == 1
    assert facts["first_problem"].startswith("b.jsonl, line 3: no JSON")
    assert children() == []


def test_many_documents_and_a_large_one_pass_the_pipe_unchanged(tmp_path):
    texts = [f"{i} {'ü' * (i % 700)}" for i in range(20_000)] + ["word " * 700_000]
    path = written(tmp_path, "a.jsonl", "\n".join(json.dumps({"text": text}) for text in texts))
    assert [text for text, _ in open_documents(path).documents] == texts


def test_dropping_the_documents_ends_the_process(tmp_path):
    path = written(tmp_path, "a.txt", stories(60_000))
    reading = open_documents(path)
    next(reading.documents)
    assert len(children()) == 1
    del reading
    gc.collect()
    assert children() == []
    never_taken = open_documents(path)
    del never_taken
    gc.collect()
    assert children() == []


def test_asked_to_stop_it_gives_no_more(tmp_path):
    path = written(tmp_path, "a.txt", stories(60_000))
    asked: list[bool] = []
    reading = open_documents(path, should_stop=lambda: bool(asked))
    next(reading.documents)
    asked.append(True)
    assert sum(1 for _ in reading.documents) < 3_000
    assert children() == []


@pytest.mark.parametrize(
    ("name", "limits", "said"),
    [
        ("crash.txt", UPLOAD, r"crash\.txt broke its reader \(status -11\)"),
        ("panic.txt", UPLOAD, r"panic\.txt broke its reader \(.*PanicError: index out of bounds\)"),
        ("hang.txt", replace(UPLOAD, cpu_seconds=1), r"not be read within 1 s of computing"),
        ("sleep.txt", replace(UPLOAD, wall_seconds=0.5), r"could not be read within 0\.5 s"),
        ("sleep.md", replace(LOCAL, silence_seconds=0.5), r"could not be read within 0\.5 s"),
        ("eat.txt", replace(UPLOAD, memory_bytes=300_000_000), r"more than 0\.3 GB of memory"),
    ],
)
def test_a_parser_that_breaks_costs_a_sentence(tmp_path, odd, name, limits, said):
    with pytest.raises(DataError, match=said):
        list(open_documents(written(tmp_path, name), limits=limits).documents)
    assert children() == []


def test_the_other_files_of_an_archive_outlive_one_that_breaks_its_reader(tmp_path, odd):
    names = ["a.txt", "b crash.txt", "c.txt", "d eat.txt", "e.txt"]
    path = written(tmp_path, "x.zip", zipped(dict.fromkeys(names, STORY)))
    reading = open_documents(path, limits=replace(UPLOAD, memory_bytes=300_000_000))
    assert [source for _, source in reading.documents] == ["a.txt", "c.txt", "e.txt"]
    facts = dict(reading.findings())
    assert (facts["files_read"], facts["files_skipped"]) == (3, 2)
    assert facts["first_problem"].startswith("b crash.txt in x.zip broke its reader")


def test_after_a_file_that_breaks_its_reader_only_the_rest_counts_against_the_limit(tmp_path, odd):
    """2,000 + 20 + 1,000 bytes of at most 3,500: the second reader may still give 1,500 or so."""
    inside = {"a.txt": "x" * 2_000, "b crash.txt": "y" * 20, "c.txt": "z" * 1_000}
    path = written(tmp_path, "x.zip", zipped(inside))
    reading = open_documents(path, limits=replace(UPLOAD, text_bytes=3_500))
    assert {source for _, source in reading.documents} == {"a.txt", "c.txt"}
    facts = dict(reading.findings())
    assert (facts["files_read"], facts["files_skipped"]) == (2, 1)


def test_what_is_no_frame_ends_the_reading_in_words(tmp_path, monkeypatch):
    """The reader waits for a parent that waits for it: the one that spoke nonsense is ended."""
    code = """
import struct, sys, time
sys.stdout.buffer.write(struct.pack("<II", 5, 0) + b"{oops")
sys.stdout.buffer.flush()
time.sleep(60)
"""
    monkeypatch.setattr(ingest_process, "_WORKER", ("-c", code))
    monkeypatch.setattr(ingest_process, "_PARTING_SECONDS", 0.2, raising=False)
    monkeypatch.setattr(ingest_process, "_START_SECONDS", 5.0)
    with pytest.raises(DataError, match="what it wrote cannot be understood"):
        open_documents(written(tmp_path, "a.txt"))


def test_what_a_library_prints_is_no_document(tmp_path, odd):
    assert [text for text, _ in open_documents(written(tmp_path, "talk.txt")).documents] == [STORY]


def test_it_inherits_no_secret_and_no_thread_count(tmp_path, odd, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    ((told, _),) = open_documents(written(tmp_path, "tell.txt")).documents
    environment = json.loads(told)
    assert "secret" not in told and environment["OMP_NUM_THREADS"] == "1"


@pytest.mark.skipif(os.name == "nt", reason="the limit is POSIX")
def test_it_can_write_no_file(tmp_path, odd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="broke its reader"):
        list(open_documents(written(tmp_path, "write.txt")).documents)
    assert (
        not (tmp_path / "write.txt.made").exists() or not (tmp_path / "write.txt.made").read_bytes()
    )


def test_it_ends_with_its_parent(tmp_path):
    path = written(tmp_path, "a.txt", stories(60_000))
    code = (
        "import os; from pathlib import Path; from slm.data.reading import ingest; import psutil\n"
        f"reading = ingest.open_documents(Path({str(path)!r})); next(reading.documents)\n"
        "print(psutil.Process().children()[0].pid, flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    pid, deadline = int(done.stdout), time.monotonic() + 20
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_a_bomb_is_refused_before_it_fills_anything(tmp_path):
    path = written(tmp_path, "a.parquet", made.parquet_bomb())
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match="more than 50 MB of text"):
        for text, _ in open_documents(path, limits=UPLOAD).documents:
            assert len(text) == 20_000
    few = open_documents(path, limits=LOCAL).documents
    assert len(next(few)[0]) == 20_000


def test_a_page_that_means_gigabytes_is_stopped_by_the_memory_limit(tmp_path):
    """150 texts of 1 MB in a few bytes come in one block, which cannot be had without memory."""
    held = made.io.BytesIO()
    big = made.pa.array(["x" * 1_000_000] * 150)
    made.pq.write_table(
        made.pa.table({"text": big}), held, compression="zstd", use_dictionary=False
    )
    path = written(tmp_path, "a.parquet", held.getvalue())
    assert path.stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"more than 0\.15 GB of memory"):
        list(open_documents(path, limits=replace(UPLOAD, memory_bytes=150_000_000)).documents)


def test_a_preview_tells_what_is_inside(tmp_path):
    table = written(tmp_path, "a.csv", f"id;tale;n\n1;{STORY};3\n2;{STORY};4\n")
    found = preview(table)
    assert [column.name for column in found.columns] == ["id", "tale", "n"]
    assert found.text_column == "tale" and found.delimiter == "semicolon"
    assert found.rows[0] == ("1", STORY, "3") and found.counted == 2 and found.whole
    archive = written(tmp_path, "b.zip", zipped({"a.txt": STORY, "b.png": b"x" * 9}))
    inside = preview(archive).members
    assert [(item.name, item.left_out) for item in inside] == [
        ("a.txt", None),
        ("b.png", "the ending '.png' is not read"),
    ]
    assert preview(written(tmp_path, "c.pdf", made.pdf(STORY, STORY))).pages == 2


def test_a_table_without_text_asks_a_question_instead_of_failing(tmp_path):
    found = preview(written(tmp_path, "a.csv", "a,b\n1,2\n"))
    assert found.question and "Its columns are: 'a', 'b'" in found.question
    assert preview(tmp_path / "a.csv", HowToRead("b")).documents == ("2",)


def test_a_preview_of_a_hanging_parser_ends(tmp_path, odd):
    path = written(tmp_path, "hang.txt")
    with pytest.raises(DataError, match="within 1 s of computing"):
        preview(path, limits=replace(ingest.PREVIEW, cpu_seconds=1))


def test_a_preview_survives_its_json():
    found = ingest.Preview("a.txt", "text", 9, columns=(ingest_column(),), rows=(("x",),))
    assert ingest.Preview.from_json(json.loads(json.dumps(found.to_json()))) == found


def ingest_column():
    from slm.data.reading.tables import Column

    return Column("text", "text", 9.0)
