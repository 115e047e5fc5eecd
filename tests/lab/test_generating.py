"""The verb `generate`: a text on standard output, or as JSON."""

import json

import pytest

from slm.__main__ import main
from slm.workspace import Workspace


def written(capsys: pytest.CaptureFixture[str], workspace: Workspace, *more: str) -> str:
    asked = ["generate", "--run", "tiny", "--prompt", "Ben saw", "--max-new-tokens", "40"]
    assert main([*asked, *more, "--workspace", str(workspace.root), "--json"]) == 0
    text: str = json.loads(capsys.readouterr().out)["text"]
    return text


def test_a_text_ends_before_a_stop_string(
    capsys: pytest.CaptureFixture[str], tiny_workspace: Workspace
) -> None:
    whole = written(capsys, tiny_workspace)
    stop = whole[len(whole) // 2 :][:3]
    assert written(capsys, tiny_workspace, "--stop", stop) == whole[: whole.index(stop)]


def test_weights_of_eight_bits_write_as_long_a_text(
    capsys: pytest.CaptureFixture[str], tiny_workspace: Workspace
) -> None:
    assert written(capsys, tiny_workspace, "--int8", "True")
