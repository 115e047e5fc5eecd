"""The library, the Hub and the downloads on the command line."""

import json
from pathlib import Path

import pytest

from slm.__main__ import main
from slm.data.hub import data_sets as hub
from slm.data.hub import spool as hub_spool
from slm.data.hub.data_sets import HubRequest, HubStream, Row
from tests.data.hub.fake_hub import COMMIT


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_library_is_searched(capsys):
    found = told(capsys, "sources", "--query", "german stories")["sources"]
    assert list(found) == ["tinystories-languages", "tinystories-novelist"]
    assert found["tinystories-languages"]["variants"]["Hindi"] == "hindi"
    embedded = told(capsys, "sources", "--embedded=True")["sources"]
    assert not any(info["needs_network"] for info in embedded.values())


def test_a_wrong_name_is_a_sentence_and_status_1(capsys):
    assert main(["hub", "--name", "../etc/passwd"]) == 1
    assert "Use owner/name" in capsys.readouterr().err


def test_downloads_are_listed_and_deleted(tmp_path: Path, capsys, monkeypatch):
    rows = (Row(n, f"text {n}") for n in range(3))
    monkeypatch.setattr(hub, "open_stream", lambda *a, **k: HubStream(COMMIT, "text", rows))
    kept = hub_spool.open_kept(tmp_path / hub_spool.FOLDER, HubRequest("a/b"))
    assert kept is not None and len(list(kept.texts())) == 3
    place = ("--workspace", str(tmp_path))
    ((key, one),) = told(capsys, "downloads", *place)["downloads"].items()
    assert (one["name"], one["texts"], one["complete"]) == ("a/b", 3, True)
    assert told(capsys, "downloads", "--delete", key, *place) == {"downloads": {}}
    assert main(["downloads", "--delete", key, *place]) == 1
