"""Embedded corpora read as documents, and what is said of each source."""

import json

import pytest

from slm.data.catalogue import EMBEDDED, PUBLISHED
from slm.data.hub.data_sets import check_hub_name
from slm.data.reading.uploads import keep_upload
from slm.data.sources import (
    SourceConfig,
    open_source,
    read_documents,
    source_title,
)
from slm.errors import DataError
from slm.workspace import Workspace
from tests.data.reading.hostile_files import parquet, parquet_bomb, pdf, word, zipped


def texts_of(**settings):
    return [document.text for document in read_documents(SourceConfig(**settings))]


def test_every_source_says_what_a_person_must_know():
    for key, info in {**EMBEDDED, **PUBLISHED}.items():
        assert key == info.key
        assert info.title
        assert info.description.endswith(".")
        assert info.licence
        assert info.language
        assert info.good_for.endswith(".")
        assert info.documents is None or info.documents > 1
        assert source_title(SourceConfig(source=key)) == info.title
    assert all(info.hub_name is None for info in EMBEDDED.values())
    assert all(check_hub_name(info.hub_name or "") for info in PUBLISHED.values())


@pytest.mark.parametrize("key", sorted(EMBEDDED))
def test_embedded_corpora_are_the_same_at_every_reading(key):
    assert texts_of(source=key, documents=8) == texts_of(source=key, documents=8)
    assert len(texts_of(source=key, documents=8)) == 8


def test_corpora_of_tales_with_other_seeds_share_none():
    first, second = texts_of(documents=200, seed=0), texts_of(documents=200, seed=1)
    assert not set(first) & set(second)


def test_more_tales_continue_fewer():
    assert texts_of(documents=30)[:10] == texts_of(documents=10)


def test_a_byte_limit_cuts_between_documents():
    whole = texts_of(documents=50)
    some = texts_of(documents=50, max_megabytes=0.005)
    assert some == whole[: len(some)]
    assert sum(map(len, some)) <= 5_000 < sum(map(len, whole[: len(some) + 1]))


STORY = "The fox ran home through the snow and slept until noon beside the stove."


def opened(path, **settings):
    return open_source(SourceConfig(source=str(path), **settings))


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.pdf", "a.docx"])
def test_a_file_of_any_kind_of_page_becomes_documents(tmp_path, name):
    data = {"a.pdf": pdf(STORY), "a.docx": word(STORY)}.get(name, STORY.encode())
    (tmp_path / name).write_bytes(data)
    (document,) = opened(tmp_path / name).documents
    assert document.text.strip() == STORY and document.source == name


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_a_row_of_any_kind_of_table_is_a_document(tmp_path, name):
    rows = [{"id": i, "tale": f"{i}. {STORY}"} for i in range(3)]
    sign = "\t" if name == "a.tsv" else ","
    data = {
        "a.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "a.parquet": parquet({"id": [0, 1, 2], "tale": [row["tale"] for row in rows]}),
    }.get(
        name, "\n".join([f"id{sign}tale"] + [f"{r['id']}{sign}{r['tale']}" for r in rows]).encode()
    )
    (tmp_path / name).write_bytes(data)
    source = opened(tmp_path / name)
    assert [document.text for document in source.documents] == [row["tale"] for row in rows]
    assert dict(source.facts)["text_column"] == "tale"
    assert dict(source.findings())["rows_kept"] == 3
    assert [original.name for original in source.originals] == [name]


def test_the_column_and_the_rule_are_the_visitors_to_choose(tmp_path):
    (tmp_path / "a.csv").write_text(f"text,note\n{STORY},short\n")
    assert [d.text for d in opened(tmp_path / "a.csv", text_column="note").documents] == ["short"]
    with pytest.raises(DataError, match=r"no column 'x'. Its columns are: 'text', 'note'"):
        opened(tmp_path / "a.csv", text_column="x")
    (tmp_path / "b.txt").write_text(f"{STORY}\n{STORY}\n")
    by_line = opened(tmp_path / "b.txt", split_rule="lines")
    assert len(list(by_line.documents)) == 2
    assert by_line.how_split == "Each line is a document."


def test_an_archive_and_a_folder_of_the_same_files_give_the_same_documents(tmp_path):
    files = {"a.txt": STORY, "deep/b.md": STORY * 2, "c.png": "x"}
    folder = tmp_path / "texts"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "texts.zip").write_bytes(zipped(files))
    assert list(opened(folder).documents) == list(opened(tmp_path / "texts.zip").documents)
    names = [original.name for original in opened(folder).originals]
    assert names == ["a.txt", "deep/b.md"]


def test_what_was_found_on_the_way_is_told_at_the_end(tmp_path):
    (tmp_path / "a.txt").write_bytes(("Zoë. " * 20).encode() + b"\xc3(")
    source = opened(tmp_path / "a.txt")
    assert dict(source.facts) == {"encoding": "utf-8"}
    list(source.documents)
    assert dict(source.findings()) == {"replaced_characters": 1}


def test_less_is_allowed_to_what_a_browser_sent(tmp_path):
    """A path below uploads/ has an upload's limits, the same file elsewhere has not."""
    kept = keep_upload(Workspace(tmp_path), "a.parquet", parquet_bomb())
    with pytest.raises(DataError, match="more than 50 MB of text"):
        list(opened(kept).documents)
    mine = tmp_path / "a.parquet"
    mine.write_bytes(kept.read_bytes())
    assert len(list(opened(mine, documents=3).documents)) == 3


def test_a_folder_without_text_is_told(tmp_path):
    with pytest.raises(DataError, match="holds no file that is read"):
        opened(tmp_path)
