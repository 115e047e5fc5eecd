"""Leaks that were planted are found, with the training document they come from."""

import json

import pytest

from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.data.exploring import stretches
from slm.data.exploring.leakage import Leakage, corpus_leakage, leakage, longest_shared
from slm.workspace import Workspace


def words(name: str, n: int) -> str:
    return " ".join(f"{name}{i}" for i in range(n))


def test_whole_documents_are_counted_one_by_one():
    found = leakage(train=["a", "b", "b", "c"], val=["b", "b", "d"])
    assert (found.val_documents, found.leaked_documents) == (3, 2)
    assert found.fraction == 2 / 3
    assert leakage(train=["a"], val=[]).fraction == 0.0


def test_stretches_of_thirteen_words_leak_whatever_their_capitals():
    """Of 40 words the 20 in the middle stand in training: 8 of 28 stretches, 20 of 40 words."""
    middle = words("m", 20)
    val = [f"{words('a', 10)} {middle} {words('b', 10)}", words("c", 12)]
    train = [words("x", 30), f"So: {middle.upper()}, and {words('y', 5)}"]
    found = leakage(train, val)
    assert (found.leaked_documents, found.judged_documents, found.mostly_leaked) == (0, 1, 0)
    assert (found.leaked_words, found.val_words) == (20, 52)
    (twin,) = found.twins
    assert (twin.val_id, twin.train_id) == (0, 1) and twin.share == pytest.approx(8 / 28)


def test_shares_fall_with_the_length_of_the_stretch():
    """10 shared words hold 8 stretches of 3, 6 of 5, 3 of 8, none of 13; of 28, 26, 23, 18."""
    found = leakage([f"{words('s', 10)} end"], [f"{words('s', 10)} {words('v', 20)}"])
    shares = dict(found.shares)
    assert shares[3] == pytest.approx(8 / 28) and shares[5] == pytest.approx(6 / 26)
    assert shares[8] == pytest.approx(3 / 23) and shares[13] == shares[34] == 0


def test_a_document_that_is_mostly_in_training_is_counted():
    found = leakage([words("t", 100)], [words("t", 90) + " other", words("u", 90)])
    assert found.mostly_leaked == 1 and found.judged_documents == 2


def test_the_longest_shared_run_is_shown_as_it_stands():
    assert longest_shared("He said: The old, RED fox!", "the old red fox slept") == (
        4, "The old, RED fox",
    )  # fmt: skip
    assert longest_shared("one", "two") == (0, "") and longest_shared("", "a") == (0, "")


def test_a_very_large_validation_split_is_judged_by_its_beginning(monkeypatch):
    monkeypatch.setattr(stretches, "MAX_VAL_WORDS", 50)
    monkeypatch.setattr("slm.data.exploring.words.BLOCK_CHARACTERS", 200)
    found = leakage([words("t", 30)], [words(f"v{i}x", 30) for i in range(20)])
    assert found.val_documents == 20 and 0 < found.examined_documents < 20


def test_a_corpus_tells_ids_and_texts_of_twins(tmp_path):
    made = prepare_corpus(
        Workspace(tmp_path / "workspace"), PrepareConfig(source="tales", documents=200)
    )
    found = corpus_leakage(made)
    assert found.leaked_documents == 0 and found.val_documents == made.counts("val")["documents"]
    documents = {document.id: document for document in made.documents()}
    for twin in found.twins:
        assert documents[twin.val_id].split == "val" and documents[twin.train_id].split == "train"
        assert twin.longest in documents[twin.val_id].text and twin.longest_words >= 13
    assert Leakage.from_json(json.loads(json.dumps(found.to_json()))) == found
