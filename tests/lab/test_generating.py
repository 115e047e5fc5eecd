"""The verb `generate`: a text on standard output, or as JSON."""

import json
import re

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


def test_a_text_has_the_form_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], tiny_workspace: Workspace
) -> None:
    assert re.fullmatch(
        " [a-z]{4}[!?]", written(capsys, tiny_workspace, "--regex", " [a-z]{4}[!?]")
    )
    schema = '{"enum": ["yes", "no"]}'
    assert json.loads(written(capsys, tiny_workspace, "--json-schema", schema)) in ("yes", "no")


def test_the_verb_write_says_whether_a_text_has_its_form(
    capsys: pytest.CaptureFixture[str], tiny_workspace: Workspace
) -> None:
    def has_its_form(regex: str) -> bool:
        asked = ["write", "--run", "tiny", "--max-new-tokens", "5", "--regex", regex]
        assert main([*asked, "--workspace", str(tiny_workspace.root), "--json"]) == 0
        (text,) = json.loads(capsys.readouterr().out)["texts"]
        assert isinstance(text["has_its_form"], bool)
        return text["has_its_form"]

    assert has_its_form("[a-z]") and not has_its_form("[a-z]{500}")


def test_a_form_that_nobody_can_follow_is_named(
    capsys: pytest.CaptureFixture[str], tiny_workspace: Workspace
) -> None:
    asked = ["generate", "--run", "tiny", "--regex", "(", "--workspace", str(tiny_workspace.root)]
    assert main(asked) != 0
    assert "unclosed group" in capsys.readouterr().err


def test_weights_of_eight_bits_write_as_long_a_text(
    capsys: pytest.CaptureFixture[str], tiny_workspace: Workspace
) -> None:
    assert written(capsys, tiny_workspace, "--int8", "True")
