"""What the presenter shows to all screens."""

import pytest

from slm.errors import RightsError, WorkspaceError
from slm.workshop import looking, room
from slm.workspace import Workspace


@pytest.fixture
def here(tmp_path):
    room.open_room(Workspace(tmp_path / "workspace"))
    return Workspace(tmp_path / "workspace")


def test_each_call_is_counted_so_that_it_is_followed_once(here):
    assert looking.show(here, "/attention?layer=1").look.call == 1
    assert looking.show(here, "/attention?layer=1").look.call == 2
    gone = looking.let_go(here).look
    assert (gone.address, gone.call) == ("", 3)
    assert room.read(here).look == gone


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil", "javascript:alert(1)", "/a\nb", "/" * 2],
)
def test_only_views_of_this_app_are_shown(here, address):
    with pytest.raises(WorkspaceError, match="no address within this app"):
        looking.show(here, address)
    assert room.read(here).look.address == ""


def test_participants_show_nothing_to_others(here):
    with pytest.raises(RightsError):
        looking.show(here.acting_as("p-0123456789"), "/model")
