"""No page shows an English sentence to a class that reads another language."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from slm.data.catalogue import find_sources
from slm.model.config import PRESETS
from ui import catalogue
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


def _literals(annotation: Any) -> Iterator[Any]:
    """What may be chosen of a setting, where that is a list."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            yield from _literals(part)


PROPER = {
    *PRESETS,  # names of models
    *(source.title for source in find_sources()),  # names of corpora
    *("cpu", "cuda", "mps"),  # names of devices
    "Tales with echo games for Demo",  # the name of the corpus that ships with the app
}
"""Choices that are names, or values of settings: those are written so on the command line too."""
PROPER |= {
    str(value)
    for config in catalogue.configs()
    for field in config.model_fields.values()
    for value in _literals(field.annotation)
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
        if re.search(r"[^\W\d_]{3}", bare(text)) and not _is_apart(kind, text)
    }
    assert missed == set()


def test_no_value_that_links_keep_is_a_translated_text(views: list[dict[str, Any]]):
    kept = {
        (view["view"], key, str(value)) for view in views for key, value in view["kept"].items()
    }
    assert len(kept) > 100
    assert {each for each in kept if "⟦" in each[2]} == set()


def _is_apart(kind: str, text: str) -> bool:
    """A chapter of the tutorial is a document in `docs/`, and so is no text of the interface; and
    many choices are names, or tokens."""
    if kind.startswith(("option", "column")):
        return text.split(" · ")[0] in PROPER or text.startswith(("<|", "·"))
    return re.match(r"### \d [A-Z]\w+: ", text) is not None
