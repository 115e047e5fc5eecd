"""The tutorial is true: its code runs, its figures come out, its commands and links exist.

The Python blocks of all chapters run one after another in one folder, as a reader would run
them, each in a namespace of its own. SMALLER makes the few long ones short. Where a line
`print(…)  # → value` promises a value, that is what it must print.
"""

import ast
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import tyro

from slm import __main__ as command_line
from slm.lab.pipeline import RECIPES
from slm.model.config import parameter_counts
from ui.view_models import glossary

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial"
NAMES = ("data", "tokenizer", "model", "training", "evaluation", "attention", "sampling")
CHAPTERS = [TUTORIAL / f"{number}_{name}.md" for number, name in enumerate(NAMES, start=1)]
FURTHER = ("glossary", "sources", "scaling", "fine_tuning")
PAGES = [*CHAPTERS, *(TUTORIAL / f"{name}.md" for name in FURTHER)]
SMALLER = {
    "documents=8_000": "documents=300",
    "steps=720, batch_size=12, snapshots=12": "steps=4, batch_size=2, snapshots=2, threads=1, "
    "evaluation_tokens=1_024, sample_tokens=8",
    "max_tokens=50_000": "max_tokens=2_000",
    "range(1_000_000, 1_000_030)": "range(1_000_000, 1_000_002)",
    "config, 80, eos_id": "config, 8, eos_id",
}
_PROMISE = re.compile(r"^ *print\(.*\)  # → (?P<value>.+)$")
_FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", flags=re.S)
_LINK = re.compile(r"(?P<image>!?)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block: its language, the line on which its text begins, and its text."""

    chapter: Path
    language: str
    line: int
    text: str


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    language, first, held = None, 0, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("```"):
            held.append(line)
        elif language is None:
            language, first, held = line.removeprefix("```"), number + 1, []
        else:
            yield Block(path, language, first, "\n".join(held))
            language = None
    assert language is None, f"{path.name}: the block from line {first} is not closed"


def without_code(path: Path) -> str:
    """The page without blocks and words of code."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]+`", "", text)


def text_lines(path: Path) -> list[str]:
    """Its lines outside code."""
    return without_code(path).splitlines()


def prose(path: Path) -> str:
    """The page without code and formulas."""
    return _FORMULA.sub("", without_code(path))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


READ = [*CHAPTERS, TUTORIAL / "fine_tuning.md"]
PYTHON = [block for path in READ for block in blocks(path) if block.language == "python"]
COMMANDS = [
    (path.stem, line)
    for path in READ
    for block in blocks(path)
    if block.language == "console"
    for line in block.text.splitlines()
]


@pytest.fixture(scope="module")
def readers_folder(tmp_path_factory):
    """Where the reader of the tutorial works, from the first chapter to the last."""
    return tmp_path_factory.mktemp("reader")


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"{block.chapter.stem}:{block.line}")
def test_every_python_block_runs_and_prints_what_it_promises(block, readers_folder, monkeypatch):
    monkeypatch.chdir(readers_folder)
    code = block.text
    for shown, short in SMALLER.items():
        code = code.replace(shown, short)
    script = readers_folder / f"{block.chapter.stem}.py"
    script.write_text("\n" * (block.line - 1) + code + "\n", encoding="utf-8")
    printed: dict[int, str] = {}

    def record(*values: object, sep: str = " ") -> None:
        printed[sys._getframe(1).f_lineno] = sep.join(map(str, values))

    runpy.run_path(str(script), init_globals={"print": record})
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if promise := _PROMISE.match(line):
            assert printed[number] == promise["value"], f"{block.chapter.name}, line {number}"


def test_what_is_made_shorter_stands_in_the_tutorial():
    for shown in SMALLER:
        assert any(shown in block.text for block in PYTHON), shown


def test_every_arrow_is_a_promise_that_is_checked():
    for block in PYTHON:
        for line in block.text.splitlines():
            assert "# →" not in line or _PROMISE.match(line), line


class Understood(Exception):  # noqa: N818
    """The command line was parsed; nothing more is wanted."""


@pytest.mark.parametrize(("chapter", "line"), COMMANDS)
def test_every_command_is_one_that_the_program_understands(
    chapter, line, readers_folder, monkeypatch
):
    """In the reader's folder, where the runs that commands speak of were made above."""
    monkeypatch.chdir(readers_folder)
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "slm"], line
    real = tyro.cli

    def parse(*arguments, **settings):
        real(*arguments, **settings)
        raise Understood

    monkeypatch.setattr(tyro, "cli", parse)
    with pytest.raises(Understood):
        command_line.main(words[3:])


def test_every_chapter_has_the_same_parts():
    parts = ["The idea", "By hand", "The formula", "In code", "Try it on the page"]
    for path in CHAPTERS:
        headings = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), flags=re.M)
        assert headings == [*parts, "What goes wrong"], path.name


def test_every_chapter_has_a_command_and_code_and_a_checked_figure():
    for path in CHAPTERS:
        own = [block for block in PYTHON if block.chapter == path]
        assert any("# →" in block.text for block in own), path.name
    with_command = {chapter for chapter, _ in COMMANDS}
    assert with_command >= {path.stem for path in CHAPTERS} - {"3_model"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_resolve(path):
    for link in _LINK.finditer(path.read_text(encoding="utf-8")):
        assert not link["image"], "a page renders no images"
        if link["target"].startswith("https://"):
            assert path.stem == "sources", f"{link['target']}: papers are linked from sources.md"
            continue
        name, _, anchor = link["target"].partition("#")
        assert (TUTORIAL / name).is_file(), link["target"]
        text = (TUTORIAL / name).read_text(encoding="utf-8")
        headings = {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, flags=re.M)}
        assert not anchor or anchor in headings, link["target"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_prose_keeps_to_the_house_style(path):
    text = prose(path)
    assert not re.search(r"</?[a-zA-Z][^>]*>", text), "raw HTML"
    assert "!" not in text.replace("![", ""), "an exclamation mark"
    assert not re.search(r"\bsimply\b", text, flags=re.I)
    formulas = _FORMULA.findall(without_code(path))
    assert not re.search(r"\\[^a-zA-Z]", "".join(formulas)), "Markdown eats backslash and sign"
    assert all(line == "$$" for line in text_lines(path) if "$$" in line), "$$ stands alone"
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 200


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_is_read_in_a_few_minutes(path):
    assert 500 <= len(re.findall(r"[A-Za-z]{2,}", prose(path))) <= 900


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_words_in_bold_are_explained_in_the_glossary(path):
    """A bold word that ends with a full stop is the head of a list's entry, and no term."""
    for term in re.findall(r"\*\*([^*]+)\*\*", prose(path)):
        name = " ".join(term.split())
        if name.endswith("."):
            continue
        try:
            glossary.meaning(name)
        except KeyError:
            assert glossary.meaning(name.removesuffix("s"))


def test_terms_that_pages_explain_stand_in_the_glossary():
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "ui").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            term = getattr(node.args[0], "value", None)
            if called == "meaning" and isinstance(term, str):
                assert glossary.meaning(term), f"{path.name}: {term}"


def test_the_chapters_speak_of_the_first_model_that_the_app_builds():
    size = sum(parameter_counts(RECIPES["first"].model).values())
    for name in ("1_data.md", "3_model.md", "4_training.md"):
        assert f"{size:,}" in (TUTORIAL / name).read_text(encoding="utf-8"), name
