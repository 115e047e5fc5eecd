"""From a source to a corpus on disk and back; what stands in the way is told in a sentence."""

import errno
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.data import documents as documents_module
from slm.data.cleaning.rules import RULES
from slm.data.corpus import Corpus, PrepareConfig, open_corpus, prepare_corpus
from slm.data.splitting import split_of
from slm.errors import ConfigError, DataError, WorkspaceError
from slm.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")


def story(number: int) -> str:
    return f"Story {number}: once there was a number, and it was {number}."


def stories(count: int) -> bytes:
    return "\n<|endoftext|>\n".join(story(i) for i in range(count)).encode()


class StopAfter:
    """A reporter that asks to stop at the n-th look."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.messages: list[str] = []

    def __call__(self, fraction, message="", *, stage=None, **facts) -> None:
        assert fraction is None or 0 <= fraction <= 1
        self.messages.append(message)

    def should_stop(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def prepared(workspace, data: bytes, name="stories.txt", **settings) -> Corpus:
    corpus = prepare_corpus(workspace, PrepareConfig(**settings), upload=(name, data))
    assert corpus is not None
    return corpus


def test_an_upload_becomes_a_corpus_that_remembers_everything(workspace):
    data = stories(300)
    corpus = prepared(workspace, data)
    assert corpus.artefact.name == "stories"
    assert corpus.count == 300
    assert list(corpus.texts()) == [story(i) for i in range(300)]
    assert corpus.n_bytes == sum(len(story(i)) for i in range(300))
    assert corpus.artefact.details["how_split"].startswith("A document ends at each line")
    original = corpus.folder / "original" / (hashlib.sha256(data).hexdigest() + ".txt")
    assert original.read_bytes() == data


def test_both_splits_together_are_the_corpus_and_each_follows_the_hash(workspace):
    corpus = prepared(workspace, stories(200), validation_fraction=0.2)
    train, val = list(corpus.texts("train")), list(corpus.texts("val"))
    assert sorted(train + val) == sorted(corpus.texts())
    assert all(split_of(text, 0.2) == "val" for text in val)
    assert corpus.counts("val")["documents"] == len(val)
    assert corpus.counts("train")["bytes"] == sum(len(text.encode()) for text in train)
    assert not set(train) & set(val)


def test_documents_can_be_paged_through(workspace, monkeypatch):
    monkeypatch.setattr(documents_module, "_GROUP_DOCUMENTS", 16)
    corpus = prepared(workspace, stories(100))
    page = list(corpus.documents(start=40, limit=3))
    assert [(d.id, d.text, d.source) for d in page] == [
        (i, story(i), "stories.txt") for i in (40, 41, 42)
    ]
    assert all(d.split == "val" for d in corpus.documents("val"))
    assert list(corpus.documents(start=100)) == []
    assert list(corpus.documents(limit=0)) == []


def test_two_documents_are_enough_for_both_splits(workspace):
    """Whatever their hashes say, one trains and one validates."""
    for number in range(12):
        text = f"{story(number)}\n<|endoftext|>\n{story(number + 1)}"
        corpus = prepared(workspace, text.encode())
        assert corpus.counts("train")["documents"] == corpus.counts("val")["documents"] == 1
        assert len(list(corpus.texts("val"))) == 1
        assert sum(corpus.counts(split)["bytes"] for split in ("train", "val")) == corpus.n_bytes


def test_copies_of_a_text_move_together(workspace, monkeypatch):
    monkeypatch.setattr(documents_module, "_GROUP_DOCUMENTS", 2)
    texts = [story(1), story(2)] * 4
    data = "\n<|endoftext|>\n".join(texts).encode()
    corpus = prepared(workspace, data, rules=(), validation_fraction=0.001)
    assert corpus.counts("val")["documents"] == 4
    assert len(set(corpus.texts("val"))) == 1
    assert corpus.ledger()[-1]["documents_moved"] == 4


def test_a_single_document_is_too_few(workspace):
    with pytest.raises(DataError, match=r"at least 2 different documents.*this one has 1"):
        prepared(workspace, story(1).encode())
    same = "\n<|endoftext|>\n".join([story(1)] * 3).encode()
    with pytest.raises(DataError, match=r"has 1 after the rules dropped 2.*leave out a rule"):
        prepared(workspace, same, rules=("exact_duplicates",))
    assert workspace.corpora.list() == []


def test_the_ledger_tells_source_rules_and_split(workspace):
    data = (stories(20).decode() + "\n<|endoftext|>\n" + story(3)).encode()
    corpus = prepared(workspace, data, rules=("lower_case", "exact_duplicates"))
    kinds = [entry["kind"] for entry in corpus.ledger()]
    assert kinds == ["source", "rule", "rule", "split"]
    assert corpus.ledger()[0]["originals"][0]["name"] == "stories.txt"
    lower, duplicates = corpus.rule_reports()
    assert lower.documents_touched == 21
    assert duplicates.documents_dropped == 1
    assert all(text.startswith("story") for text in corpus.texts())


def test_limits_hold_for_documents_and_bytes(workspace, tmp_path):
    (tmp_path / "stories.txt").write_bytes(stories(500))
    source = str(tmp_path / "stories.txt")
    few = prepare_corpus(workspace, PrepareConfig(source=source, documents=7))
    assert few.count == 7
    small = prepare_corpus(workspace, PrepareConfig(source=source, max_megabytes=0.001))
    assert 900 < small.n_bytes <= 1_000


def test_a_folder_gives_a_document_per_file_and_leaves_out_what_is_no_text(workspace, tmp_path):
    folder = tmp_path / "texts"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "one.md").write_text(story(1))
    (folder / "two.txt").write_text(story(2) + "\n\n\n" + story(3))
    (folder / "broken.txt").write_bytes(b"\0" * 99)
    (folder / "picture.png").write_bytes(b"\0" * 99)
    corpus = prepare_corpus(workspace, PrepareConfig(source=str(folder)))
    assert [d.source for d in corpus.documents()] == ["deep/one.md", "two.txt"]
    assert corpus.artefact.name == "texts"


def test_originals_can_be_left_where_they_are(workspace):
    corpus = prepared(workspace, stories(5), keep_original=False)
    assert list((corpus.folder / "original").iterdir()) == []
    assert corpus.ledger()[0]["originals"][0]["sha256"] == hashlib.sha256(stories(5)).hexdigest()


def test_a_stop_saves_nothing_and_says_so(workspace):
    report = StopAfter(looks=2)
    config = PrepareConfig()
    assert prepare_corpus(workspace, config, report, upload=("s.txt", stories(500))) is None
    assert report.messages[-1] == "Stopped; nothing was saved"
    assert workspace.corpora.list() == []
    assert list(workspace.corpora.folder.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(workspace, monkeypatch):
    def full(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(documents_module.RowWriter, "_flush", full)
    with pytest.raises(WorkspaceError, match="the disk is full; free some space"):
        prepared(workspace, stories(50))
    assert list(workspace.corpora.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no-such-thing", r"no source 'no-such-thing'\. Use one of tales, tales-with-echoes"),
        ("no/such/folder", "no source"),
        (__file__, r"ending '\.py'; \.txt"),
    ],
)
def test_a_source_that_is_none_is_told(workspace, source, message):
    with pytest.raises(DataError, match=message):
        prepare_corpus(workspace, PrepareConfig(source=source))


def test_an_upload_of_another_kind_is_refused_by_its_ending(workspace):
    with pytest.raises(DataError, match=r"table\.xlsx has the ending '\.xlsx'"):
        prepared(workspace, b"PK" * 100, name="table.xlsx")


def test_settings_out_of_bounds_are_told_together():
    with pytest.raises(ConfigError) as raised:
        PrepareConfig(validation_fraction=0.9, documents=1)
    assert "validation_fraction is 0.9" in str(raised.value)
    assert "documents is 1" in str(raised.value)


def test_lone_surrogates_become_replacement_marks(workspace, tmp_path, monkeypatch):
    from slm.data import sources

    texts = [sources.Document(f"half \ud800 {story(i)}", "test") for i in range(4)]
    opened = sources.OpenSource(iter(texts), "As given.")
    monkeypatch.setattr(sources, "_open_path", lambda *_: opened)
    corpus = prepare_corpus(workspace, PrepareConfig(source="anything"))
    assert next(corpus.texts()) == f"half \ufffd {story(0)}"


def test_a_damaged_corpus_is_named(workspace):
    corpus = prepared(workspace, stories(50))
    part = corpus.folder / "documents" / "part-0.parquet"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(DataError, match=r"damaged in part-0\.parquet"):
        list(corpus.texts())
    part.unlink()
    with pytest.raises(DataError, match="lost its documents"):
        list(corpus.texts())
    with workspace.corpora.create("empty") as draft:
        pass
    with pytest.raises(DataError, match="'empty' is no usable corpus"):
        open_corpus(workspace.corpora.get(draft.id))


def test_the_same_settings_make_the_same_files(workspace):
    first, second = prepared(workspace, stories(60)), prepared(workspace, stories(60))
    assert first.artefact.manifest.digest == second.artefact.manifest.digest


MIXED = [
    "The “first” story, with curly quotes.",
    "   ",
    "tiny",
    "A story that came twice, as it was.",
    "A story that came twice, as it was.",
    "A  story\twith odd   blanks, and a cafe\u0301.",
    *(f"{story(i)} The end." for i in range(20)),
]
ALL_AT_ONCE = ("unicode_nfc", "straight_quotes", "whitespace", "min_length", "exact_duplicates")


def mixed(workspace, monkeypatch, **settings) -> Corpus:
    """A corpus of MIXED, whose documents come one by one as they are."""
    from slm.data import sources

    given = (sources.Document(text, f"place {i}") for i, text in enumerate(MIXED))
    opened = sources.OpenSource(given, "As given.")
    monkeypatch.setattr(sources, "_open_path", lambda *_: opened)
    corpus = prepare_corpus(workspace, PrepareConfig(source="mixed", **settings))
    assert corpus is not None
    return corpus


def test_what_cleaning_took_is_kept_and_comes_back_in_its_order(workspace, monkeypatch):
    corpus = mixed(workspace, monkeypatch, rules=ALL_AT_ONCE)
    assert corpus.count == len(MIXED) - 3
    assert corpus.removed_counts == {"exact_duplicates": 1, "min_length": 2}
    assert [tuple(gone) for gone in corpus.removed()] == [
        (1, "   ", "place 1", "min_length", "0 characters"),
        (2, "tiny", "place 2", "min_length", "4 characters"),
        (4, MIXED[4], "place 4", "exact_duplicates", "the same text came before"),
    ]
    assert [gone.place for gone in corpus.removed("min_length", start=1, limit=5)] == [2]
    assert [original for _, original in corpus.changed(limit=9)] == [MIXED[0], MIXED[5]]
    assert list(corpus.original_texts()) == MIXED
    sources = [document.source for document in corpus.original_documents()]
    assert sources == [f"place {i}" for i in range(len(MIXED))]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(["", " ", "a", "A ", "b\tb", "<b>x</b>", "“q”", "long " * 9])),
    st.lists(st.sampled_from(sorted(RULES)), unique=True, max_size=6),
)
def test_any_rules_in_any_order_can_be_undone(tmp_path_factory, texts, rules):
    from slm.data import sources

    given_texts = ["the first of all texts", *texts, "another text, the last of all"]
    given_documents = iter([sources.Document(text, "t") for text in given_texts])
    folder = tmp_path_factory.mktemp("undo")
    with pytest.MonkeyPatch.context() as patch:
        opened = sources.OpenSource(given_documents, "As given.")
        patch.setattr(sources, "_open_path", lambda *_: opened)
        config = PrepareConfig(source="any", rules=tuple(rules))
        corpus = prepare_corpus(Workspace(folder / "ws"), config)
    assert corpus is not None
    assert list(corpus.original_texts()) == given_texts


def test_a_corpus_can_be_cleaned_anew_from_what_came(workspace, monkeypatch):
    first = mixed(workspace, monkeypatch, rules=(*ALL_AT_ONCE, "lower_case"), name="first")
    config = PrepareConfig(source=f"corpus:{first.artefact.id}", rules=("unicode_nfc",))
    again = prepare_corpus(workspace, config)
    assert again is not None
    assert again.artefact.name == "first, cleaned anew"
    assert again.artefact.manifest.parents["corpus"].id == first.artefact.id
    assert again.artefact.details["corpus"] == first.artefact.id
    assert list(again.original_texts()) == MIXED
    assert next(again.texts()) == MIXED[0]
    assert again.removed_counts == {"blank": 1}
    third = prepare_corpus(workspace, PrepareConfig(source="corpus:first", documents=5))
    assert third is not None
    assert list(third.original_texts()) == MIXED[:5]
    assert list(first.original_texts()) == MIXED


def test_what_is_not_kept_is_told(workspace, monkeypatch):
    corpus = mixed(workspace, monkeypatch, rules=ALL_AT_ONCE, keep_removed=False, name="bare")
    assert corpus.removed_counts == {"exact_duplicates": 1, "min_length": 2}
    assert list(corpus.removed()) == []
    assert not corpus.is_restorable
    with pytest.raises(DataError, match=r"'bare' did not keep what its cleaning changed"):
        list(corpus.original_texts())
    with pytest.raises(WorkspaceError, match="no 'nobody' in corpora"):
        prepare_corpus(workspace, PrepareConfig(source="corpus:nobody"))


def test_the_shipped_corpus_of_an_earlier_version_opens():
    demo = Workspace(Path(__file__).parents[2] / "demo")
    corpus = open_corpus(demo.corpora.list()[0])
    assert corpus.is_restorable
    assert next(corpus.original_texts()) == next(corpus.texts())
    assert list(corpus.removed()) == []
    assert list(corpus.changed(limit=3)) == []
    assert len(corpus.rule_reports()) == 3


def test_nothing_is_kept_twice_where_rules_change_nothing(workspace):
    corpus = prepared(workspace, stories(50))
    assert not (corpus.folder / "removed").exists()
    assert corpus.is_restorable
    assert list(corpus.original_texts()) == list(corpus.texts())


def test_a_corpus_file_of_another_kind_is_damage(workspace):
    made = prepare_corpus(workspace, PrepareConfig(documents=4))
    pq.write_table(pa.table({"x": [1]}), made.folder / "documents" / "part-0.parquet")
    with pytest.raises(DataError, match="damaged in part-0"):
        list(made.texts())
