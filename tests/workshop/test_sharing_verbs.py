"""The verbs `limits` and `line`, as a presenter types them."""

import json

import pytest

from slm.__main__ import main
from slm.limits import Limits, Share, write
from slm.workshop import people
from slm.workspace import Workspace


@pytest.fixture
def here(tmp_path):
    root = tmp_path / "workspace"
    root.mkdir()
    write(root, Limits(slots=2, everybody=Share()))
    return Workspace(root)


@pytest.fixture
def told(here, capsys):
    def run(*arguments):
        status = main([*arguments, "--workspace", str(here.root), "--json"])
        printed = capsys.readouterr()
        return json.loads(printed.out) if status == 0 else printed.err

    return run


def test_limits_are_set_for_all_and_for_one_and_shown(told, here):
    ada = people.join(here, "Ada").id
    told("limits", "--steps", "900", "--lift", "disk_mb")
    found = told("limits", "--person", "Ada", "--steps", "2000", "--first", "yes", "--slots", "3")
    assert (found["slots"], found["first"]) == (3, ["Ada"])
    assert (found["everybody"]["steps"], found["everybody"]["disk_mb"]) == (900, None)
    assert found["people"][ada]["steps"] == 2_000
    assert told("limits", "--hold", "all")["paused"]
    assert not told("limits", "--hold", "none")["paused"]


def test_what_cannot_be_set_is_told_in_a_sentence(told):
    assert "There is no 'Bob' in the room" in told("limits", "--person", "Bob", "--steps", "5")
    assert "steps is 0" in told("limits", "--steps", "0")
    assert "There is no limit 'colour'" in told("limits", "--lift", "colour")


def test_an_empty_line_is_shown_and_cleared(told):
    assert told("line") == {"line": []}
    assert told("line", "--clear", "True") == {"taken_out": 0, "line": []}
    assert "not there any more" in told("line", "--up", "20260101-000000-abcdef")
