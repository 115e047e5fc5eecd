"""Who may change what in the room, said of artefacts and jobs.

The change itself is refused where it happens, by the workspace and the jobs, which know for
whom they work (`Workspace.actor`). What stands here lets a page leave out what would be
refused, and opens the workspace for the one who looks. To look is free to everybody.
"""

from slm.jobs import Job
from slm.owners import LOCAL_OWNER, may_change
from slm.workshop.people import Person
from slm.workspace import Artefact, Workspace


def may_change_artefact(actor: str, artefact: Artefact) -> bool:
    """Whether `actor` may rename, change or delete it; nobody what ships with the app."""
    return not artefact.read_only and may_change(actor, artefact.manifest.owner)


def may_change_job(actor: str, job: Job) -> bool:
    """Whether `actor` may stop, pause, go on with or forget the job."""
    return may_change(actor, job.owner)


def is_presenter(actor: str) -> bool:
    """Whether `actor` rules the room; on one's own computer, everybody does."""
    return actor == LOCAL_OWNER


def workspace_for(workspace: Workspace, person: Person) -> Workspace:
    """The workspace as this person works with it."""
    return workspace.acting_as(person.id)
