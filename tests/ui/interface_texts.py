"""Finds texts that people read and that nobody could translate, in Python and in scripts.

Knows no Streamlit: it reads the sources. What it takes for a text has two words, or is handed
to an element or to a table, and is no markup, formula, code or key.
"""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

LOOKED_UP = {"tr", "N_", "plural", "counted"}
TOLD_BY = {"glossary", "re"}
"""Modules whose functions take a key or a pattern, not a text."""
SHOWING = {"button", "caption", "checkbox", "download_button", "error", "expander", "file_uploader"}
SHOWING |= {"form_submit_button", "header", "info", "link_button", "metric", "multiselect"}
SHOWING |= {"number_input", "page_link", "pills", "popover", "radio", "segmented_control"}
SHOWING |= {"select_slider", "selectbox", "slider", "spinner", "status", "subheader", "success"}
SHOWING |= {"text_area", "text_input", "title", "toggle", "warning"}
SAYING = {"help", "placeholder", "caption"}
_TWO_WORDS = re.compile(r"[^\W\d_]{2,}[,;:.…”’)]* +[(“‘]?[^\W\d_]{2,}")
_WORD = re.compile(r"[^\W\d_]{3,}")
_PART = re.compile(r"^[\s·,;(=]*[^\W\d_]{3,}[\s:,.;)…]*$")
_NO_TEXT = re.compile(
    r"""\\|\w=|[<>{}_|]|[\w\]]\(|\n\w+ = |print\(|\bdatum\.|--|^#|'self'|'none'|\bimport\b|/\w+/"""
    r"""|:material/"""
)
"""Markup, formulas, code, addresses."""


class Text(NamedTuple):
    """A text, and the line that it stands in."""

    line: int
    text: str


def untranslatable(source: str) -> list[Text]:
    """Texts of a module of Python that are never looked up, in its order.

    >>> untranslatable('st.button("Stop")\\nnote = f"in {n} steps in all"\\nkey = "a-b"')
    [Text(line=1, text='Stop'), Text(line=2, text=' steps in all')]
    >>> untranslatable('st.button(tr("Stop"))\\nwhy = glossary.meaning("key value")')
    []
    """
    tree = ast.parse(source)
    apart = set(_apart(tree))
    handed = set(_handed(tree))
    found = [
        Text(node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in apart
        and (_is_text(node.value) or (node in handed and _is_label(node.value)))
    ]
    return sorted(found)


def untranslatable_script(script: str) -> list[Text]:
    """The same of a component's script: literals that hold two words and a letter case of prose.

    >>> untranslatable_script('show("two words of it");\\nshow(tr`and so on`, "row chosen");')
    [Text(line=1, text='two words of it')]
    """
    bare = re.sub(r"(?<!:)//[^\n]*", "", script)
    found = []
    for literal in re.finditer(r'(?<![\w.$])(tr)?(`[^`]*`|"[^"\n]*")', bare):
        text = re.sub(r"\$\{[^}]*\}", "", literal.group(2)[1:-1])
        prose = len(re.findall(r"[A-Za-z]{2,}", text)) > 2
        if not literal.group(1) and prose and _is_text(text) and not re.search(r"[.#;]\w", text):
            found.append(Text(bare.count("\n", 0, literal.start()) + 1, text))
    return found


def _is_text(text: str) -> bool:
    is_part = text != text.strip() and _PART.search(text)  # of a sentence, as in f"next: {token}"
    return bool(_TWO_WORDS.search(text) or is_part) and not _NO_TEXT.search(text)


def _is_label(text: str) -> bool:
    return bool(_WORD.search(text)) and len(text) > 2 and not re.search(r":material|[`_/]", text)


def _apart(tree: ast.Module) -> Iterator[ast.AST]:
    """What is looked up, documented, raised, or a key."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value  # documents what stands above it
        elif isinstance(node, ast.Call) and _is_looked_up(node.func):
            for argument in node.args:
                yield from ast.walk(argument)
        elif isinstance(node, ast.Subscript):  # a key, or Literal["…"]
            yield from ast.walk(node.slice)
        elif isinstance(node, ast.Raise | ast.Assert):
            yield from ast.walk(node)


def _is_looked_up(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in LOOKED_UP
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id in TOLD_BY
    return False


def _handed(tree: ast.Module) -> Iterator[ast.AST]:
    """What an element of Streamlit is handed as it is."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        named = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        texts = call.args[:1] if named in SHOWING else []
        texts = [*texts, *(each.value for each in call.keywords if each.arg in SAYING)]
        for text in texts:
            yield from text.values if isinstance(text, ast.JoinedStr) else [text]
