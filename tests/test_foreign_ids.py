"""Ids and names come from addresses and forms: none of them leads out of its folder."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm import files, jobs, linked_texts
from slm.data.reading import uploads
from slm.errors import SlmError
from slm.workshop import challenges, class_game, kept, people, questions
from slm.workspace import KINDS, Workspace
from ui import session

TRAVERSALS = (
    *("..", ".", "../outside", "..%2foutside", "%2e%2e/outside", "..\\outside", "../../outside"),
    *("/etc/passwd", "//evil.test/share", "\\\\evil.test\\share", "C:\\CON", "CON", "NUL.txt"),
    *("\x00", "outside\x00.json", "a" * 10_000, "../" * 3_000, "~root", "$HOME", "\ud800"),
    *("20990101-000000-aaaaaa/../../../outside", "local/../../../outside", "‮edistuo", ""),
)


@pytest.fixture()
def here(tmp_path: Path) -> Workspace:
    """A workspace with one run, and beside it a folder that looks like an artefact of each kind."""
    here = Workspace(tmp_path / "workspace")
    run = here.runs.open_folder("a run", {})
    outside = tmp_path / "outside"
    shutil.copytree(run.folder, outside)
    told = files.read_json(outside / files.MANIFEST)
    (outside / files.MANIFEST).write_text(json.dumps({**told, "name": "stolen"}))
    for name in ("outside.json", "job.json", "status.json"):
        (tmp_path / name).write_text(json.dumps({**told, "name": "stolen", "texts": {"a": "b"}}))
    return here


def _readers(here: Workspace):
    for kind in (*KINDS, "exports"):
        if kind != "jobs":
            yield here.extra_shelf(kind).find
    yield here.find_model
    yield lambda name: jobs.get_job(here, name)
    yield lambda name: people.find(here, name)
    yield lambda name: uploads.find_upload(here, name)
    yield lambda name: linked_texts.read_texts(here.root, name)
    yield lambda name: kept.read(here, "questions", name)
    yield lambda name: kept.part_of(here, "questions", "20260101-000000-aaaaaa", name)
    yield lambda name: challenges.read_challenge(here, name)
    yield lambda name: class_game.read_game(here, name)
    yield lambda name: questions.look(here, name)


@pytest.mark.parametrize("name", TRAVERSALS, ids=lambda name: ascii(name)[:24])
def test_an_id_that_leads_elsewhere_finds_nothing(here, name):
    for read in _readers(here):
        try:
            found = read(name)
        except SlmError:
            continue
        assert not found, read


@pytest.mark.parametrize("name", TRAVERSALS, ids=lambda name: ascii(name)[:24])
def test_nothing_elsewhere_is_renamed_or_deleted(here, tmp_path, name):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for change in (here.runs.delete, lambda each: here.runs.rename(each, "mine")):
        with pytest.raises(SlmError):
            change(name)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


@given(st.text(st.sampled_from("./\\%2feE~:\x00aC0 -"), max_size=40))
def test_no_mixture_of_dots_and_slashes_is_an_id(tmp_path_factory, name):
    here = Workspace(tmp_path_factory.getbasetemp() / "none")
    for read in _readers(here):
        try:
            assert not read(name)
        except SlmError:
            continue


@pytest.mark.parametrize("key", ["run", "corpus", "tokenizer"])
@pytest.mark.parametrize("name", TRAVERSALS[::4], ids=lambda name: ascii(name)[:24])
def test_a_page_takes_such_a_word_of_its_address_for_nothing(here, monkeypatch, key, name):
    monkeypatch.setattr(session.st, "session_state", {key: name})
    monkeypatch.setenv("SLM_WORKSPACE", str(here.root))
    state = session.state()
    assert state.run is None or state.run.read_only
    assert state.corpus is None or state.corpus.read_only
