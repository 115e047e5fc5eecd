"""No page shows an English sentence to a class that reads another language."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ui.texts import MARKED

ROOT = Path(__file__).parents[2]
FOREIGN = {
    "Demo": "the name of the model that ships with the app",
    "Tales": "the name of a corpus",
    "AdamW": "the name of a lane of the race that ships with the app",
    "Muon": "the name of a lane of the race that ships with the app",
    "GPT": "the name of a model",
    "English": "the name of a language, which Babel has in all languages",
    "induction": "a kind of head, which the field calls so in every language",
    "previous token": "the same",
    "duplicate token": "the same",
    "first token": "the same",
    "positional": "the same",
    "broad": "the same",
    "mixed": "the same",
    "tale 1": "the source of a document",
    "endoftext": "a token",
    "Each tale is a document": "said by the core, of how it reads a source",
}


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every view on the demo, with all that it shows."""
    folder = tmp_path_factory.mktemp("marked")
    told = folder / "shown.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SLM_LANGUAGE": MARKED,
        "SLM_WORKSPACE": str(folder / "workspace"),
    }
    command = [sys.executable, str(ROOT / "tests" / "pages" / "marked_pages.py"), str(told)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    found: list[dict[str, Any]] = json.loads(told.read_text(encoding="utf-8"))
    return found


def bare(text: str) -> str:
    """What stands outside of all marks, without code, icons, colours and links.

    >>> bare("**Step** ⟦of {a ⟦b⟧}⟧ `code` :red[⟦x⟧]")
    '**Step**   []'
    """
    depth, kept = 0, ""
    for character in text:
        depth += (character == "⟦") - (character == "⟧")
        kept += character if depth == 0 and character != "⟧" else ""
    kept = re.sub(
        r":material/\w+:|:[a-z-]+(?=\[)|`[^`]*`|\[[^\]]*\]\([^)]*\)|slm\.[\w.]+", "", kept
    )
    for name in FOREIGN:
        kept = kept.replace(name, "")
    return kept


def test_every_page_and_view_was_opened(views: list[dict[str, Any]]):
    assert len(views) > 40
    assert all(view["shown"] for view in views)
    assert {view["page"] for view in views} == {p.stem for p in (ROOT / "pages").glob("*.py")}


def test_no_view_raises_in_another_language(views: list[dict[str, Any]]):
    assert [(view["page"], view["view"]) for view in views if view["raised"]] == []


def test_every_sentence_and_label_is_looked_up(views: list[dict[str, Any]]):
    missed = {
        (view["page"], view["view"], kind, text)
        for view in views
        for kind, text in view["shown"]
        if re.search(r"[^\W\d_]{3}", bare(text)) and not _is_chapter(text)
    }
    assert missed == set()


def _is_chapter(text: str) -> bool:
    """A chapter of the tutorial is a document in `docs/`, not a text of the interface."""
    return re.match(r"### \d [A-Z]\w+: ", text) is not None
