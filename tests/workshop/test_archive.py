"""Work is taken home as a zip and opened there, whole or not at all."""

import io
import json
import stat
import tracemalloc
import zipfile

import pytest

from slm import files
from slm.errors import DataError
from slm.workshop import archive, opening
from slm.workspace import Workspace

ADA, BOB = "p-00000000aa", "p-00000000bb"


@pytest.fixture
def room(tmp_path):
    """A corpus of Bob's, a tokenizer from it by Ada, and a run of hers that has grown since."""
    here = Workspace(tmp_path / "room")
    ada, bob = here.acting_as(ADA), here.acting_as(BOB)
    corpus = bob.corpora.open_folder("tales", {"facts.json": {"n": 1}})
    bob.corpora.open_folder("other", {})
    tokenizer = ada.tokenizers.open_folder("bpe", {"t.json": {}}, parents={"corpus": corpus})
    parents = {"corpus": corpus, "tokenizer": tokenizer}
    run = ada.runs.open_folder("first", {"config.json": {}}, parents=parents)
    files.append_record(run.folder / "metrics.jsonl", {"step": 1})
    with files.commit_folder(run.folder / "ckpt" / "00000010", {"step": 10}) as draft:
        (draft / "model.safetensors").write_bytes(b"w" * 5_000)
    return here


@pytest.fixture
def home(tmp_path):
    return Workspace(tmp_path / "home")


def _pack(workspace, path, owner=ADA):
    path.write_bytes(b"".join(archive.pack_work(workspace, owner)))
    return path


def _files(workspace):
    return {
        path.relative_to(workspace.root).as_posix()
        for path in workspace.root.rglob("*")
        if path.is_file() and path.relative_to(workspace.root).parts[0] != "workshop"
    }


def test_work_comes_home_whole_with_what_it_was_made_from(room, home, tmp_path):
    opened = opening.open_archive(home, _pack(room, tmp_path / "w.zip"))
    assert [(a.manifest.kind, a.name) for a in opened.added] == [
        ("corpora", "tales"),
        ("tokenizers", "bpe"),
        ("runs", "first"),
    ]
    [run], [there] = home.runs.list(), room.runs.list()
    assert run.id == there.id and run.manifest.parents == there.manifest.parents
    assert run.manifest.owner == "local"
    assert run.manifest.digest == there.manifest.digest
    for artefact in opened.added:
        source = room.shelf(artefact.manifest.kind).get(artefact.id)
        assert files.file_entries(artefact.folder) == files.file_entries(source.folder)
    assert not list((home.root / "workshop").iterdir())


def test_opened_twice_it_is_there_once(room, home, tmp_path):
    zipped = _pack(room, tmp_path / "w.zip")
    opening.open_archive(home, zipped)
    before = _files(home)
    again = opening.open_archive(home, zipped)
    assert again.added == () and len(again.here_already) == 3 and _files(home) == before


def test_an_id_that_is_taken_gets_a_new_one_in_its_children_too(room, home, tmp_path):
    opening.open_archive(home, _pack(room, tmp_path / "w.zip"))
    corpus = room.corpora.find("tales")
    files.write_json(corpus.folder / "facts.json", {"n": 2})
    entries = files.file_entries(corpus.folder)
    told = {**files.read_json(corpus.folder / files.MANIFEST), "files": entries}
    files.write_json(corpus.folder / files.MANIFEST, told)
    opened = opening.open_archive(home, _pack(room, tmp_path / "w2.zip"))
    assert list(opened.renamed) == [corpus.id]
    assert [artefact.name for artefact in opened.added] == ["tales"]
    assert len(home.corpora.list()) == 2


def test_nothing_made_is_nothing_to_take(room):
    with pytest.raises(DataError, match="made nothing here"):
        list(archive.pack_work(room, "p-0000000000"))


def test_a_zip_of_much_is_made_in_little_memory(tmp_path):
    here = Workspace(tmp_path / "room")
    run = here.runs.open_folder("big", {})
    with (run.folder / "weights.safetensors").open("wb") as stream:
        stream.truncate(60_000_000)
    tracemalloc.start()
    n_bytes = sum(len(block) for block in archive.pack_work(here, "local"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_bytes > 60_000_000 and peak < 12_000_000


def _rewritten(source, target, change):
    """The zip again, each entry as `change(name, data)` gives it; None leaves it out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            changed = change(entry.filename, old.read(entry))
            if changed is not None:
                new.writestr(*changed)
    return target


@pytest.mark.parametrize("ending", ["facts.json", "/t.json", "config.json", "model.safetensors"])
@pytest.mark.parametrize("deed", ["drop", "flip"])
def test_a_file_that_is_missing_or_changed_lets_nothing_in(room, home, tmp_path, ending, deed):
    def change(name, data):
        if not name.endswith(ending):
            return name, data
        return None if deed == "drop" else (name, data[:-1] + b"?")

    damaged = _rewritten(_pack(room, tmp_path / "w.zip"), tmp_path / "d.zip", change)
    with pytest.raises(DataError, match="missing or damaged"):
        opening.open_archive(home, damaged)
    assert _files(home) == set()


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "runs/../../evil.json",
        "/etc/evil.json",
        "runs/ABC/evil.json",
        "runs/20260101-000000-aaaaaa/../x.json",
        "runs/20260101-000000-aaaaaa/.hidden",
        "runs/20260101-000000-aaaaaa/con.json",
        "runs/20260101-000000-aaaaaa/a:b",
        "runs/20260101-000000-aaaaaa/x ",
        "jobs/20260101-000000-aaaaaa/job.json",
        "workshop/20260101-000000-aaaaaa/room.json",
        "evil.json",
    ],
)
def test_a_name_that_leaves_its_folder_is_refused(room, home, tmp_path, name):
    path = _pack(room, tmp_path / "w.zip")
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(name, "{}")
    with pytest.raises(DataError):
        opening.open_archive(home, path)
    assert _files(home) == set()
    assert not (tmp_path / "evil.json").exists()


def test_links_twins_and_bombs_are_refused(room, home, tmp_path):
    run = room.runs.list()[0]
    link = zipfile.ZipInfo(f"runs/{run.id}/link.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    twin = zipfile.ZipInfo(f"runs/{run.id}/CONFIG.json")
    bomb = zipfile.ZipInfo(f"runs/{run.id}/bomb.json")
    bomb.compress_type = zipfile.ZIP_DEFLATED
    for entry, data in ((link, b"/etc/passwd"), (twin, b"{}"), (bomb, bytes(40_000_000))):
        path = _pack(room, tmp_path / "w.zip")
        with zipfile.ZipFile(path, "a") as packed:
            packed.writestr(entry, data)
        with pytest.raises(DataError):
            opening.open_archive(home, path)
    assert _files(home) == set()


@pytest.mark.parametrize(
    "index",
    [
        *("[]", "{", "{}", '{"schema": 99, "artefacts": []}', '{"schema": 1, "artefacts": [{}]}'),
        '{"schema": 1, "artefacts": [{"kind": "runs", "id": "20260101-000000-aaaaaa"}]}',
        "[" * 100_000,
    ],
)
def test_an_index_that_is_wrong_is_told(room, home, tmp_path, index):
    def change(name, data):
        return (name, index) if name == archive.INDEX else (name, data)

    with pytest.raises(DataError):
        opening.open_archive(
            home, _rewritten(_pack(room, tmp_path / "w.zip"), tmp_path / "d.zip", change)
        )


def test_any_flipped_or_cut_byte_is_refused_or_harmless(room, home, tmp_path):
    """Nothing of a damaged zip is taken over: it opens as it was packed, or not at all."""
    sound = _pack(room, tmp_path / "w.zip").read_bytes()
    expected = _files(room) - {path for path in _files(room) if "other" in path}
    for place in range(0, len(sound), max(1, len(sound) // 60)):
        for damaged in (
            sound[:place],
            sound[:place] + bytes([sound[place] ^ 0x55]) + sound[place + 1 :],
        ):
            (tmp_path / "d.zip").write_bytes(damaged)
            try:
                opened = opening.open_archive(home, tmp_path / "d.zip")
            except DataError:
                assert _files(home) == set()
                continue
            assert len(opened.added) == 3 and len(_files(home)) <= len(expected)
            for artefact in opened.added:
                home.shelf(artefact.manifest.kind).delete(artefact.id)


def test_what_is_no_zip_is_told(home, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"hello")
    with pytest.raises(DataError, match="no zip of ours"):
        opening.open_archive(home, tmp_path / "x.zip")
    with pytest.raises(DataError, match="no file"):
        opening.open_archive(home, tmp_path / "none.zip")


def test_the_index_tells_what_is_in_it(room):
    packed = zipfile.ZipFile(io.BytesIO(b"".join(archive.pack_work(room, ADA))))
    told = json.loads(packed.read(archive.INDEX))["artefacts"]
    assert [(each["kind"], each["name"]) for each in told] == [
        ("corpora", "tales"),
        ("tokenizers", "bpe"),
        ("runs", "first"),
    ]
