"""A search finds what a person would, and says how often."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.data.exploring.lookup import find_documents, random_documents, split_ids
from slm.data.exploring.profiling import profile
from slm.data.exploring.search import SearchConfig, search, search_texts
from slm.errors import DataError
from slm.workspace import Workspace

TEXTS = ["The cat's cat sat.", "A cat-like Cat; concatenate", "no animal"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("searched") / "workspace")
    return prepare_corpus(workspace, PrepareConfig(source="tales", documents=200))


def count(query: str, **switches: bool) -> tuple[int, int]:
    found = search_texts(TEXTS, SearchConfig(query=query, **switches))
    return found.occurrences, found.documents_with


def test_literal_case_and_whole_words():
    assert count("cat") == (5, 2)
    assert count("cat", match_case=True) == (4, 2)
    assert count("cat", whole_words=True) == (3, 2)
    assert count("CAT's", whole_words=True) == (1, 1)
    assert count(".") == (1, 1) and count("dog") == (0, 0)


def test_hits_stand_in_their_context():
    found = search_texts(TEXTS, SearchConfig(query="LIKE", context=4))
    (hit,) = found.hits
    assert (hit.document, hit.start) == (1, 6)
    assert (hit.before, hit.match, hit.after) == ("cat-", "like", " Cat")


def test_nothing_is_found_across_documents():
    assert search_texts(["ab", "cd"], SearchConfig(query="bc")).occurrences == 0
    assert search_texts(["a\n", "b"], SearchConfig(query="\nb")).occurrences == 0
    assert search_texts(["x\ny"], SearchConfig(query="x\ny")).occurrences == 1


def test_letters_that_change_their_length_do_not_shift_what_is_shown():
    text = "İİİ ΟΔΟΣ Straße fox"
    (hit,) = search_texts([text], SearchConfig(query="FOX")).hits
    assert hit.match == "fox" and hit.start == text.index("fox")
    assert search_texts([text], SearchConfig(query="οδος")).occurrences == 1


def test_blanks_and_line_breaks_can_be_looked_for():
    found = search_texts(["a\n\tb", "c\n"], SearchConfig(query="\n"))
    assert (found.occurrences, found.documents_with) == (2, 2)


def test_only_so_many_hits_are_shown_but_all_are_counted():
    found = search_texts(["a a a a"], SearchConfig(query="a", hits=2))
    assert found.occurrences == 4 and len(found.hits) == 2 and found.finished


@pytest.mark.parametrize("query", ["", "x" * 201])
def test_a_query_that_cannot_be_gets_a_sentence(query):
    with pytest.raises(DataError, match="A search needs 1 to 200 characters"):
        search_texts(TEXTS, SearchConfig(query=query))


def test_a_search_that_runs_out_of_time_says_so(corpus):
    found = search(corpus, SearchConfig(query="a", seconds=1e-9))
    assert not found.finished or found.documents_searched == found.documents
    assert found.documents == 200


@given(
    some.lists(some.text(alphabet="aAb'\n é字", max_size=20), min_size=1, max_size=4),
    some.text(alphabet="aAbé字", min_size=1, max_size=3),
)
def test_counts_are_those_of_python(texts, query):
    exact = search_texts(texts, SearchConfig(query=query, match_case=True))
    assert exact.occurrences == sum(text.count(query) for text in texts)
    folded = search_texts(texts, SearchConfig(query=query))
    assert folded.occurrences == sum(text.lower().count(query.lower()) for text in texts)
    for hit in folded.hits:
        assert texts[hit.document][hit.start :].lower().startswith(query.lower())


@given(some.lists(some.text(alphabet="aAb'’1_ é字и", max_size=20), min_size=1, max_size=4))
def test_a_word_is_found_as_often_as_the_profile_counts_it(texts):
    for word, times in profile(texts).top_words:
        found = search_texts(texts, SearchConfig(query=word, whole_words=True))
        assert found.occurrences == times, word


def test_a_corpus_is_searched_like_its_texts(corpus):
    texts = list(corpus.texts())
    config = SearchConfig(query="the", whole_words=True, hits=5)
    found, expected = search(corpus, config), search_texts(texts, config)
    assert found.occurrences == expected.occurrences > 100
    assert found.documents_with == expected.documents_with and found.hits == expected.hits


def test_single_documents_are_found_by_their_ids(corpus):
    texts = list(corpus.texts())
    found = find_documents(corpus, [199, 0, 7, 200, -1])
    assert [document.id for document in found] == [199, 0, 7]
    assert [document.text for document in found] == [texts[199], texts[0], texts[7]]


def test_splits_and_random_documents_are_those_of_the_corpus(corpus):
    documents = list(corpus.documents())
    val = [document.id for document in documents if document.split == "val"]
    assert split_ids(corpus, "val").tolist() == val
    drawn = list(random_documents(corpus))
    assert len({each for each, _ in drawn}) == len(drawn) > 20
    assert all(documents[each].text == text for each, text in drawn)
