"""Artefacts: ids name folders, names are data, read-only ones stand beside one's own."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from slm import files
from slm.errors import WorkspaceError
from slm.workspace import Workspace, archive, clean_name


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "own", read_only=[tmp_path / "demo"])


def _make(workspace, name, text="abc", kind="corpora", **kwargs):
    with workspace.shelf(kind).create(name, **kwargs) as draft:
        (draft.folder / "a.txt").write_text(text)
    return workspace.shelf(kind).get(draft.id)


def test_an_artefact_is_found_by_id_and_by_name(workspace):
    made = _make(workspace, "tales")
    assert workspace.corpora.get(made.id) == made
    assert workspace.corpora.get("tales") == made


def test_another_case_finds_a_name_that_nothing_else_has(workspace):
    large = _make(workspace, "Tales", "large")
    assert workspace.corpora.get("tales") == large
    small = _make(workspace, "tales", "small")
    assert workspace.corpora.get("tales") == small and workspace.corpora.get("Tales") == large


def test_the_newest_of_two_with_one_name_is_given(workspace):
    _make(workspace, "tales", "old")
    newer = _make(workspace, "tales", "new")
    assert workspace.corpora.get("tales").id == newer.id


def test_an_unknown_name_is_told_with_those_that_exist(workspace):
    _make(workspace, "tales")
    with pytest.raises(WorkspaceError, match="no 'plays' in corpora; there are: 'tales'"):
        workspace.corpora.get("plays")


def test_a_new_name_changes_neither_id_nor_digest(workspace):
    made = _make(workspace, "tales")
    renamed = workspace.corpora.rename(made.id, "stories")
    assert (renamed.id, renamed.name) == (made.id, "stories")
    assert workspace.corpora.get("stories").manifest.digest == made.manifest.digest


def test_a_child_remembers_what_it_was_made_from(workspace):
    corpus = _make(workspace, "tales")
    child = _make(workspace, "bpe", kind="tokenizers", parents={"corpus": corpus})
    assert child.manifest.parents["corpus"] == corpus.as_parent()
    assert child.manifest.owner == "local"


def test_the_demo_is_listed_after_ones_own_and_cannot_be_changed(tmp_path):
    shipped = _make(Workspace(tmp_path / "demo"), "demo")
    workspace = Workspace(tmp_path / "own", read_only=[tmp_path / "demo"])
    own = _make(workspace, "mine")
    assert [artefact.id for artefact in workspace.corpora.list()] == [own.id, shipped.id]
    with pytest.raises(WorkspaceError, match="ships with the app"):
        workspace.corpora.delete(shipped.id)
    with pytest.raises(WorkspaceError, match="ships with the app"):
        workspace.corpora.rename(shipped.id, "other")


def test_a_deleted_artefact_is_gone(workspace):
    made = _make(workspace, "tales")
    workspace.corpora.delete(made.id)
    assert workspace.corpora.list() == []
    assert not made.folder.exists()


def test_one_damaged_manifest_marks_that_artefact_alone(workspace):
    sound, torn = _make(workspace, "sound"), _make(workspace, "torn")
    (torn.folder / "manifest.json").write_text("{")
    problems = {artefact.id: artefact.problem for artefact in workspace.corpora.list()}
    assert problems[sound.id] is None
    assert "damaged" in problems[torn.id]


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a": ' + "9" * 5_000 + "}", '{"a": "\xff"}'])
def test_a_manifest_of_any_bytes_marks_that_artefact_alone(workspace, text):
    sound, odd = _make(workspace, "sound"), _make(workspace, "odd")
    (odd.folder / "manifest.json").write_text(text, "latin-1")
    problems = {artefact.id: artefact.problem for artefact in workspace.corpora.list()}
    assert problems[sound.id] is None and "manifest.json in" in problems[odd.id]


def test_a_manifest_that_is_a_folder_or_lacks_a_hash_is_damaged(workspace):
    folder, hashless = _make(workspace, "a folder"), _make(workspace, "hashless")
    (folder.folder / "manifest.json").unlink()
    (folder.folder / "manifest.json").mkdir()
    path = hashless.folder / "manifest.json"
    path.write_text(json.dumps({**files.read_json(path), "files": {"a.txt": {"size": 1}}}))
    problems = {artefact.id: artefact.problem for artefact in workspace.corpora.list()}
    assert "cannot be read" in problems[folder.id]
    assert "damaged" in problems[hashless.id]


def test_a_manifest_of_a_later_version_is_not_used(workspace):
    made = _make(workspace, "tales")
    path = made.folder / "manifest.json"
    path.write_text(json.dumps({**files.read_json(path), "schema": 99}))
    with pytest.raises(WorkspaceError, match="later version"):
        workspace.corpora.get(made.id)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\u202eb", "a\x00b", "a\nb"])
def test_names_that_cannot_be_seen_are_refused(name):
    with pytest.raises(WorkspaceError, match="name"):
        clean_name(name)


@pytest.mark.parametrize("name", ["../etc/passwd", "CON", "<b>bold</b>", "模型", "a/b\\c"])
def test_any_visible_name_is_data_and_never_a_path(workspace, name):
    made = _make(workspace, name)
    assert made.name == name
    assert made.folder.parent == workspace.corpora.folder


@pytest.mark.parametrize("wrong", ["../x", "..", "/etc", "a" * 300, "CON"])
def test_an_id_from_outside_opens_nothing(workspace, wrong):
    _make(workspace, "tales")
    assert workspace.corpora.find(wrong) is None


def test_what_a_killed_process_left_half_made_is_swept_and_what_is_being_made_stays(workspace):
    made = _make(workspace, "tales")
    left = workspace.corpora.folder / ".tmp-20260101-000000-abcdef-12345678"
    left.mkdir()
    (left / "part-0").write_bytes(bytes(1_000))
    lock = workspace.corpora.folder / ".making-20260101-000000-abcdef.lock"
    lock.touch()  # its holder is dead, so nobody holds it
    with workspace.corpora.create("being made") as draft:
        workspace.sweep()
        assert draft.folder.is_dir()
        assert not left.exists() and not lock.exists()
    workspace.sweep()
    assert {artefact.name for artefact in workspace.corpora.list()} == {made.name, "being made"}
    assert not [path for path in workspace.corpora.folder.iterdir() if path.name.startswith(".")]


def test_an_archive_holds_whole_checkpoints_alone_while_others_are_dropped(workspace, monkeypatch):
    run = _make(workspace, "run", kind="runs")
    for step in ("10", "20"):
        with files.commit_folder(run.folder / "ckpt" / step) as staging:
            (staging / "model.safetensors").write_text("weights")
            (staging / "state.json").write_text("{}")
    dropped = run.folder / "ckpt" / "10" / "state.json"
    open_ = Path.open

    def opened(path, *args, **kwargs):
        if path == dropped:
            files.remove_folder(dropped.parent)
        return open_(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", opened)
    with zipfile.ZipFile(io.BytesIO(archive(run))) as packed:
        names = [name.removeprefix(f"{run.id}/") for name in packed.namelist()]
    assert sorted(names) == [
        "a.txt",
        "ckpt/20/manifest.json",
        "ckpt/20/model.safetensors",
        "ckpt/20/state.json",
        "manifest.json",
    ]
