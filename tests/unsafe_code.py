"""Finds what runs, unpickles or writes raw what others wrote: in Python by its syntax tree,
in what a browser gets by its words.

A name is followed through the imports of its file, so that `from torch import load as open_`
hides nothing. What is put together at run time (`getattr(torch, "lo" + "ad")`) stays unseen:
this keeps the careful from slipping, it does not stop the malicious.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("slm", "ui", "pages", "benchmarks")
FILES = ("app.py", "share.py", "dev.py")

_BUILTINS = {"eval", "exec", "compile", "__import__"}
_MODULES = {
    *("pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"),
    *("code", "codeop", "pty", "runpy", "xmlrpc"),
}
_NAMES = {
    **dict.fromkeys(("torch.load", "torch.hub.load", "torch.jit.load"), "torch.load"),
    "pandas.eval": "eval",
    **dict.fromkeys(("os.system", "os.popen", "subprocess.getoutput"), "a shell"),
    **dict.fromkeys(("subprocess.getstatusoutput", "asyncio.create_subprocess_shell"), "a shell"),
    **dict.fromkeys(("yaml.load", "yaml.load_all", "yaml.full_load"), "yaml.load"),
    **dict.fromkeys(("yaml.unsafe_load", "yaml.unsafe_load_all"), "yaml.load"),
    **dict.fromkeys(("shutil.unpack_archive", "tempfile.mktemp"), "unpacked unseen"),
    **dict.fromkeys(("jinja2.Environment", "jinja2.Template"), "an open template"),
    **dict.fromkeys(("streamlit.components.v1.html", "streamlit.iframe"), "raw markup"),
    "streamlit.components.v1.iframe": "raw markup",
    "datasets.load_dataset": "load_dataset",
    "ssl._create_unverified_context": "no certificate",
}
_KEYWORDS = {"unsafe_allow_html": "raw markup", "trust_remote_code": "trust_remote_code"}
_KEYWORDS |= {"shell": "a shell", "allow_pickle": "pickle"}
_IN_BROWSER = (
    *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "setHTMLUnsafe"),
    *("createContextualFragment", "DOMParser", "srcdoc", "javascript:", "@import"),
    *("new Function", "importScripts"),
)
_WORDS_IN_BROWSER = re.compile("|".join(map(re.escape, _IN_BROWSER)))
_FORMS_IN_BROWSER = (
    ("eval", re.compile(r"(?<![\w.])eval\s*\(")),
    ("import()", re.compile(r"(?<![\w.])import\s*\(")),
    ("a timer of text", re.compile(r"\bset(?:Timeout|Interval)\(\s*[\"'`]")),
    (
        "a handler of text",
        re.compile(r"setAttribute\(\s*[\"'`]on|<[^>]*\son\w+\s*=", re.IGNORECASE),
    ),
    ("a script", re.compile(r"<\s*(?:script|iframe|object|embed|base|link)\b", re.IGNORECASE)),
    (
        "another site",
        re.compile(r"(?:https?:)?//(?!www\.w3\.org/)[a-z0-9-]+\.[a-z]", re.IGNORECASE),
    ),
)
_JS_COMMENT = re.compile(r"(?<![:\"'`])//[^\n]*|/\*.*?\*/|<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Danger:
    """One such place."""

    path: str
    line: int
    what: str


def dangers_in(root: Path) -> Iterator[Danger]:
    """Every such place in the app's own code below `root`."""
    python = [root / name for name in FILES if (root / name).exists()]
    browser = []
    for folder in FOLDERS:
        python += sorted((root / folder).rglob("*.py"))
        browser += sorted(each for kind in ("js", "html", "css", "svg")
                          for each in (root / folder).rglob(f"*.{kind}"))  # fmt: skip
    for path in python:
        named = path.relative_to(root).as_posix()
        for line, what in in_python(path.read_text(encoding="utf-8")):
            yield Danger(named, line, what)
    for path in browser:
        named = path.relative_to(root).as_posix()
        for line, what in in_browser(path.read_text(encoding="utf-8")):
            yield Danger(named, line, what)


def in_python(source: str) -> list[tuple[int, str]]:
    """Lines, and what is dangerous in them."""
    tree = ast.parse(source)
    known = _imported(tree)
    found = []
    for node in ast.walk(tree):
        what = _in_import(node) or _in_name(node, known) or _in_call(node, known)
        if what:
            found.append((getattr(node, "lineno", 0), what))
    return sorted(set(found))


def in_browser(text: str) -> list[tuple[int, str]]:
    """Lines, and what is dangerous in them, of a script, a style sheet or a piece of markup."""
    bare = _JS_COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    found = []
    for number, line in enumerate(bare.splitlines(), start=1):
        found += [(number, word) for word in _WORDS_IN_BROWSER.findall(line)]
        found += [(number, what) for what, form in _FORMS_IN_BROWSER if form.search(line)]
    return found


def _imported(tree: ast.AST) -> dict[str, str]:
    """What each name of the file stands for: {"st": "streamlit", "load": "torch.load"}."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                known[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return known


def _dotted(node: ast.AST, known: dict[str, str]) -> str:
    """`st.components.v1.html` as what it is: "streamlit.components.v1.html"; "" for no name."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value, known)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _in_import(node: ast.AST) -> str:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        return ""
    return next((name for name in names if name.split(".")[0] in _MODULES), "")


def _in_name(node: ast.AST, known: dict[str, str]) -> str:
    """A forbidden thing by its name, called or given on."""
    if isinstance(node, ast.Attribute) and node.attr in {"extractall", "read_pickle"}:
        return node.attr.replace("read_pickle", "pickle")
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _BUILTINS:
        return known.get(node.id, node.id).removeprefix("builtins.")
    named = _dotted(node, known)
    return named.removeprefix("builtins.") if named in {
        f"builtins.{name}" for name in _BUILTINS
    } else _NAMES.get(named, "")  # fmt: skip


def _in_call(node: ast.AST, known: dict[str, str]) -> str:
    if not isinstance(node, ast.Call):
        return ""
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    for word, value in given.items():
        constant = value.value if isinstance(value, ast.Constant) else None
        if word in _KEYWORDS and constant is not False:
            return _KEYWORDS[word]
    called = _dotted(node.func, known)
    if called == "streamlit.html" and not _is_fixed(node.args):
        return "raw markup"
    if called.startswith(("os.exec", "os.spawn")):
        return "a shell"
    if called == "importlib.import_module" and not all(
        isinstance(each, ast.Constant) for each in node.args
    ):
        return "a module by a name from elsewhere"
    if called.endswith(".from_pretrained") and "local_files_only" not in given:
        return "from_pretrained"
    return ""


def _is_fixed(arguments: list[ast.expr]) -> bool:
    """Whether these are texts of our own: literals, or constants by the house's way of naming."""
    return all(
        (isinstance(each, ast.Constant) and isinstance(each.value, str))
        or (isinstance(each, ast.Name) and each.id.isupper())
        for each in arguments
    )
