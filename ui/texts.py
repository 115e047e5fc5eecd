"""Every text that the interface shows, in the language that the server was started in.

A text is written in English where it is used, as `tr("Start training")`, and looked up here:
GNU gettext's way, in which the English sentence is the key. A language is one file,
`ui/locale/<language>.po`, chosen by the environment variable `SLM_LANGUAGE`; what a file lacks,
marks as fuzzy, or says with other placeholders than the English text stays English. The
language is one for the server and fixed at its start, so constants can be translated too.

`ui/locale/slm_lab.pot` holds all texts, ready to be translated (`python dev.py texts`).
"""

import io
import os
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import UnknownLocaleError
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

FOLDER = Path(__file__).parent / "locale"
TEMPLATE = FOLDER / "slm_lab.pot"
MARKED = "x-marked"
"""A language for tests and translators: each text in brackets, so that others stand out."""
ENGLISH = "en"
_FIELDS = string.Formatter()


@dataclass(frozen=True, slots=True)
class Language:
    """A catalogue of texts, ready to be asked."""

    name: str = ENGLISH
    translations: NullTranslations = field(default_factory=NullTranslations)
    problem: str = ""
    """Why it is English although another one was asked for; empty otherwise."""

    def text(self, message: str) -> str:
        """The text in this language, or as it is.

        >>> Language().text("Start training"), Language(MARKED).text("Start training")
        ('Start training', '⟦Start training⟧')
        """
        if self.name == MARKED:
            return f"⟦{message}⟧" if message.strip() else message
        try:
            return self.translations.gettext(message) if message else message
        except ArithmeticError:  # gettext asks the rule for numbers here too
            return message

    def plural(self, one: str, many: str, n: int) -> str:
        """The form of the text that goes with the number, by the language's own rule."""
        if self.name == MARKED:
            return self.text(one if n == 1 else many)
        try:
            return self.translations.ngettext(one, many, n)
        except ArithmeticError:  # a rule that divides by nothing for this number
            return one if n == 1 else many


def tr(message: str) -> str:
    """The text in the server's language. What varies is put in afterwards, by `format`.

    >>> tr("Step {step} of {steps}").format(step=3, steps=10)
    'Step 3 of 10'
    """
    return _HERE.text(message)


def N_(message: str) -> str:
    """The text as it is, gathered for translators: a value that links keep, and `tr` shows.

    >>> N_("Held out")
    'Held out'
    """
    return message


def plural(one: str, many: str, n: int) -> str:
    """The text for so many, in the server's language; `n` is put in afterwards.

    >>> [plural("{n} job", "{n} jobs", n).format(n=n) for n in (1, 2)]
    ['1 job', '2 jobs']
    """
    return _HERE.plural(one, many, n)


def counted(one: str, many: str, n: int) -> str:
    """`plural` with the number put in.

    >>> counted("{n} row", "{n:,} rows", 1200)
    '1,200 rows'
    """
    return plural(one, many, n).format(n=n)


def language() -> str:
    """The server's language, as `SLM_LANGUAGE` names it."""
    return _HERE.name


def read_language(name: str, folder: Path = FOLDER) -> Language:
    """The language of that name; English, with the reason, where there is none or it is broken."""
    if name in ("", ENGLISH, MARKED):
        return Language(name or ENGLISH)
    there = languages(folder)
    if name not in there:
        known = ", ".join([ENGLISH, *there])
        return Language(problem=f"SLM_LANGUAGE is {name!r}; there is {known}. English it is.")
    path = folder / f"{name}.po"
    try:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=name, abort_invalid=True)
        return Language(name, _compiled(catalogue))
    except (PoFileError, UnknownLocaleError, ValueError, LookupError, OSError) as error:
        return Language(problem=f"{path.name} cannot be read: {error}. English it is.")


def languages(folder: Path = FOLDER) -> list[str]:
    """The languages that there is a file for, besides English."""
    return sorted(path.stem for path in folder.glob("*.po"))


def placeholders(message: str) -> frozenset[str]:
    """What is put into a text afterwards, and how. Raises: ValueError for braces that do not pair.

    >>> sorted(placeholders("{n:,} of {total:.{digits}f} tokens of {name!r}"))
    ['n:,', 'name!r', 'total:.{digits}f']
    """
    return frozenset(
        name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
        for _, name, form, conversion in _FIELDS.parse(message)
        if name is not None
    )


def _compiled(catalogue: Catalog) -> GNUTranslations:
    """As gettext asks it, without what could raise where it is put together."""
    for message in catalogue:
        if message.id and not _fits(message):
            message.string = ("",) * catalogue.num_plurals if message.pluralizable else ""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _fits(message: Message) -> bool:
    """Whether each form has the placeholders of the English text as they are, and no others."""
    one, *more = message.id if isinstance(message.id, tuple | list) else (message.id,)
    strings = message.string
    forms = strings if isinstance(strings, tuple | list) else (strings,)
    try:
        wanted = {placeholders(text) for text in (one, *more)}
    except ValueError:  # braces that stand for themselves: never put through `format`
        return True
    try:
        return all(placeholders(form) in wanted for form in forms if form)
    except ValueError:
        return False


def _here(environment: Mapping[str, str]) -> Language:
    found = read_language(environment.get("SLM_LANGUAGE", "").strip())
    if found.problem:
        sys.stderr.write(found.problem + "\n")
    return found


_HERE = _here(os.environ)
