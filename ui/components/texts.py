"""The texts of components: found in their scripts and markup, and put into the server's language.

A script tags a text with ``tr``: tr`Layer ${layer}` is the message "Layer {0}". In markup every
text between tags is a message, and so is every title, placeholder and aria-label.
"""

import json
import re

from ui.texts import tr

_TAG = re.compile(r"(?<![\w.$])tr`")
_BETWEEN = re.compile(r">([^<>]+)<")
_NAMED = re.compile(r'\b(?:aria-label|title|placeholder|alt)="([^"]+)"')
_WORD = re.compile(r"[^\W\d_]{2}")
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")


def texts_of_script(script: str) -> list[str]:
    """The messages of a script, in its order; those inside of others too.

    >>> texts_of_script("show(tr`Head ${n}${open ? tr`, open` : ''}`, `no ${text}`)")
    ['Head {0}{1}', ', open']
    """
    return [_message(script, found.end()) for found in _TAG.finditer(script)]


def texts_of_markup(markup: str) -> list[str]:
    """The messages of a component's HTML, in its order.

    >>> texts_of_markup('<p title="More">Every <b>head</b> &middot; 1</p>')
    ['More', 'Every', 'head']
    """
    found = [*_BETWEEN.finditer(markup), *_NAMED.finditer(markup)]
    found.sort(key=lambda each: each.start())
    return [text for each in found if (text := _told(each.group(1)))]


def script_with_texts(script: str, before: str) -> str:
    """The script behind the lines of ``before``, which look its texts up in ``TEXTS``."""
    texts = {text: told for text in texts_of_script(script) if (told := tr(text)) != text}
    return before.replace("__TEXTS__", json.dumps(texts, ensure_ascii=False)) + "\n" + script


def markup_with_texts(markup: str) -> str:
    """The same HTML in the server's language."""

    def told(found: re.Match[str]) -> str:
        text = _told(found.group(1))
        return found.group().replace(found.group(1).strip(), _safe(tr(text))) if text else found[0]

    return _NAMED.sub(told, _BETWEEN.sub(told, markup))


def _told(text: str) -> str:
    """As a message: on one line, and empty where nothing is to be translated."""
    bare = re.sub(r"&\w+;", " ", text)
    return " ".join(text.split()) if _WORD.search(bare) else ""


def _safe(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _message(script: str, at: int) -> str:
    """The template literal that begins there, with {0}, {1}, … for what is put in."""
    parts: list[str] = []
    n_values, begin = 0, at
    while script[at] != "`":
        if script.startswith("${", at):
            parts += [script[begin:at], f"{{{n_values}}}"]
            n_values += 1
            at = begin = _end_of_code(script, at + 2) + 1
        else:
            at += 2 if script[at] == "\\" else 1
    text = "".join([*parts, script[begin:at]])
    return _ESCAPED.sub(_unescaped, text)


def _end_of_code(script: str, at: int) -> int:
    """Where the brace closes that was opened just before; texts in between may hold braces."""
    depth = 0
    while depth or script[at] != "}":
        char = script[at]
        if char in "\"'":
            at += 1
            while script[at] != char:
                at += 2 if script[at] == "\\" else 1
        elif char == "`":
            at = _end_of_template(script, at + 1)
        else:
            depth += (char == "{") - (char == "}")
        at += 1
    return at


def _end_of_template(script: str, at: int) -> int:
    while script[at] != "`":
        if script.startswith("${", at):
            at = _end_of_code(script, at + 2)
        at += 2 if script[at] == "\\" else 1
    return at


def _unescaped(found: re.Match[str]) -> str:
    code = found.group(1)
    return chr(int(code[1:], 16)) if len(code) == 5 else {"n": "\n", "t": "\t"}.get(code, code)
