"""What arrives from the Hub is kept: nothing lost, nothing twice, no needless network."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm import files, locks
from slm.data import sources
from slm.data.hub import data_sets as hub
from slm.data.hub import spool as hub_spool
from slm.data.hub.data_sets import HubRequest, HubStream, Place, Row
from slm.data.hub.spool import (
    Download,
    delete_download,
    downloads_in,
    find_download,
    open_kept,
)
from slm.data.sources import SourceConfig, open_source
from slm.errors import DataError, HubError, WorkspaceError
from tests.data.hub.fake_hub import COMMIT, STORIES, running_hub

ROOT = Path(__file__).parents[3]
ASKED = HubRequest("owner/name")
BEGINNING = Place()


class Rows:
    """A Hub of a few rows; blank ones hold no text. `breaks_at` says before which row it fails."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.breaks_at: int | None = None
        self.stops_at: int | None = None
        self.opened: list[HubRequest] = []
        self.asked_rows = 0

    def open_stream(
        self, request: HubRequest, start: Place = BEGINNING, **unused: object
    ) -> HubStream:
        self.opened.append(request)
        return HubStream(request.revision or COMMIT, "text", self._rows(start))

    def _rows(self, start: Place) -> Iterator[Row | Place]:
        for row in range(start.rows, len(self.texts)):
            if row == self.breaks_at:
                raise HubError("The Hub cannot be reached.")
            if row == self.stops_at:
                return
            self.asked_rows += 1
            if self.texts[row]:
                yield Row(row, self.texts[row])
            if row % 3 == 0:
                yield Place(row + 1, 0, {"rows": row + 1})


@pytest.fixture()
def rows(monkeypatch):
    fake = Rows([f"text {n}" if n % 4 else "" for n in range(20)])
    monkeypatch.setattr(hub, "open_stream", fake.open_stream)
    return fake


def read(folder: Path, limit: int | None = None, **wishes: bool) -> list[str]:
    kept = open_kept(folder, ASKED, **wishes)
    assert kept is not None
    texts = kept.texts()
    found = list(islice(texts, limit))
    texts.close()
    return found


def test_what_was_read_once_needs_no_network_again(rows, tmp_path):
    whole = [text for text in rows.texts if text]
    assert read(tmp_path) == whole
    (download,) = downloads_in(tmp_path)
    assert download.complete and (download.rows, download.texts) == (20, 15)
    rows.opened.clear()
    assert read(tmp_path) == whole == read(tmp_path, offline=True)
    assert not rows.opened


def test_texts_that_were_cut_are_counted_as_they_are_given_again_and_again(tmp_path, monkeypatch):
    items = [Row(0, "a"), Row(1, "b", left_out=9), Row(2, "c"), Row(3, "d", left_out=1)]
    monkeypatch.setattr(
        hub, "open_stream", lambda *a, **k: HubStream(COMMIT, "text", (item for item in items))
    )
    for limit, n_cut in [(None, 2), (None, 2), (3, 1), (1, 0)]:
        kept = open_kept(tmp_path, ASKED)
        assert kept is not None
        assert len(list(islice(kept.texts(), limit))) == (limit or 4)
        assert dict(kept.findings()).get("documents_cut", 0) == n_cut
        assert len(kept.findings()) == (2 if n_cut else 0)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_source_tells_of_the_rows_that_were_cut(tmp_path, monkeypatch, keeps):
    items = [Row(0, "a"), Row(1, "b", left_out=9)]
    monkeypatch.setattr(
        hub, "open_stream", lambda *a, **k: HubStream(COMMIT, "text", (item for item in items))
    )
    config = SourceConfig(source="hub:owner/name")
    opened = open_source(config, downloads=tmp_path if keeps else None)
    assert len(list(opened.documents)) == 2
    assert opened.findings() == (
        ("documents_cut", 1),
        ("first_problem", "a row of more than 8,388,608 characters, of which the end is left out"),
    )


def test_the_first_few_of_those_that_are_here_need_no_network(rows, tmp_path):
    first = read(tmp_path, 5)
    assert len(rows.opened) == 1
    assert read(tmp_path, 5) == first == [f"text {n}" for n in (1, 2, 3, 5, 6)]
    assert len(rows.opened) == 1
    assert read(tmp_path, 6) == [*first, "text 7"]
    assert len(rows.opened) == 2


def test_a_broken_download_says_what_is_kept_and_goes_on_at_the_same_commit(rows, tmp_path):
    rows.breaks_at = 7
    kept = open_kept(tmp_path, ASKED)
    assert kept is not None
    arrived = []
    with pytest.raises(HubError, match=r"What arrived is kept \(5 rows\): go on"):
        arrived.extend(kept.texts())
    assert read(tmp_path, offline=True) == [f"text {n}" for n in (1, 2, 3, 5, 6)]
    rows.breaks_at = None
    rows.asked_rows = 0
    assert read(tmp_path) == [text for text in rows.texts if text]
    assert rows.opened[-1].revision == COMMIT and rows.opened[-1].text_column == "text"
    assert rows.asked_rows == 20 - 7


def test_a_broken_download_asked_for_in_other_words_goes_on_where_its_rows_end(rows, tmp_path):
    """The column named once and left to be found the next time is the same folder."""
    rows.breaks_at = 7
    in_words = replace(ASKED, text_column="text")
    named = open_kept(tmp_path, in_words)
    assert named is not None
    with pytest.raises(HubError):
        list(named.texts())
    rows.breaks_at = None
    rows.asked_rows = 0
    assert read(tmp_path) == [text for text in rows.texts if text]
    assert rows.asked_rows == 20 - 7
    (download,) = downloads_in(tmp_path)
    assert download.complete and (download.rows, download.texts) == (20, 15)
    kept = open_kept(tmp_path, in_words, offline=True)
    assert kept is not None and list(kept.texts()) == [text for text in rows.texts if text]


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.sampled_from(["", "a", "b\n", "ü\ud800"]), max_size=25),
    tries=st.lists(st.tuples(st.integers(0, 26), st.booleans()), max_size=5),
    part_bytes=st.integers(1, 6),
)
def test_however_it_is_cut_every_text_is_there_once_and_in_order(
    tmp_path_factory, texts, tries, part_bytes
):
    folder = tmp_path_factory.mktemp("spool")
    fake = Rows(texts)
    whole = [text for text in texts if text]
    written = [text.replace("\ud800", "\ufffd") for text in whole]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "open_stream", fake.open_stream)
        patch.setattr(hub_spool, "_PART_BYTES", part_bytes)
        for place, by_error in tries:
            fake.breaks_at = place if by_error else None
            try:
                found = read(folder, None if by_error else place)
            except HubError:
                continue
            assert found == written[: len(found)]
        fake.breaks_at = None
        assert read(folder) == written
        assert read(folder, offline=True) == written


def test_a_stop_keeps_what_arrived_and_does_not_call_it_whole(rows, tmp_path):
    asked = False
    kept = open_kept(tmp_path, ASKED, should_stop=lambda: asked)
    assert kept is not None
    texts = kept.texts()
    assert next(texts) == "text 1"
    asked = True
    rows.stops_at = 3
    assert list(texts) == ["text 2"]
    assert not downloads_in(tmp_path)[0].complete


def test_two_jobs_do_not_fetch_the_same_rows(rows, tmp_path):
    first = open_kept(tmp_path, ASKED)
    assert first is not None
    texts = first.texts()
    next(texts)
    second = hub_spool.KeptStream(first.download)
    with pytest.raises(HubError, match="Another job fetches owner/name"):
        list(second.texts())
    assert first.download.busy
    with pytest.raises(DataError, match="is running"):
        delete_download(tmp_path, first.download.key)
    texts.close()
    assert not first.download.busy
    delete_download(tmp_path, first.download.key)
    assert downloads_in(tmp_path) == []


@pytest.mark.parametrize("key", ["", "..", "../x", "a" * 24, "A" * 24])
def test_only_a_download_can_be_deleted(tmp_path, key):
    with pytest.raises(DataError, match="There is no download"):
        delete_download(tmp_path, key)


def test_a_download_answers_only_what_it_holds():
    asked = HubRequest("a/b", None, "train", None)
    download = Download(Path("x"), asked, "r1", "text")
    assert download.answers(asked)
    assert download.answers(HubRequest("a/b", None, "train", "text", "r1"))
    for other in (
        HubRequest("a/c"),
        HubRequest("a/b", "german"),
        HubRequest("a/b", None, "test"),
        HubRequest("a/b", None, "train", "title"),
        HubRequest("a/b", None, "train", None, "r2"),
    ):
        assert not download.answers(other)


def test_damaged_and_foreign_folders_are_left_out(rows, tmp_path):
    read(tmp_path)
    (tmp_path / ("b" * 24)).mkdir()
    (tmp_path / "notes").mkdir()
    (good,) = downloads_in(tmp_path)
    (good.folder / "part-00000.parquet").write_bytes(b"torn")
    with pytest.raises(DataError, match="damaged in part-00000"):
        read(tmp_path, offline=True)
    assert downloads_in(tmp_path / "nowhere") == []


def test_a_full_disk_is_told_and_what_was_written_stays(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(hub_spool, "_PART_BYTES", 1)
    assert len(read(tmp_path, 3)) == 3

    def full(path: Path, data: bytes, **unused: object) -> None:
        with files.disk_errors(path):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_bytes", full)
    with pytest.raises(WorkspaceError, match="disk is full"):
        read(tmp_path)
    monkeypatch.undo()
    assert read(tmp_path, offline=True) == ["text 1", "text 2", "text 3"]


def test_nothing_kept_and_no_network_is_a_sentence(rows, tmp_path):
    with pytest.raises(HubError, match=r"Nothing of owner/name \(train\) has been downloaded yet"):
        open_kept(tmp_path, ASKED, offline=True)
    assert not rows.opened


def test_a_job_that_is_killed_loses_no_part_that_was_written(tmp_path):
    """The process is ended without warning once a part is there; another goes on after it."""
    code = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from slm.data.hub import data_sets as hub, spool as hub_spool
from slm.data.hub.data_sets import HubRequest
from tests.data.hub.test_spool import Rows
class Slow(Rows):
    def _rows(self, start):
        for item in Rows._rows(self, start):
            time.sleep(0.02)
            yield item
hub.open_stream = Slow([f"text {{n}}" for n in range(500)]).open_stream
hub_spool._PART_BYTES = 30
for _ in hub_spool.open_kept(Path({str(tmp_path)!r}), HubRequest("owner/name")).texts(): pass
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = downloads_in(tmp_path)
        if found and found[0].parts >= 3:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    (killed,) = downloads_in(tmp_path)
    assert 3 <= killed.texts < 500 and not locks.is_held(killed.folder / "download.lock")
    with pytest.MonkeyPatch.context() as patch:
        fake = Rows([f"text {n}" for n in range(500)])
        patch.setattr(hub, "open_stream", fake.open_stream)
        assert read(tmp_path) == [f"text {n}" for n in range(500)]
        assert fake.asked_rows == 500 - killed.rows


def test_a_source_goes_on_after_the_hub_was_mended(tmp_path, monkeypatch):
    """The whole way, over HTTP: three of six stories, then a break, then the other three."""
    config = SourceConfig(source="hub:odd/breaks")
    with running_hub() as fake:
        for key, value in fake.environment(tmp_path / "home").items():
            monkeypatch.setenv(key, value)
        spool = tmp_path / "downloads"
        arrived = []
        with pytest.raises(HubError, match=r"What arrived is kept \(3 rows\)"):
            arrived.extend(d.text for d in open_source(config, downloads=spool).documents)
        assert arrived == STORIES[:3]
        fake.asked.clear()
        kept = open_source(config.replace(hub_offline=True), downloads=spool)
        assert [document.text for document in kept.documents] == STORIES[:3]
        three = open_source(config.replace(documents=3), downloads=spool)
        assert [document.text for document in three.documents] == STORIES[:3]
        assert not fake.asked
        fake.mended.add("odd/breaks")
        whole = open_source(config, downloads=spool)
        assert [document.text for document in whole.documents] == STORIES
        assert ("hub_revision", COMMIT) in whole.facts
    found = find_download(spool, sources.hub_request(config))
    assert found is not None and found.complete
