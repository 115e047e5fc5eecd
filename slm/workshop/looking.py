"""What the presenter shows to all screens: the address of a view, and which call it is.

It stands in the room's file. Screens ask for it and follow each call once.
"""

from slm.errors import WorkspaceError
from slm.workshop import room
from slm.workshop.room import LookHere, Room
from slm.workspace import Workspace

MOST_CHARACTERS = 4_000


def inside(address: str) -> str:
    r"""An address within this app: its path and parameters; "/" for anything else.

    >>> inside("/model?view=part"), inside("//evil.example"), inside("/\\evil.example")
    ('/model?view=part', '/', '/')
    """
    plain = address[:MOST_CHARACTERS]
    within = plain.startswith("/") and not plain.startswith(("//", "/\\")) and plain.isprintable()
    return plain if within else "/"


def show(workspace: Workspace, address: str) -> Room:
    """Show this view to everybody; with no address, let go of all screens.

    Raises: RightsError for all but the presenter; WorkspaceError for an address that is not
    one of this app.
    """
    if address and (inside(address) != address or len(address) > MOST_CHARACTERS):
        raise WorkspaceError(
            f"{address[:80]!r} is no address within this app. Open the view, and show it there."
        )
    return room.change(
        workspace,
        lambda now: now.replace(look=LookHere(address=address, call=now.look.call + 1)),
    )


def let_go(workspace: Workspace) -> Room:
    """Let everybody look where they like again.

    Raises: RightsError for all but the presenter.
    """
    return show(workspace, "")
