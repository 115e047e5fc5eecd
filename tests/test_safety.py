"""The app runs, unpickles and writes raw nothing that came from outside: read from its code.

What `tests/unsafe_code.py` finds must stand in ALLOWED with the reason why it is harmless.
"""

from pathlib import Path

import pytest

from tests.unsafe_code import FILES, FOLDERS, dangers_in, in_browser, in_python

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    ("ui/catalogue.py", "a module by a name from elsewhere"): (
        "the names are those of our own files in slm/; it runs for translators, never in the app"
    ),
    ("slm/data/hub/stream.py", "load_dataset"): (
        "in a process of its own, with a checked owner/name behind hf://, a pinned revision, and "
        "streamed; datasets 5 runs no code of a repository"
    ),
    ("ui/loaders.py", "a module by a name from elsewhere"): "two tuples of names in the same file",
    ("ui/views/evaluation/report.py", "raw markup"): (
        "the report, which `slm.lab` escapes and which forbids itself scripts and other sites"
    ),
    ("benchmarks/attention_views.py", "torch.load"): "a tensor that the same program just wrote",
    ("benchmarks/load_vs_transformers.py", "from_pretrained"): "the peer, on a folder made here",
    ("benchmarks/prepare_vs_datasets.py", "load_dataset"): "the peer, on a text file made here",
}
PLANTED = {
    "torch.load": (
        "import torch\ntorch.load(path)",
        "import torch as t\nt.load(path, weights_only=True)",
        "from torch import load as open_\nopen_(path)",
        "import torch\ntorch.hub.load('owner/name', 'model')",
    ),
    "pickle": ("import pickle", "import pickle as p", "def f():\n    import pickle",
               "import pandas\nread = pandas.read_pickle",
               "import numpy as np\nnp.load(path, allow_pickle=True)",
               "import numpy as np\nnp.load(path, allow_pickle=may)"),
    "marshal": ("import marshal", "from marshal import loads"),
    "shelve": ("import shelve",),
    "dill": ("import dill",),
    "eval": ("eval('1')", "run = eval", "import builtins\nbuiltins.eval('1')"),
    "exec": ("exec(code)", "map(exec, lines)"),
    "compile": ("compile(source, 'a', 'exec')",),
    "__import__": ("__import__(name)",),
    "a module by a name from elsewhere": (
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module as get\nget(name)",
    ),
    "extractall": ("packed.extractall(folder)", "unpack = zipfile.ZipFile.extractall"),
    "unpacked unseen": ("import shutil\nshutil.unpack_archive(a, b)",),
    "raw markup": (
        "st.markdown(text, unsafe_allow_html=True)",
        "st.markdown(text, unsafe_allow_html=may)",
        "import streamlit as st\nst.html(text)",
        "import streamlit as st\nst.html(f'<b>{name}</b>')",
        "from streamlit import html\nhtml(text)",
        "import streamlit.components.v1 as components\ncomponents.html(text)",
        "import streamlit as st\nst.iframe(text)",
    ),
    "trust_remote_code": ("f(trust_remote_code=True)", "f(trust_remote_code=may)"),
    "a shell": (
        "import subprocess\nsubprocess.run(line, shell=True)",
        "from subprocess import Popen as start\nstart(line, shell=1)",
        "import os\nos.system(line)",
        "from os import system\nsystem(line)",
        "import os\nos.popen(line)",
        "import os\nos.execv(path, words)",
        "import subprocess\nsubprocess.getoutput(line)",
    ),
    "yaml.load": ("import yaml\nyaml.load(text)", "from yaml import load\nload(text)"),
    "load_dataset": ("from datasets import load_dataset\nload_dataset('a/b')",),
    "from_pretrained": ("transformers.AutoModel.from_pretrained(name)",),
    "an open template": ("from jinja2 import Environment\nEnvironment()",),
    "no certificate": ("import ssl\nssl._create_unverified_context()",),
}  # fmt: skip
SOUND = (
    "import re\nre.compile('a')",
    "import torch\ntorch.compile(model)",
    "model.eval()",
    "averages.load(stored)",
    "import subprocess\nsubprocess.run([program, '--flag'])",
    "import subprocess\nsubprocess.run([program], shell=False)",
    "import importlib\nimportlib.import_module('onnxruntime')",
    "import streamlit as st\nst.html(_STYLE)",
    "import streamlit as st\nst.html('<style></style>')",
    "import numpy as np\nnp.load(path, allow_pickle=False)",
    "import yaml\nyaml.safe_load(text)",
    "from html import escape as html\nhtml(text)",
    "auto.AutoModel.from_pretrained(folder, local_files_only=True)",
    "told = 'torch.load(path) and eval(x) in a text'",
)
PLANTED_IN_BROWSER = {
    "innerHTML": ("box.innerHTML = text;", "box['innerHTML'] = text;", "x.innerHTML += `<b>${t}`"),
    "outerHTML": ("box.outerHTML = text",),
    "insertAdjacentHTML": ("box.insertAdjacentHTML('beforeend', text)",),
    "document.write": ("document.write(text)", "document.writeln(text)"),
    "eval": ("eval(text)", "const x = eval (text)"),
    "new Function": ("new Function('a', text)",),
    "import()": ("import('./other.js')",),
    "a timer of text": ("setTimeout('run()', 5)",),
    "a handler of text": ("box.setAttribute('onclick', text)", "<img onerror='run()'>"),
    "a script": ("<script>run()</script>", "<iframe src=x></iframe>", "<link rel=stylesheet>"),
    "another site": ("fetch('https://evil.example/x')", "img.src = '//evil.example/x.png'",
                     "background: url(http://evil.example/x)"),
    "javascript:": ("link.href = 'javascript:run()'",),
    "srcdoc": ("frame.srcdoc = text",),
    "@import": ("@import 'other.css';",),
}  # fmt: skip
SOUND_IN_BROWSER = (
    "box.textContent = text; // never innerHTML",
    "/* document.write\n would be wrong */ const a = 1;",
    "document.createElementNS('http://www.w3.org/2000/svg', 'svg')",
    "const half = width / 2; // a third\nbox.onclick = () => pick(1);",
    "setTimeout(() => draw(), 50)",
    "const evaluated = medieval(text)",
)


def _cases(planted):
    return [(what, code) for what, codes in planted.items() for code in codes]


def test_the_app_holds_no_dangerous_place_but_those_with_a_reason():
    found = {(danger.path, danger.what): danger for danger in dangers_in(ROOT)}
    assert not [found[place] for place in found.keys() - ALLOWED.keys()]
    assert not ALLOWED.keys() - found.keys(), "these reasons are for places that are gone"


@pytest.mark.parametrize(("what", "code"), _cases(PLANTED))
def test_what_is_planted_in_python_is_found(what, code):
    assert [found for _, found in in_python(f"a = 1\n{code}\n")] == [what]


@pytest.mark.parametrize("code", SOUND)
def test_python_that_only_looks_like_it_passes(code):
    assert in_python(code) == []


@pytest.mark.parametrize(("what", "code"), _cases(PLANTED_IN_BROWSER))
def test_what_is_planted_in_a_component_is_found(what, code):
    assert what in [found for _, found in in_browser(f"const a = 1;\n{code}\n")]


@pytest.mark.parametrize("code", SOUND_IN_BROWSER)
def test_a_component_that_only_looks_like_it_passes(code):
    assert in_browser(code) == []


def test_every_folder_and_file_of_the_app_is_read(tmp_path):
    planted = [*FILES, *(f"{folder}/deep/down/x.py" for folder in FOLDERS)]
    for name in planted:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("eval('1')\n")
    (tmp_path / "ui" / "components").mkdir()
    (tmp_path / "ui" / "components" / "view.js").write_text("box.innerHTML = text;\n")
    found = [(danger.path, danger.line, danger.what) for danger in dangers_in(tmp_path)]
    expected = [(name, 1, "eval") for name in planted]
    expected += [("ui/components/view.js", 1, "innerHTML")]
    assert sorted(found) == sorted(expected)
    assert all((ROOT / name).exists() for name in (*FILES, *FOLDERS))
