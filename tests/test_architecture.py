"""Every import points the way the house is built: from pages down to files, never up.

Imports inside functions count too. The rules stand in ALLOWED: a part may import
itself, what is listed, and other packages unless FORBIDDEN_PACKAGES says no.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOUNDATION = {"slm.errors", "slm.config", "slm.files", "slm.locks", "slm.workspace", "slm.jobs"}
FOUNDATION |= {"slm.processes", "slm.owners", "slm.limits", "slm.turns"}
BASE = FOUNDATION | {"slm.device", "slm.machine", "slm.children", "slm.utf8", "slm.worker"}
BASE |= {"slm.queueing", "slm.zips", "slm.keeping", "slm.intact"}
DATA = BASE | {"slm.data"}
TEXT = DATA | {"slm.tokenizer"}
SIBLINGS = TEXT | {"slm.model"}
CHAPTERS = SIBLINGS | {"slm.training", "slm.evaluation", "slm.attention", "slm.sampling"}
SLM = CHAPTERS | {"slm.lab", "slm.exchange", "slm.workshop"}
UI = {"ui.session", "ui.loaders", "ui.widgets", "ui.components", "ui.view_models", "ui.figures"}
UI |= {"ui.login", "slm.linked_texts"}  # links are the browser's
TEXTS = {"ui.texts"}  # every part of the interface speaks the server's language
FRAME = {
    "ui.sidebar",
    "ui.job_panel",
    "ui.queue_panel",
    "ui.presenting",
    "ui.tour_panel",
    "ui.views",
}

ALLOWED = {
    "slm.errors": set(),
    "slm.config": {"slm.errors"},
    "slm.files": {"slm.errors"},
    "slm.locks": {"slm.files"},
    "slm.owners": {"slm.errors"},
    "slm.workspace": {"slm.errors", "slm.files", "slm.locks", "slm.owners"},
    "slm.jobs": FOUNDATION | {"slm.machine", "slm.utf8"},
    "slm.queueing": FOUNDATION,
    "slm.worker": FOUNDATION | {"slm.queueing", "slm.machine"},
    "slm.device": {"slm.errors", "slm.machine"},
    "slm.machine": set(),
    "slm.children": set(),
    "slm.processes": set(),
    "slm.utf8": set(),
    "slm.keeping": set(),
    "slm.limits": {"slm.errors", "slm.config", "slm.files", "slm.owners"},
    "slm.turns": {"slm.limits", "slm.owners"},
    "slm.zips": {"slm.errors"},
    "slm.intact": {"slm.errors", "slm.files"},
    "slm.linked_texts": {"slm.errors", "slm.files", "slm.utf8"},
    "slm.data": DATA,
    "slm.tokenizer": TEXT,
    "slm.model": BASE,
    "slm.training": SIBLINGS,
    "slm.evaluation": SIBLINGS,
    "slm.attention": SIBLINGS,
    "slm.sampling": SIBLINGS,
    "slm.lab": SLM - {"slm.exchange", "slm.workshop"},
    "slm.exchange": SLM - {"slm.lab", "slm.workshop"},
    "slm.serving": SLM - {"slm.workshop"},
    "slm.workshop": SLM - {"slm.exchange"},
    "ui.view_models": TEXTS | SLM | {"slm.serving"},
    "ui.figures": TEXTS | {"ui.view_models"},
    "ui.components": TEXTS | {"ui.view_models"},
    "ui.garbage": set(),
    "ui.texts": set(),
    "ui.catalogue": TEXTS | SLM | {"ui.components", "ui.view_models"},
    "ui.loaders": TEXTS | SLM | {"ui.view_models", "ui.garbage"},
    "ui.session": TEXTS | SLM | UI,
    "ui.door": TEXTS | SLM | {"ui.view_models"},
    "ui.login": TEXTS | SLM | {"ui.view_models"},
    "share": TEXTS | {"ui.session", "ui.door"},
    "ui.widgets": TEXTS | SLM | UI,
    "ui.job_panel": TEXTS | SLM | UI | FRAME,
    "ui.queue_panel": TEXTS | SLM | UI | FRAME,
    "ui.presenting": TEXTS,
    "ui.tour_panel": TEXTS | SLM | UI | FRAME,
    "ui.sidebar": TEXTS | SLM | UI | FRAME,
    "ui.views": TEXTS | SLM | UI | FRAME | {"slm.serving"},
    "pages": TEXTS | SLM | UI | FRAME,
    "app": TEXTS | SLM | UI | FRAME,
}
MAY_IMPORT_ALL = {
    ROOT / "slm" / "__main__.py",
    ROOT / "slm" / "training" / "__main__.py",
    *(ROOT / "slm" / "verbs").glob("*.py"),
}
FORBIDDEN_PACKAGES = {
    "slm": {"streamlit", "plotly", "transformers"},
    "ui.view_models": {"streamlit", "plotly"},
    "ui.figures": {"streamlit"},
}
MAY_IMPORT_TRANSFORMERS = {"slm.exchange.reload_child"}
"""A process of its own, that opens what was exported as anybody would."""
WITHOUT_TORCH = (
    "slm.model.config",
    "slm.training.config",
    "slm.training.runs",
    "slm.training.budget",
    "slm.training.rates",
    "slm.training.events",
    "slm.training.launch",
    "slm.training.doctor",
    "slm.training.rate_curves",
    "slm.jobs",
    "slm.queueing",
    "slm.worker",
    "slm.workspace",
    "slm.workshop.people",
    "slm.workshop.room",
    "slm.workshop.rights",
    "slm.workshop.made",
    "slm.workshop.progress",
    "slm.workshop.challenges",
    "slm.workshop.class_game",
    "slm.workshop.questions",
    "slm.sampling.filters",
    "slm.data.corpus",
    "slm.data.layout",
    "slm.__main__",
)


def _sources() -> list[Path]:
    return [
        ROOT / "app.py",
        ROOT / "share.py",
        *sorted((ROOT / "pages").glob("*.py")),
        *sorted((ROOT / "slm").rglob("*.py")),
        *sorted((ROOT / "ui").rglob("*.py")),
    ]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _part(module: str) -> str:
    """The part of the house that a module is in: its longest prefix in ALLOWED."""
    pieces = module.split(".")
    prefixes = [".".join(pieces[:n]) for n in range(len(pieces), 0, -1)]
    return next((prefix for prefix in prefixes if prefix in ALLOWED), pieces[0])


def _imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", _sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_follow_the_house(path):
    here = _part(_module(path))
    if path in MAY_IMPORT_ALL or _module(path) in {"slm", "ui"}:
        return
    for name in _imports(path):
        if name.split(".")[0] not in {"slm", "ui", "pages", "app"}:
            continue
        there = _part(name)
        assert there == here or there in ALLOWED[here], f"{here} may not import {name}"


@pytest.mark.parametrize("path", _sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_part_stays_clear_of_what_it_must_not_know(path):
    module = _module(path)
    for part, forbidden in FORBIDDEN_PACKAGES.items():
        if module == part or module.startswith(f"{part}."):
            met = {name.split(".")[0] for name in _imports(path)} & forbidden
            if module in MAY_IMPORT_TRANSFORMERS:
                met -= {"transformers"}
            assert not met, f"{module} imports {met}"


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_pages_and_waiting_jobs_open_without_torch(module):
    import subprocess
    import sys

    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_pages_are_thin():
    for path in (ROOT / "pages").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 120, path.name


def test_no_two_places_of_the_book_differ_in_name():
    chapters = ["data", "tokenizer", "model", "training", "evaluation", "attention", "sampling"]
    pages = {path.stem for path in (ROOT / "pages").glob("*.py")}
    tutorial = {path.stem for path in (ROOT / "docs" / "tutorial").glob("*.md")}
    for number, chapter in enumerate(chapters, start=1):
        assert (ROOT / "slm" / chapter).is_dir()
        assert (ROOT / "ui" / "views" / chapter).is_dir()
        assert f"{number}_{chapter}" in pages
        assert f"{number}_{chapter}" in tutorial
