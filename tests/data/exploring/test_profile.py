"""A profile small enough to count by hand, and one that is saved and read again."""

import json

import numpy as np
import pytest

from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.data.embedded import tales
from slm.data.exploring.document_table import DocumentTable
from slm.data.exploring.profile import Profile
from slm.data.exploring.profile_store import explore, profile_folder, saved_profile
from slm.data.exploring.profiling import profile, profile_with_table
from slm.data.exploring.sample import sample_profile
from slm.errors import DataError
from slm.jobs import StoppedError, silent
from slm.locks import FileLock
from slm.workspace import Workspace

TEXTS = ["The cat sat. It slept.", "The CAT's 2 naïve é!\n", "The cat sat. It slept."]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("profiled") / "workspace")
    made = prepare_corpus(workspace, PrepareConfig(source="tales", documents=300))
    return workspace, made


def test_a_small_text_is_counted_by_hand():
    found = profile(TEXTS)
    assert (found.documents, found.characters, found.bytes) == (3, 65, 67)
    assert (found.words, found.sentences, found.different_words) == (15, 5, 9)
    assert found.top_words[0] == ("the", 3)
    assert dict(found.top_words)["cat's"] == 1 and dict(found.top_words)["cat"] == 2
    assert found.words_once == 4
    assert dict(found.kinds) == {
        "lower-case letters": 37,
        "upper-case letters": 8,
        "blanks": 12,
        "punctuation": 6,
        "digits": 1,
        "line breaks": 1,
    }
    assert found.scripts == (("Latin", 45),)
    assert (found.document_words.least, found.document_words.greatest) == (5, 5)
    assert (found.sentence_words.least, found.sentence_words.greatest) == (2, 5)
    assert (found.exact_copies.groups, found.exact_copies.surplus) == (1, 1)
    assert found.phrases[0].top[0] == ("the cat", 2) and found.phrases[1].n == 3
    assert found.sampled_from is None and found.share == 1.0


def test_nothing_is_described_as_nothing():
    found = profile([])
    assert (found.documents, found.words, found.different_words) == (0, 0, 0)
    assert found.zipf is None and found.heaps is None and found.rank_frequency == ()


def test_a_profile_survives_json():
    found = profile([tales.generate(seed).text for seed in range(40)])
    assert Profile.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_strangest_document_is_the_one_in_another_tongue():
    texts = [tales.generate(seed).text for seed in range(60)]
    texts[17] = "Zażółć gęślą jaźń 0x7F3A; SELECT * FROM w WHERE q=€5 ~~ ЖЫЩ ^%$#@"
    texts[31] = "na " * 200
    _, table = profile_with_table(texts)
    assert table.select("", "strangest")[0] == 17 and table.select("", "plainest")[0] == 31
    assert table.languages.at(3) == "en"


def test_documents_are_found_by_filters():
    texts = ["one two three", "four", "Ένα δύο τρία τέσσερα", "one two three", ""]
    _, table = profile_with_table(texts)
    assert table.words.tolist() == [3, 1, 4, 3, 0]
    assert table.select("words:3-4").tolist() == [0, 2, 3]
    assert table.select("script:Greek").tolist() == [2]
    assert table.select("copies:0").tolist() == [0, 3]
    assert table.select("characters:0-0").tolist() == [4]
    assert table.select("", "longest")[0] == 2 and table.select("", "shortest")[0] == 4
    assert table.select("language:xx").tolist() == []
    assert (table.id_at_word(1), table.id_at_word(4), table.id_at_word(11)) == (0, 1, 3)


@pytest.mark.parametrize("wanted", ["words", "words:a-b", "source:x", "copies:-1", "x; DROP"])
def test_what_is_no_filter_gets_a_sentence(wanted):
    _, table = profile_with_table(["one"])
    with pytest.raises(DataError, match="no filter of documents"):
        table.select(wanted)


def test_strangeness_can_be_filtered_and_adds_up():
    _, table = profile_with_table([tales.generate(seed).text for seed in range(50)])
    bins = table.bits_histogram()
    assert sum(bins.counts) == 50
    low, high = int(bins.edges[0]), int(bins.edges[-1]) - 1
    assert len(table.select(f"bits:{low}-{high}")) == 50
    each = [
        len(table.select(f"bits:{int(a)}-{int(b) - 1}"))
        for a, b in zip(bins.edges, bins.edges[1:], strict=False)
    ]
    assert tuple(each) == bins.counts


def test_an_exact_profile_is_saved_once_and_read_again(corpus):
    workspace, made = corpus
    assert saved_profile(workspace, made) is None
    first = explore(workspace, made)
    assert first is not None and first.profile.documents == 300
    assert first.profile == profile(list(made.texts()))
    again = saved_profile(workspace, made)
    assert again == first and again is not None
    table = again.table()
    assert len(table) == 300 and table.characters.sum() == first.profile.characters
    assert first.leakage.val_documents == made.counts("val")["documents"]


def test_a_damaged_profile_is_made_anew(corpus):
    workspace, made = corpus
    assert explore(workspace, made) is not None
    path = profile_folder(workspace, made) / "profile.json"
    path.write_text(path.read_text()[:100])
    assert saved_profile(workspace, made) is None
    assert explore(workspace, made) is not None
    assert saved_profile(workspace, made) is not None


def test_profiles_of_corpora_that_are_gone_go_when_a_new_one_is_saved(tmp_path):
    """A stays, B was deleted, another process saves one of a corpus that is gone as well."""
    workspace = Workspace(tmp_path)
    kept, deleted, new = (
        prepare_corpus(workspace, PrepareConfig(source="tales", documents=n, name=f"{n} tales"))
        for n in (10, 20, 30)
    )
    assert explore(workspace, kept) and explore(workspace, deleted)
    workspace.corpora.delete(deleted.artefact.id)
    shelf = profile_folder(workspace, kept).parent
    busy = shelf / ("a" * 64)
    for name in (busy.name, "b" * 64, "my notes"):
        (shelf / name).mkdir()
    lock = FileLock(busy.with_suffix(".lock"))
    assert lock.acquire()
    try:
        assert explore(workspace, new)
    finally:
        lock.release()
    left = {path.name for path in shelf.iterdir() if path.is_dir()}
    own = {profile_folder(workspace, corpus).name for corpus in (kept, new)}
    assert left == {*own, busy.name, "my notes"}
    assert {path.stem for path in shelf.glob("*.lock")} == {*own, busy.name}
    assert saved_profile(workspace, kept) is not None


def test_a_damaged_table_costs_a_sentence(tmp_path):
    (tmp_path / "documents.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="Make it again"):
        DocumentTable.read(tmp_path / "documents.parquet")


def test_counting_stops_when_asked():
    class Stopping:
        def __call__(self, *args, **facts):
            return

        def plan(self, stages):
            return

        def should_stop(self):
            return True

    with pytest.raises(StoppedError):
        profile(["one", "two"], Stopping())
    assert not silent.should_stop()


def test_a_sample_says_of_how_many_it_is(corpus):
    _, made = corpus
    found, table = sample_profile(made, characters=20_000)
    assert found.sampled_from == 300 and 20 < found.documents < 100
    assert found.share == found.documents / 300
    assert (np.diff(table.ids) > 0).all() and table.ids[-1] < 300
    texts = list(made.texts())
    assert [len(texts[each]) for each in table.ids] == table.characters.tolist()
