"""The interface's texts: looked up in one language, gathered in one file, missed nowhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.interface_texts import untranslatable, untranslatable_script
from ui import catalogue, texts
from ui.components.texts import markup_with_texts, script_with_texts
from ui.texts import Language, placeholders, read_language
from ui.view_models import attention, patching, serving, walk, workshop_questions

ROOT = Path(__file__).parents[2]
HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
POLISH = HEADER + (
    '"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) '
    '? 1 : 2);\\n"\n\nmsgid "{n} job"\nmsgid_plural "{n} jobs"\n'
    'msgstr[0] "{n} zadanie"\nmsgstr[1] "{n} zadania"\nmsgstr[2] "{n} zadań"\n'
)


def written(folder: Path, name: str, content: str) -> Language:
    (folder / f"{name}.po").write_text(content, encoding="utf-8")
    return read_language(name, folder)


def entry(english: str, translated: str, before: str = "") -> str:
    return f'\n{before}msgid "{english}"\nmsgstr "{translated}"\n'


def test_a_text_of_the_file_is_shown_in_its_language(tmp_path: Path):
    german = written(tmp_path, "de", HEADER + entry("Start training", "Training beginnen"))
    assert german.problem == ""
    assert german.text("Start training") == "Training beginnen"


@pytest.mark.parametrize(
    ("why", "content"),
    [
        ("it is not there", ""),
        ("it is empty", entry("Step {n} of {all}", "")),
        ("nobody has looked at it", entry("Step {n} of {all}", "Schritt {n}", "#, fuzzy\n")),
        ("it lacks a placeholder", entry("Step {n} of {all}", "Schritt {n}")),
        ("it has one of its own", entry("Step {n} of {all}", "{schritt} {n} von {all}")),
        ("its braces do not pair", entry("Step {n} of {all}", "Schritt {n von {all}")),
        ("it shows one in another way", entry("Step {n} of {all}", "Schritt {n:zz} von {all}")),
        ("it converts one", entry("Step {n} of {all}", "Schritt {n!z} von {all}")),
        ("it looks into one", entry("Step {n} of {all}", "Schritt {n.real} von {all}")),
        ("it does not name one", entry("Step {n} of {all}", "Schritt {n} von {all} {}")),
    ],
)
def test_a_text_stays_english_where(tmp_path: Path, why: str, content: str):
    german = written(tmp_path, "de", HEADER + content + entry("Stop", "Halt"))
    assert german.text("Step {n} of {all}").format(n=3, all=9) == "Step 3 of 9", why
    assert german.text("Stop") == "Halt"


def test_placeholders_may_change_places(tmp_path: Path):
    german = written(tmp_path, "de", HEADER + entry("{n} of {all:,}", "von {all:,} {n}"))
    assert german.text("{n} of {all:,}").format(n=3, all=1000) == "von 1,000 3"


def test_each_number_has_its_form(tmp_path: Path):
    polish = written(tmp_path, "pl", POLISH)
    said = {n: polish.plural("{n} job", "{n} jobs", n).format(n=n) for n in (1, 3, 5, 22, 112)}
    assert said == {
        1: "1 zadanie",
        3: "3 zadania",
        5: "5 zadań",
        22: "22 zadania",
        112: "112 zadań",
    }


def test_an_unknown_language_is_english_and_says_which_there_are(tmp_path: Path):
    (tmp_path / "de.po").write_text(HEADER, encoding="utf-8")
    found = read_language("../../etc/passwd", tmp_path)
    assert found.name == "en"
    assert "'../../etc/passwd'; there is en, de." in found.problem


def test_a_broken_file_is_english_and_named(tmp_path: Path):
    found = written(tmp_path, "de", HEADER + '\nmsgid "Stop"\nmsgstr "Halt\nmsg')
    assert (found.name, found.text("Stop")) == ("en", "Stop")
    assert found.problem.startswith("de.po cannot be read: ")


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("its encoding does not exist", HEADER.replace("utf-8", "klingon").encode()),
        ("it is in another encoding", (HEADER + entry("Stop", "hält")).encode("latin-1")),
        ("it is no text", b"\x00\xff\xfe" * 50),
        ("its rule for numbers is no rule", HEADER.encode() + b'"Plural-Forms: nplurals=a;\\n"\n'),
        ("it is a folder", None),
    ],
)
def test_the_app_starts_in_english_where(tmp_path: Path, what: str, content: bytes | None):
    path = tmp_path / "de.po"
    path.mkdir() if content is None else path.write_bytes(content)
    found = read_language("de", tmp_path)
    assert (found.name, found.text("Stop")) == ("en", "Stop"), what
    assert found.problem.startswith("de.po cannot be read: ")


def test_a_rule_for_numbers_that_divides_by_nothing_is_not_asked(tmp_path: Path):
    rule = '"Plural-Forms: nplurals=2; plural=1/(n-1)\\n"\n'
    german = written(
        tmp_path,
        "de",
        HEADER
        + rule
        + '\nmsgid "{n} job"\nmsgid_plural "{n} jobs"\n'
        + 'msgstr[0] "{n} Auftrag"\nmsgstr[1] "{n} Aufträge"\n',
    )
    assert german.plural("{n} job", "{n} jobs", 2) == "{n} Aufträge"
    assert german.plural("{n} job", "{n} jobs", 1) == "{n} job"
    assert german.text("Stop") == "Stop"


def test_the_server_says_in_the_terminal_why_it_speaks_english():
    environment = {**os.environ, "SLM_LANGUAGE": "klingon"}
    command = [sys.executable, "-c", "from ui.texts import tr; print(tr('Stop'))"]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert told.stdout == "Stop\n"
    assert told.stderr == "SLM_LANGUAGE is 'klingon'; there is en. English it is.\n"


def test_a_script_has_its_texts_in_the_language_and_no_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(texts, "_HERE", Language(texts.MARKED))
    script = "show(tr`Layer ${n + `}`.length}`, 'Layer')"
    made = script_with_texts(script, "const TEXTS = __TEXTS__;")
    assert made == f'const TEXTS = {{"Layer {{0}}": "⟦Layer {{0}}⟧"}};\n{script}'


def test_markup_keeps_its_tags_and_changes_its_texts(monkeypatch: pytest.MonkeyPatch):
    markup = '<p class="note" title="More of it">\n  Every <b>head</b> · 1\n</p>'
    assert markup_with_texts(markup) == markup
    monkeypatch.setattr(texts, "_HERE", Language(texts.MARKED))
    assert markup_with_texts(markup) == (
        '<p class="note" title="⟦More of it⟧">\n  ⟦Every⟧ <b>⟦head⟧</b> · 1\n</p>'
    )


def test_the_template_holds_every_text_of_the_interface():
    kept, gathered = catalogue.kept(), set(catalogue.gathered())
    remedy = "run `python dev.py texts` and commit ui/locale/slm_lab.pot"
    assert kept - gathered == set(), f"not used any more; {remedy}"
    assert gathered - kept == set(), f"not in the template; {remedy}"
    assert len(kept) > 4_000


def test_the_same_texts_are_the_same_file(tmp_path: Path):
    for name in ("once.pot", "again.pot"):
        catalogue.write(tmp_path / name)
    once = (tmp_path / "once.pot").read_bytes()
    assert once == (tmp_path / "again.pot").read_bytes()
    assert b"-Creation-Date" not in once
    assert catalogue.kept(tmp_path / "once.pot") == set(catalogue.gathered())


def test_every_placeholder_has_a_name_that_a_translator_can_move():
    for text in catalogue.gathered():
        for form in (text,) if isinstance(text, str) else text:
            try:
                assert "" not in {each.partition(":")[0] for each in placeholders(form)}, form
            except ValueError:  # braces that stand for themselves
                continue


APART = {
    "ui/catalogue.py": {"SLM Lab", " texts in "},  # of the file for translators
    "ui/components/architecture/view.js": {"(prefers-reduced-motion: reduce)"},  # CSS
    "ui/components/assets.py": {"export default function ("},  # JavaScript
    "ui/components/anatomy/view.js": {"cell foot muted"},  # classes of CSS
    "ui/components/text_grid/view.js": {"head corner muted"},
    "ui/figures/tokenizer.py": {"bottom right"},  # Plotly's
    "ui/texts.py": {"; there is ", ". English it is.", " cannot be read: "},  # in the terminal
    # Kinds of heads have these names in every language.
    "ui/view_models/attention.py": {
        *{"duplicate token", "previous token", "first token"},
        attention.DEFAULT_TEXT,
    },
    "ui/view_models/head_grid.py": {"duplicate token", "previous token", "first token"},
    # What a model reads is in the model's language.
    "ui/loaders.py": {"Once upon a time."},
    "ui/view_models/patching.py": {patching.CLEAN_TEXT, patching.CORRUPT_TEXT},
    "ui/view_models/workshop_questions.py": {workshop_questions.EXAMPLE_PROMPT},
    "ui/views/evaluation/copied_text.py": {"Once upon a time"},
    "ui/views/sampling/settings.py": {"Once upon a time"},
    # Babel has languages' names in every language.
    "ui/view_models/language_names.py": {
        "Norwegian Bokmål",
        "Norwegian Nynorsk",
        "Nigerian Pidgin",
        "Northern Sami",
    },
    "ui/view_models/joining.py": {" autofocus"},  # HTML
    "ui/view_models/model.py": {" is None; "},  # the core's words, which are replaced
    "ui/view_models/sizing.py": {"key-value cache"},  # a key of the glossary
    "ui/view_models/slices.py": {" or more"},  # the core's words, which are cut off
    "ui/view_models/upload.py": {"json lines"},  # the core's name of a format
    # Lines of code that a page shows.
    "ui/view_models/head.py": {"\nfrom slm.attention."},
    "ui/view_models/serving.py": {"curl ", serving.PROMPT},
    "ui/view_models/taking_out.py": {' -no-cnv -n 100 -p "Once upon a time"'},
    "ui/view_models/timeline.py": {")  # the model as it was at that step\n"},
    "ui/view_models/walk.py": {walk.DEFAULT_TEXT, ").guesses[-1])  # what comes next\n"},
    "ui/view_models/writing.py": {"\nfrom slm.sampling.", "python -m slm write"},
    "ui/views/sampling/write.py": {"\n# The same in a terminal:\n# "},
    "ui/views/tokenizer/compare.py": {"Once upon a time"},  # a text for the model
    "ui/views/tokenizer/published.py": {"tokenizer.json"},  # a file's name
    "ui/views/training/experiment_forms.py": {")  # the same as on the command line"},
    "ui/views/training/experiments.py": {"resume "},  # a key of jobs
    "ui/views/evaluation/slices.py": {"Your own"},  # a value that links keep
}
"""What looks like a text of the interface and is none, by file."""


def test_what_nobody_could_translate_is_found():
    source = 'st.button("Start it")\nst.slider(tr("Steps"), help="Many")\nx = f"in {n} or so"\n'
    assert untranslatable(source) == [(1, "Start it"), (2, "Many"), (3, " or so")]
    assert untranslatable('row.caption(tr("A {b}").format(b=1))\nst.text_input("`seed`")') == []


@pytest.mark.parametrize(
    "path",
    [path for path in catalogue.sources() if path.suffix != ".html"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_every_text_of_the_interface_is_looked_up(path: Path):
    source = path.read_text(encoding="utf-8")
    found = untranslatable(source) if path.suffix == ".py" else untranslatable_script(source)
    apart = APART.get(path.relative_to(ROOT).as_posix(), set())
    missed = [text for text in found if text.text not in apart]
    assert missed == [], "wrap it in tr(…), or name it in APART with its reason"
    assert apart <= {text.text for text in found}, "APART names what is not there any more"
