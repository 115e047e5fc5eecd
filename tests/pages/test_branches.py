"""Branches and Side by side, as a visitor uses them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from slm.sampling import branch_files
from slm.sampling.branch_files import Planted
from slm.sampling.branches import ROOT
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.components.payload import unpack


def drawn(app, name: str):
    assert not app.exception
    (element,) = [
        node.proto for node in app.get("bidi_component") if node.proto.component_name.endswith(name)
    ]
    return unpack(element.bytes)[0]


def grown_from(workspace: Workspace, prompt: str) -> Planted:
    from slm.lab.branching import GrowConfig, grown
    from slm.lab.reports import open_run
    from slm.sampling.config import SamplingConfig

    opened = open_run(workspace.runs.get("tiny"))
    return grown(opened, prompt, GrowConfig(width=2, depth=1), SamplingConfig())[0]


def test_it_opens_on_the_likeliest_branches(open_page: OpenPage):
    app = open_page("sampling", view="branches", prompt="Ben saw")
    header = drawn(app, "branches")
    assert not app.error and len(header["twigs"]) == 3 + 9 + 27
    assert header["selected"] == header["best"] and header["root"] == "Ben saw"


def test_a_link_brings_a_tree_with_its_prompt(open_page: OpenPage, workspace_env: Workspace):
    made = branch_files.keep(workspace_env.root, grown_from(workspace_env, "The otter"))
    app = open_page("sampling", view="branches", tree=made, branch=str(ROOT))
    header = drawn(app, "branches")
    assert not app.error and header["root"] == "The otter" and header["selected"] == 0
    assert [twig["id"] for twig in header["twigs"]] == [1, 2]


def test_a_saved_tree_is_deleted(open_page: OpenPage, workspace_env: Workspace):
    planted = replace(grown_from(workspace_env, "The otter"), name="Otters")
    saved = branch_files.keep(workspace_env.root, planted)
    app = open_page("sampling", view="branches", prompt="Ben saw")
    app.selectbox(key="tree_saved").set_value(saved).run()
    app.button(key="tree_delete").click().run()
    assert not app.exception and not app.error
    assert not branch_files.saved(workspace_env.root)


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": ""},
        {"prompt": "<img src=x onerror=alert(1)> ‮"},
        {"prompt": "Ben saw the otter. " * 200},
        {"branch": "99999", "beside": "<b>"},
        {"temperature": "0", "branch_width": "9999"},
    ],
)
def test_odd_input_is_drawn(open_page: OpenPage, asked: dict[str, str]):
    app = open_page("sampling", view="branches", **asked)
    assert not app.error and drawn(app, "branches")["twigs"]


def test_a_tree_that_is_not_here_is_said_and_another_is_shown(open_page: OpenPage):
    app = open_page("sampling", view="branches", tree="../../x")
    assert "not in this workspace" in app.error[0].value
    assert drawn(app, "branches")["twigs"]


def test_a_tree_of_another_tokenizer_is_refused(open_page: OpenPage, workspace_env: Workspace):
    from slm.sampling.branch_files import Planted
    from slm.sampling.branches import Node, Tree

    strange = Planted(Tree((1,), (Node(1, 0, 3, -1.0, 1),)), "Ben", "x", 0, "0" * 16)
    made = branch_files.keep(workspace_env.root, strange)
    app = open_page("sampling", view="branches", tree=made)
    assert "another tokenizer" in app.error[0].value


def test_a_grid_is_written_at_once_for_a_small_model(open_page: OpenPage):
    app = open_page("sampling", view="grid", prompt="Ben saw", grid_length="10", grid_samples="2")
    header = drawn(app, "text_grid")
    assert not app.error and len(header["cells"]) == 12 and header["n_samples"] == 2
    assert header["columns"] == ["Top-k 1", "Top-k 10", "Top-k off"]


def test_steps_of_training_stand_side_by_side(open_page: OpenPage):
    app = open_page("sampling", view="grid", grid_what="Training steps", grid_length="10")
    header = drawn(app, "text_grid")
    assert not app.error and header["columns"][0] == "step 0"


def test_values_that_are_none_are_said(open_page: OpenPage):
    app = open_page("sampling", view="grid", grid_down_temperature="hot")
    assert "must be a number" in app.error[0].value and not app.exception


def test_the_verb_writes_a_file_that_the_page_opens(
    workspace_env: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    from slm.__main__ import main

    out = tmp_path / "t.json"
    asked = ["branches", "--run", "tiny", "--prompt", "Ben", "--depth", "1", "--samples", "1"]
    main([*asked, "--out", str(out), "--workspace", str(workspace_env.root), "--json"])
    told = json.loads(capsys.readouterr().out)
    planted = branch_files.from_json(out.read_bytes())
    assert [node.id for node in planted.tree.nodes] == [each["id"] for each in told["branches"]]
