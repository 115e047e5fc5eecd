"""Embedded corpora read as documents, and what is said of each source."""

import pytest

from slm.data.hub import check_hub_name
from slm.data.sources import EMBEDDED, PUBLISHED, SourceConfig, read_documents, source_title


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
