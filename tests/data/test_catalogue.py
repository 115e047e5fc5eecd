"""The library of sources: facts that are well formed, and found by a search."""

import re

import pytest

from slm.data.catalogue import EMBEDDED, PUBLISHED, find_sources
from slm.data.hub.data_sets import check_hub_name

ALL = {**EMBEDDED, **PUBLISHED}


@pytest.mark.parametrize("info", ALL.values(), ids=ALL)
def test_every_source_says_what_a_person_needs(info):
    assert re.fullmatch("[a-z0-9-]+", info.key)
    for fact in (info.title, info.description, info.licence, info.language, info.good_for):
        assert fact and fact == fact.strip() and "!" not in fact
    assert info.description.endswith(".") and info.good_for.endswith(".")
    assert info.domain
    assert info.needs_network == (info.key in PUBLISHED)


def test_keys_are_names_of_nothing_else():
    assert not EMBEDDED.keys() & PUBLISHED.keys()
    assert all(key == info.key for key, info in ALL.items())


@pytest.mark.parametrize("info", PUBLISHED.values(), ids=PUBLISHED)
def test_every_set_of_the_hub_has_a_name_and_its_variants_begin_with_the_default(info):
    assert check_hub_name(info.hub_name) == info.hub_name
    assert not info.variants or next(iter(info.variants.values())) == info.hub_config


def test_the_library_speaks_several_languages_and_of_several_things():
    assert len(PUBLISHED) >= 18
    assert len({info.domain for info in ALL.values()}) >= 8
    for language in ("German", "French", "Chinese", "Hindi", "Python", "English"):
        assert find_sources(language), language


def test_a_search_takes_every_word_in_any_case_and_place():
    assert [info.key for info in find_sources("WIKI perplex")] == ["wikitext-2"]
    assert "codeparrot" in {info.key for info in find_sources("python code")}
    assert find_sources("no such thing") == []
    assert find_sources("") == list(ALL.values())
    assert find_sources("", embedded_only=True) == list(EMBEDDED.values())
