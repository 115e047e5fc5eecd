"""A tree of branches in a browser: keys, growing, sampling, pruning, comparing, Undo, files."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from slm.lab.reports import open_run
from slm.sampling.branch_files import from_json
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, settled

PROMPT = "Ben saw the otter"


@pytest.fixture()
def opened(page: Page, server: AppServer) -> Page:
    page.goto(server.address("sampling", view="branches", run="tiny", prompt=PROMPT, branch="0"))
    settled(page)
    expect(twigs(page)).to_have_count(1 + 3 + 9 + 27)
    return page


def twigs(page: Page) -> Locator:
    return page.get_by_test_id("twig")


def stage(page: Page) -> Locator:
    return page.get_by_test_id("branches-stage")


def selected(page: Page) -> str:
    return stage(page).get_attribute("data-selected") or ""


def test_the_first_branches_are_the_likeliest_tokens(opened: Page, server: AppServer):
    run = open_run(Workspace(server.workspace).runs.get("tiny"))
    with torch.inference_mode():
        ids = torch.tensor([run.tokenizer.encode(PROMPT)])
        share, token = run.model(ids)[0, -1].softmax(-1).max(-1)
    stage(opened).press("ArrowRight")
    box = opened.locator("[data-testid=twig].selected")
    expect(box.locator(".box")).to_have_text(run.tokenizer.decode([int(token)]).replace(" ", "·"))
    shown = float((box.locator(".share").inner_text()).rstrip("%"))
    assert math.isclose(shown, 100 * share, rel_tol=0.06)


def test_arrows_walk_the_tree_and_the_address_follows(opened: Page):
    tree = stage(opened)
    tree.press("ArrowRight")
    first = selected(opened)
    tree.press("ArrowRight")
    tree.press("ArrowLeft")
    assert selected(opened) == first != "0"
    tree.press("ArrowDown")
    assert selected(opened) != first
    tree.press("Home")
    assert selected(opened) == "0"
    tree.press("End")
    expect(opened).to_have_url(re.compile(rf"branch={selected(opened)}\b"))


def test_enter_grows_delete_prunes_and_undo_brings_back(opened: Page):
    tree = stage(opened)
    tree.press("End")
    tree.press("Enter")
    expect(twigs(opened)).to_have_count(43)
    settled(opened)
    tree.press("Delete")
    expect(twigs(opened)).to_have_count(39)
    settled(opened)
    opened.get_by_role("button", name="Undo").click()
    expect(twigs(opened)).to_have_count(43)
    settled(opened)
    opened.reload()
    settled(opened)
    expect(twigs(opened)).to_have_count(43)


def test_sampling_adds_continuations_and_two_paths_compare(opened: Page):
    opened.get_by_test_id("branches-sample").click()
    expect(twigs(opened).nth(45)).to_be_attached()
    settled(opened)
    tree = stage(opened)
    tree.press("ArrowRight")
    tree.press("c")
    expect(opened.locator("[data-testid=twig].beside")).to_have_count(1)
    settled(opened)
    tree.press("End")
    expect(opened.get_by_text("Two paths.")).to_be_visible()
    settled(opened)
    opened.get_by_role("button", name="Stop comparing").click()
    expect(opened.get_by_text("The chosen path")).to_be_visible()


def test_a_tree_is_saved_downloaded_and_opened_again(opened: Page, tmp_path: Path):
    stage(opened).press("End")
    stage(opened).press("Enter")
    expect(twigs(opened)).to_have_count(43)
    settled(opened)
    opened.get_by_text("Save and open").click()
    with opened.expect_download() as download:
        opened.get_by_role("button", name="Download").click()
    path = tmp_path / "branches.json"
    download.value.save_as(path)
    assert len(from_json(path.read_bytes()).tree.nodes) == 42
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "nodes": [{"id": "<img src=x onerror=alert(1)>"}]}))
    opened.locator("input[type=file]").set_input_files(path)
    expect(opened.get_by_text("This file holds no tree of branches")).to_be_visible()
    values["nodes"] = values["nodes"][:3]
    smaller = tmp_path / "again" / path.name  # of the same name: it is another file all the same
    smaller.parent.mkdir()
    smaller.write_text(json.dumps(values))
    settled(opened)
    opened.locator("input[type=file]").set_input_files(smaller)
    expect(twigs(opened)).to_have_count(4)


def test_five_hundred_tokens_stay_quick(opened: Page, server: AppServer):
    """A tree of that size is drawn and answers a key within a second."""
    from slm.lab.branching import GrowConfig, grown
    from slm.sampling.branch_files import keep
    from slm.sampling.config import SamplingConfig

    run = open_run(Workspace(server.workspace).runs.get("tiny"))
    config = GrowConfig(width=4, depth=2, samples=40, tokens=14)
    planted, _ = grown(run, PROMPT, config, SamplingConfig(top_k=0))
    assert len(planted.tree.nodes) > 480
    made = keep(server.workspace, planted)
    opened.goto(server.address("sampling", view="branches", run="tiny", tree=made, branch="0"))
    settled(opened)
    expect(twigs(opened)).to_have_count(1 + len(planted.tree.nodes))
    took = stage(opened).evaluate(
        """s => { s.focus(); const begin = performance.now();
        for (const key of ["ArrowRight", "ArrowDown", "End", "Home"])
          s.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
        return performance.now() - begin; }"""
    )
    assert took < 1_000
