"""Gathers the interface's texts for translators: ``python dev.py texts`` writes slm_lab.pot."""

import io
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from slm.config import Config
from slm.data.catalogue import find_sources
from slm.data.cleaning.rules import RULES
from slm.sampling.presets import BUILT_IN
from slm.tokenizer.patterns import PATTERNS
from slm.workshop.asking import READY
from slm.workshop.tour import STEPS
from ui.components.texts import texts_of_markup, texts_of_script
from ui.texts import TEMPLATE
from ui.view_models import glossary
from ui.view_models.settings import label_of

ROOT = Path(__file__).parents[1]
_KEYWORDS = {"tr": None, "N_": None, "plural": (1, 2), "counted": (1, 2)}
_HEADER = """\
# Texts of SLM Lab's interface. To translate them, copy this file to ui/locale/LANGUAGE.po
# (de, pt_BR, …), fill in each msgstr, and start with SLM_LANGUAGE=LANGUAGE. What stands in
# braces is put in later: keep it as it is, in any order. What is left empty stays English."""

_DATE = b'"POT-Creation-Date:'  # left out: the same texts are the same file

Text = str | tuple[str, ...]
"""A message, or its forms for one and for many."""


def gathered() -> dict[Text, list[str]]:
    """Every text of the interface, with the files that it stands in."""
    found: dict[Text, list[str]] = {}
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        for text in _texts_of(path):
            places = found.setdefault(text, [])
            if place not in places:
                places.append(place)
    for text, place in _core_texts():
        found.setdefault(text, []).append(place)
    return found


def kept(template: Path = TEMPLATE) -> set[Text]:
    """The texts of the template as it is."""
    with template.open("rb") as file:
        ids = [message.id for message in read_po(file) if message.id]
    return {tuple(each) if isinstance(each, list | tuple) else each for each in ids}


def write(template: Path = TEMPLATE) -> int:
    """Write the template anew; how many texts it holds."""
    texts = gathered()
    catalogue = Catalog(project="SLM Lab", header_comment=_HEADER, charset="utf-8", fuzzy=False)
    for text, places in texts.items():
        catalogue.add(text, locations=[(place, 0) for place in places])
    written = io.BytesIO()
    write_po(written, catalogue, width=100, sort_by_file=True, include_lineno=False)
    lines = written.getvalue().splitlines(keepends=True)
    template.parent.mkdir(exist_ok=True)
    template.write_bytes(b"".join(line for line in lines if not line.startswith(_DATE)))
    return len(texts)


def sources() -> list[Path]:
    """The files that hold texts of the interface."""
    ui = ROOT / "ui"
    return [
        ROOT / "app.py",
        ROOT / "share.py",
        *sorted((ROOT / "pages").glob("*.py")),
        *sorted(ui.rglob("*.py")),
        *sorted((ui / "components").rglob("*.html")),
        *sorted((ui / "components").rglob("*.js")),
    ]


def _texts_of(path: Path) -> Iterator[Text]:
    if path.suffix == ".html":
        yield from texts_of_markup(path.read_text(encoding="utf-8"))
    elif path.suffix == ".js":
        yield from texts_of_script(path.read_text(encoding="utf-8"))
    else:
        for _, text, _, _ in extract_from_file("python", path, keywords=_KEYWORDS):
            yield text if isinstance(text, str) else (text[0], text[1])


def _core_texts() -> Iterator[tuple[str, str]]:
    """What pages show of the core and of the tutorial: settings, and the glossary's terms."""
    for config in configs():
        place = config.__module__.replace(".", "/") + ".py"
        for name, field in config.model_fields.items():
            yield name.replace("_", " "), place
            yield label_of(name), place
            if field.description:
                yield field.description, place
    for step in STEPS:
        for text in (step.title, step.task, step.hint, step.why, step.ask, *step.options):
            if text:
                yield text, "slm/workshop/tour.py"
    yield from ((title, "slm/workshop/asking.py") for title in READY.values())
    for preset in BUILT_IN:
        yield from ((text, "slm/sampling/presets.py") for text in (preset.name, preset.about))
    for rule in RULES.values():
        for text in (rule.title, rule.description, rule.harms, rule.remembers):
            if text:
                yield text, "slm/data/cleaning/rules.py"
    for pattern in PATTERNS.values():
        yield pattern.description, "slm/tokenizer/patterns.py"
    for source in find_sources():
        yield from (
            (text, "slm/data/catalogue.py") for text in (source.description, source.good_for)
        )
    for term in glossary.read():
        for text in (term.name, term.meaning, *term.others):
            yield text, glossary.GLOSSARY.relative_to(ROOT).as_posix()


def configs() -> Iterator[type[Config]]:
    """Every class of settings in the core."""
    for path in sorted((ROOT / "slm").rglob("*.py")):
        if "Config):" in path.read_text(encoding="utf-8"):
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    waiting = [Config]
    while waiting:
        for config in waiting.pop().__subclasses__():
            waiting.append(config)
            if config.__module__.startswith("slm."):
                yield config


if __name__ == "__main__":
    sys.stdout.write(f"{write():,} texts in {TEMPLATE.relative_to(ROOT).as_posix()}\n")
