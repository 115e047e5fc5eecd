"""What belongs to somebody is changed by them and by the presenter, and seen by all."""

import pytest

from slm import files, jobs
from slm.errors import RightsError, WorkspaceError
from slm.owners import LOCAL_OWNER
from slm.workshop import rights
from slm.workspace import Workspace

ADA, BOB = "p-00000000aa", "p-00000000bb"


@pytest.fixture
def here(tmp_path):
    return Workspace(tmp_path / "workspace")


def _run(workspace, name="mine"):
    return workspace.runs.open_folder(name, {"config.json": {}})


def test_what_is_made_carries_its_maker_whatever_else_is_said(here):
    assert _run(here).manifest.owner == LOCAL_OWNER
    theirs = here.acting_as(ADA).runs.open_folder("x", {}, owner=BOB)
    assert theirs.manifest.owner == ADA


@pytest.mark.parametrize("actor", [ADA, LOCAL_OWNER])
def test_owner_and_presenter_rename_and_delete(here, actor):
    run = _run(here.acting_as(ADA))
    shelf = here.acting_as(actor).runs
    assert shelf.rename(run.id, "new").name == "new"
    shelf.delete(run.id)
    assert here.runs.list() == []


@pytest.mark.parametrize("owner", [ADA, LOCAL_OWNER])
def test_others_look_and_change_nothing(here, owner):
    run = _run(here.acting_as(owner))
    bob = here.acting_as(BOB)
    assert bob.runs.get(run.id).name == "mine"
    assert not rights.may_change_artefact(BOB, run)
    with pytest.raises(RightsError, match="'mine' belongs to somebody else"):
        bob.runs.rename(run.id, "taken")
    with pytest.raises(RightsError):
        bob.runs.delete(run.id)
    assert here.runs.get(run.id).name == "mine"


def test_what_ships_with_the_app_is_changed_by_nobody(tmp_path):
    shipped = _run(Workspace(tmp_path / "demo"))
    here = Workspace(tmp_path / "workspace", read_only=[tmp_path / "demo"])
    [run] = here.runs.list()
    assert run.id == shipped.id and not rights.may_change_artefact(LOCAL_OWNER, run)
    with pytest.raises(WorkspaceError):
        here.runs.delete(run.id)


def _ended_job(workspace, owner):
    job_id = "20260101-000000-0000aa"
    told = {"id": job_id, "name": "work", "owner": owner, "created": "", "argv": ["evaluate"]}
    told |= {"schema": 1, "ticket": 1, "place": 1, "key": "same"}
    with files.commit_folder(workspace.jobs.folder / job_id, {"schema": 1, "id": job_id}) as draft:
        files.write_json(draft / "job.json", told)
        files.write_json(draft / "status.json", {"state": "stopped"})
    return job_id


@pytest.mark.parametrize("deed", ["stop", "pause", "kill", "restart", "delete"])
def test_a_job_is_stopped_gone_on_with_and_forgotten_by_its_owner_alone(here, deed):
    job_id = _ended_job(here, ADA)
    bob = here.acting_as(BOB)
    job = jobs.get_job(bob, job_id)
    assert not rights.may_change_job(BOB, job) and rights.may_change_job(ADA, job)
    deeds = {
        "stop": job.stop,
        "pause": job.pause,
        "kill": job.kill,
        "restart": lambda: jobs.restart(bob, job),
        "delete": lambda: jobs.delete_job(bob, job_id),
    }
    with pytest.raises(RightsError):
        deeds[deed]()
    assert not (job.folder / "control").exists()
    [listed] = jobs.list_jobs(here.acting_as(ADA))
    listed.stop()
    assert listed.stop_asked
    jobs.delete_job(here, job_id)
    assert jobs.list_jobs(here) == []


def test_two_people_who_ask_for_the_same_work_get_a_job_each(here):
    here.root.mkdir()
    made = [
        jobs.start(here.acting_as(who), ["model", "--preset", "nano"], name="same", key="k")
        for who in (ADA, ADA, BOB)
    ]
    try:
        assert made[0].id == made[1].id != made[2].id
        assert [job.owner for job in made] == [ADA, ADA, BOB]
    finally:
        for job in made:
            job.kill()
