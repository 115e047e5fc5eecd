"""The end of a class: nothing leaves before it lies in the archive, and was read back."""

import subprocess
import sys
import zipfile

import pytest

from slm import files, limits
from slm.errors import DataError, RightsError
from slm.limits import Limits, Share
from slm.workshop import opening, passes, people, resetting, room
from slm.workspace import Workspace


@pytest.fixture
def here(tmp_path):
    """A room with Ada, who made a run, and the presenter, who made one too."""
    workspace = Workspace(tmp_path / "workspace")
    room.open_room(workspace)
    ada = people.join(workspace, "Ada / 1")
    with workspace.acting_as(ada.id).runs.create("hers", owner=ada.id) as draft:
        (draft.folder / "weights").write_bytes(b"w" * 5_000)
    with workspace.runs.create("mine") as draft:
        (draft.folder / "weights").write_bytes(b"p")
    limits.write(workspace.root, Limits(slots=2, paused=True, first=(ada.id,), everybody=Share()))
    return workspace


def test_a_class_is_archived_and_the_room_is_empty_and_has_another_code(here, tmp_path):
    before = room.read(here)
    closed = resetting.close_class(here)
    assert [run.name for run in here.runs.list()] == ["mine"] and closed.removed == 1
    assert people.list_people(here) == []
    after = room.read(here)
    assert after.class_id != before.class_id and after.code != before.code and after.shared
    assert limits.read(here.root) == Limits(slots=2, everybody=Share())
    [name] = closed.zips
    assert name.startswith("Ada _ 1-p-")
    home = Workspace(tmp_path / "home")
    opened = opening.open_archive(home, closed.folder / name)
    assert [run.name for run in home.runs.list()] == ["hers"] and len(opened.added) == 1
    assert list((closed.folder / "workshop" / "people").glob("p-*.json"))
    assert not list(closed.folder.rglob("room.json"))


def test_the_presenter_stays_in_and_nobody_else(here):
    before = room.read(here)
    grace, ada = people.let_presenter_in(here, "Grace"), people.list_people(here)[0]
    cookies = {who.name: passes.issue(here, before, who) for who in (grace, ada)}
    assert all(passes.holder(here, before, cookie) for cookie in cookies.values())
    resetting.close_class(here)
    after = room.read(here)
    assert after.cookie_name == before.cookie_name
    held = {name: passes.holder(here, after, cookie) for name, cookie in cookies.items()}
    assert held == {"Grace": grace, "Ada / 1": None}


def test_somebody_of_the_next_class_is_not_let_in_by_a_pass_of_the_last(here):
    ada = people.list_people(here)[0]
    old = passes.issue(here, room.read(here), ada)
    resetting.close_class(here)
    people._write(here, ada)  # the same id, as if it were drawn again
    assert passes.holder(here, room.read(here), old) is None


def test_a_class_in_which_nobody_made_anything_ends_too(here):
    for run in here.runs.list():
        here.runs.delete(run.id)
    assert resetting.close_class(here).zips == ()
    assert people.list_people(here) == []


@pytest.mark.parametrize("step", ["_require_whole", "_keep_records"])
def test_whatever_fails_before_the_archive_stands_removes_nothing(here, monkeypatch, step):
    def failing(*given):
        raise DataError("the disk broke")

    monkeypatch.setattr(resetting, step, failing)
    code = room.read(here).code
    with pytest.raises(DataError):
        resetting.close_class(here)
    assert sorted(run.name for run in here.runs.list()) == ["hers", "mine"]
    assert room.read(here).code == code and len(people.list_people(here)) == 1
    assert list((here.root / resetting.FOLDER).glob("*")) == []


def test_ended_while_it_empties_the_rest_is_taken_by_the_next_try(here, monkeypatch):
    def failing(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(files, "remove_folder", failing)
        with pytest.raises(KeyboardInterrupt):
            resetting.close_class(here)
    [first] = (here.root / resetting.FOLDER).iterdir()
    assert len(list(first.glob("*.zip"))) == 1
    monkeypatch.setattr(resetting, "_place", lambda workspace, _: here.root / "archives" / "again")
    assert resetting.close_class(here).removed == 1
    assert [run.name for run in here.runs.list()] == ["mine"]


KILLED = """
import os, sys
from pathlib import Path
from slm.workshop import archive, resetting
from slm.workspace import Workspace
pack = archive.pack_work
def killed(*given):
    yield next(pack(*given))
    os._exit(9)
archive.pack_work = killed
resetting.close_class(Workspace(Path(sys.argv[1])))
"""


def test_killed_while_it_packs_nothing_is_gone_and_the_next_try_clears_up(here):
    code = room.read(here).code
    ended = subprocess.run([sys.executable, "-c", KILLED, str(here.root)], check=False, timeout=60)
    assert ended.returncode == 9
    [half] = (here.root / resetting.FOLDER).iterdir()
    assert half.name.startswith(files.STAGING) and list(half.glob("*.zip"))
    assert sorted(run.name for run in here.runs.list()) == ["hers", "mine"]
    assert room.read(here).code == code and len(people.list_people(here)) == 1
    closed = resetting.close_class(here)
    assert list((here.root / resetting.FOLDER).iterdir()) == [closed.folder]
    assert len(closed.zips) == 1 and [run.name for run in here.runs.list()] == ["mine"]


def test_what_changed_or_came_after_it_was_packed_is_moved_there_whole(here, monkeypatch):
    [hers] = [run for run in here.runs.list() if run.name == "hers"]
    [ada] = people.list_people(here)

    def meanwhile(workspace, staged):
        (hers.folder / "weights").write_bytes(b"later")
        with workspace.acting_as(ada.id).corpora.create("late", owner=ada.id) as draft:
            (draft.folder / "text").write_bytes(b"t")

    monkeypatch.setattr(resetting, "_keep_records", meanwhile)
    closed = resetting.close_class(here)
    assert closed.removed == 2 and here.corpora.list() == []
    there = closed.folder / "as-it-was"
    assert (there / "runs" / hers.id / "weights").read_bytes() == b"later"
    assert [path.read_bytes() for path in there.glob("corpora/*/text")] == [b"t"]


def test_what_is_damaged_does_not_hold_up_the_end_and_is_kept_as_it_is(here):
    [hers] = [run for run in here.runs.list() if run.name == "hers"]
    told = files.read_json(hers.folder / files.MANIFEST)
    files.write_json(hers.folder / files.MANIFEST, {**told, "schema": 99}, checked=True)
    closed = resetting.close_class(here)
    assert closed.zips == () and [run.name for run in here.runs.list()] == ["mine"]
    assert (closed.folder / "as-it-was" / "runs" / hers.id / "weights").stat().st_size == 5_000


def test_what_the_presenter_built_on_stays_and_is_archived_too(here):
    [hers] = [run for run in here.runs.list() if run.name == "hers"]
    with here.models.create("made from hers", parents={"run": hers}):
        pass
    closed = resetting.close_class(here)
    assert sorted(run.name for run in here.runs.list()) == ["hers", "mine"]
    assert closed.removed == 0 and len(closed.zips) == 1


def test_a_zip_that_cannot_be_read_back_is_noticed(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("x", b"hello world")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[data.index(b"hello")] ^= 1
    (tmp_path / "a.zip").write_bytes(bytes(data))
    with pytest.raises(DataError, match="Nothing was removed"):
        resetting._require_whole(tmp_path / "a.zip")


def test_only_the_presenter_ends_a_class(here):
    with pytest.raises(RightsError):
        resetting.close_class(here.acting_as("p-0123456789"))
