"""Chapters in the app: their links lead to pages, and code is left alone."""

import re
from pathlib import Path

import pytest

from ui.view_models.tutorial import for_app

TUTORIAL = Path(__file__).resolve().parents[3] / "docs" / "tutorial"
NAMES = ("data", "tokenizer", "model", "training", "evaluation", "attention", "sampling")


def test_a_link_to_a_chapter_leads_to_its_page():
    assert for_app("[6 Attention](6_attention.md#by-hand)") == "[6 Attention](attention)"


def test_links_to_what_is_no_page_become_text():
    assert for_app("([Lee et al. 2022](sources.md#data))") == "(Lee et al. 2022)"


def test_headings_shrink_and_comments_in_code_do_not():
    text = "## By hand\n\n```python\n# not a heading\n```\n"
    assert for_app(text) == "#### By hand\n\n```python\n# not a heading\n```"


@pytest.mark.parametrize("name", NAMES)
def test_no_link_of_a_chapter_leads_nowhere(name):
    (path,) = TUTORIAL.glob(f"?_{name}.md")
    shown = for_app(path.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", shown, flags=re.S))
    assert targets and set(targets) <= set(NAMES)
