"""Long texts of a link: kept once, opened as they were, and nothing else."""

import json
from pathlib import Path

import pytest

from slm import linked_texts
from slm.errors import DataError, WorkspaceError
from slm.linked_texts import is_kept, keep_texts, read_texts


def test_what_was_kept_is_read_back(tmp_path: Path):
    texts = {"text": "Ben saw\nthe otter. " * 100, "patch_clean": "𝔸 ‮<b>"}
    name = keep_texts(tmp_path, texts)
    assert read_texts(tmp_path, name) == texts


def test_the_same_texts_are_kept_once_in_any_order(tmp_path: Path):
    first = keep_texts(tmp_path, {"text": "a", "prompt": "b"})
    assert keep_texts(tmp_path, {"prompt": "b", "text": "a"}) == first
    assert len(list((tmp_path / linked_texts.FOLDER).iterdir())) == 1


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 16, "g" * 16, "0" * 15, "ä"])
def test_a_name_that_is_none_ends_with_a_sentence(tmp_path: Path, name: str):
    (tmp_path / "passwd.json").write_text("{}")
    with pytest.raises(WorkspaceError, match="not in this workspace"):
        read_texts(tmp_path, name)


def test_a_changed_file_is_not_believed(tmp_path: Path):
    name = keep_texts(tmp_path, {"text": "a"})
    path = tmp_path / linked_texts.FOLDER / f"{name}.json"
    path.write_text(json.dumps({"texts": {"text": "b"}}))
    with pytest.raises(WorkspaceError, match="changed or damaged"):
        read_texts(tmp_path, name)
    path.write_text("[1")
    with pytest.raises(WorkspaceError):
        read_texts(tmp_path, name)


def test_too_much_text_is_refused_and_nothing_is_written(tmp_path: Path):
    with pytest.raises(DataError, match="200,000"):
        keep_texts(tmp_path, {"text": "a" * 200_001})
    assert not is_kept(tmp_path, linked_texts.name_of({"text": "a" * 200_001}))
    assert not list(tmp_path.iterdir())


def test_half_a_character_in_a_kept_text_reaches_no_page(tmp_path):
    name = linked_texts.keep_texts(tmp_path, {"text": "half \ud83e of a fox"})
    assert linked_texts.read_texts(tmp_path, name) == {"text": "half \ufffd of a fox"}
