"""The library of sources in words."""

import pytest

from slm.data.catalogue import PUBLISHED
from slm.data.corpus import PrepareConfig
from slm.errors import HubError
from ui.view_models import preparing
from ui.view_models import sources as words


def test_every_source_tells_licence_language_and_size():
    cards = words.source_cards()
    own = {words.UPLOAD, words.PASTE, words.OWN, words.HUB}
    assert {"tales", "python-docs", "python-code", *own, *PUBLISHED} == cards.keys() - {
        "tales-with-echoes"
    }
    assert cards["tales"].facts == "English · MIT, as this program · about 12.0 k documents"
    assert cards["gutenberg"].facts.endswith("about 48.3 k documents, 10.7 GB")
    assert cards["fineweb-edu"].facts == "English · ODC-By 1.0"
    assert not cards["tales"].needs_network and cards["tinystories"].needs_network
    assert "Nothing is fetched from the Hub until you ask" in cards[words.HUB].network
    assert cards["tinystories"].page.endswith("/datasets/roneneldan/TinyStories")
    assert len({card.title for card in cards.values()}) == len(cards)


def test_a_search_leaves_what_fits_and_what_is_chosen():
    assert words.matching("", "all") == list(words.source_cards())
    assert words.matching("german stories", "all") == [
        "tinystories-languages",
        "tinystories-novelist",
    ]
    assert words.matching("german stories", "here") == []
    assert words.matching("pasted", "all") == [words.PASTE]
    assert words.matching("poetry", "hub", chosen="tales") == ["gutenberg-poetry", "tales"]
    assert words.matching("poetry", "hub", chosen="gone") == ["gutenberg-poetry"]


def test_an_address_may_say_a_title_or_a_key():
    assert words.key_of("TinyStories") == words.key_of("tinystories") == "tinystories"
    assert words.key_of("<b>nothing</b>") is words.key_of(None) is None


@pytest.mark.parametrize(
    "name", ["a/b", "hub:a/b ", " https://huggingface.co/datasets/a/b", "a/b/"]
)
def test_a_hub_name_is_taken_in_every_form_that_people_copy(name):
    found = words.source_config(words.HUB, hub_name=name, hub_split="")
    assert found is not None
    assert (found.source, found.hub_split, found.hub_config) == ("hub:a/b", "train", None)


@pytest.mark.parametrize("name", ["/etc/passwd", "../a/b", "http://x/a/b", "a", "file:///a/b"])
def test_a_hub_name_must_be_a_name(name):
    with pytest.raises(HubError, match="owner/name"):
        words.source_config(words.HUB, hub_name=name)


def test_no_name_is_no_source():
    assert words.source_config(words.HUB, hub_name="  ") is None
    assert words.own_config(None) is None
    own = words.own_config("corpus-1")
    assert own is not None and own.source == "corpus:corpus-1"


def test_a_language_is_a_configuration():
    found = words.source_config("wikipedia", variant="French")
    assert found is not None and found.hub_config == "20231101.fr"
    plain = words.source_config("wikipedia", variant="Klingon")
    assert plain is not None and plain.hub_config is None


def test_what_a_job_reads_of_the_hub_is_told_by_its_command_line():
    config = PrepareConfig(source="hub:a/b", hub_config="c", text_column="t", name="n", documents=9)
    found = words.hub_source(preparing.prepare_argv(config))
    assert found is not None
    assert (found.source, found.hub_config, found.text_column) == ("hub:a/b", "c", "t")
    assert words.hub_source(preparing.prepare_argv(PrepareConfig())) is None


def test_names_that_are_suggested():
    assert words.default_name(words.UPLOAD, "/srv/lab/uploads/3fa9/My tales.txt") == "My tales"
    assert words.default_name(words.HUB, "hub:a/b") == "b"
    assert words.default_name(words.OWN, "corpus:x", "First") == "First, cleaned anew"
    assert words.default_name("tinystories", "tinystories") == "TinyStories"


def test_every_choice_says_what_is_missing():
    assert len({words.missing(key) for key in (words.UPLOAD, words.PASTE, words.OWN)}) == 3
    assert words.missing(words.HUB).endswith("owner/name.")
