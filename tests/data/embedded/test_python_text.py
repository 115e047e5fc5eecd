"""Text that ships inside Python: its documentation and its library."""

import sys
from itertools import islice

import pytest

from slm.data.embedded import python_code, python_docs
from slm.errors import DataError


def test_the_documentation_has_a_document_for_each_topic():
    documents = list(python_docs.documents())
    assert len(documents) > 50
    by_source = {source: text for text, source in documents}
    assert "for" in by_source["pydoc_data.topics: for"]
    assert all(text.strip() for text, _ in documents)


def test_missing_documentation_is_told_with_a_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match="Use tales"):
        next(python_docs.documents())


def test_the_library_is_read_file_by_file_in_order():
    first = list(islice(python_code.documents(), 20))
    sources = [source for _, source in first]
    assert sources == sorted(sources) and sources[0] == "__future__.py"
    assert all("\n" in text for text, _ in first)


def test_tests_packages_and_unreadable_files_are_left_out(tmp_path):
    for path, content in {
        "b.py": b"b = 1\n",
        "a/c.py": "é = 'ü'\n".encode(),
        "a/empty.py": b"\n",
        "a/latin.py": b"# \xe9\n",
        "test/test_b.py": b"assert b\n",
        "idlelib/run.py": b"run = 1\n",
        "site-packages/other.py": b"other = 1\n",
        "note.txt": b"no source\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert list(python_code.documents(tmp_path)) == [
        ("é = 'ü'\n", "a/c.py"),
        ("b = 1\n", "b.py"),
    ]


def test_a_library_without_source_is_told_with_a_remedy(tmp_path):
    with pytest.raises(DataError, match="holds no Python source"):
        next(python_code.documents(tmp_path))
