"""What every view of the attention chapter gives to take along: picture, numbers, link, code."""

import io
from collections.abc import Callable
from urllib.parse import parse_qs
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from slm.workspace import Workspace
from tests.conftest import PATIENCE_SECONDS, ROOT, OpenPage
from ui.views.attention import saving

VIEWS = (
    "overview",
    "head",
    "cell",
    "switchboard",
    "painting",
    "patching",
    "lens",
    "timeline",
    "filmstrip",
)
TEXT = 'Ben saw <img onerror="x"> and 中国. Ben saw'


@pytest.fixture()
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The files that a page offers, made at once instead of at a click."""
    files: dict[str, bytes] = {}

    def make_at_once(title: str, make: Callable[[], bytes], file_name: str, mime: str) -> None:
        assert title not in files, "one panel a view"
        assert file_name.endswith(title.lower()) and mime
        files[title] = make()

    monkeypatch.setattr(saving, "_file", make_at_once)
    return files


def check(files: dict[str, bytes]) -> None:
    with Image.open(io.BytesIO(files["PNG"])) as picture:
        assert picture.width > 200
    root = ElementTree.fromstring(files["SVG"])
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds <= {"svg", "rect", "text", "image", "polyline"}
    with np.load(io.BytesIO(files["NPZ"])) as held:
        assert all(held[name].dtype != object for name in held)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_can_be_taken_along(open_page: OpenPage, made: dict[str, bytes], view: str):
    app = open_page("attention", view=view, text=TEXT, patch_clean=TEXT, filmstrip_tokens="4")
    assert not app.exception and not app.error
    check(made)
    links = [each.value for each in app.code if "?" in each.value and "run=" in each.value]
    assert len(links) == 1
    assert parse_qs(links[0].partition("?")[2])["view"] == [view]
    assert sum("open_run(" in each.value for each in app.code) == 1


def test_two_moments_can_be_taken_along(open_page: OpenPage, made: dict[str, bytes]):
    chosen = {"timeline_show": "Compare two", "timeline_a": "0", "layer": "1", "head": "0"}
    app = open_page("attention", view="timeline", text=TEXT, **chosen)
    assert not app.exception and not app.error
    check(made)
    (link,) = [each.value for each in app.code if "run=" in each.value and "?" in each.value]
    named = parse_qs(link.partition("?")[2])
    assert named["timeline_show"] == ["Compare two"]
    assert (named["timeline_a"], named["layer"], named["timeline_b_head"]) == (["0"], ["1"], ["0"])


def test_a_text_too_long_for_a_link_is_kept_under_a_name_that_opens_it(open_page: OpenPage):
    long = "Ben saw the otter. " * 40
    asked = {"view": "patching", "patch_clean": long, "patch_corrupt": "Ben saw"}
    app = open_page("attention", **asked)
    assert not [each for each in app.code if "run=" in each.value and "?" in each.value]
    app.button(key="keep-texts").click().run()
    (link,) = [each.value for each in app.code if "run=" in each.value and "?" in each.value]
    named = parse_qs(link.partition("?")[2])
    assert "patch_clean" not in named and named["patch_corrupt"] == ["Ben saw"]
    again = open_page("attention", view="patching", patch_corrupt="Ben saw", v=named["v"][0])
    assert again.text_area(key="patch_clean").value == long
    assert not again.exception and not again.error and not again.warning


def test_a_link_whose_text_is_gone_says_so(workspace_env: Workspace):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_SECONDS)
    app.query_params["v"] = "0123456789abcdef"
    app.run()
    assert "not in this workspace" in app.warning[0].value
    assert not app.exception
