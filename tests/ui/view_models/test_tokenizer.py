"""The Tokenizer page in words."""

import time

import pytest

from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.encoding import TokenizeConfig
from slm.tokenizer.fast import Tokenizer
from slm.verbs.common import parse
from slm.verbs.tokenizer import tokenize
from ui.view_models import tokenizer as words


@pytest.fixture(scope="module")
def hugs() -> Tokenizer:
    return Tokenizer.train(["hug pug hugs bun"], vocab_size=261)


def test_any_text_becomes_chips_whose_bytes_are_the_text(hugs):
    text = "hugs é 🦊\n<b>"
    view = words.text_view(hugs, text)
    assert b"".join(chip.bytes for chip in view.chips) == text.encode()
    assert [chip.text for chip in view.chips[:4]] == ["hug", "s", "·", "⟨C3⟩"]
    assert view.bytes == len(text.encode()) and view.tokens == len(view.chips)


def test_a_character_outside_the_vocabulary_shows_as_itself_and_says_so():
    view = words.text_view(CharacterTokenizer.train(["abc"]), "aé")
    assert [chip.text for chip in view.chips] == ["a", "é"]
    assert not view.chips[0].notes and "not in the vocabulary" in view.chips[1].notes[0]


def test_no_text_has_no_bytes_per_token(hugs):
    assert words.text_view(hugs, "").bytes_per_token == 0.0


def test_ten_thousand_characters_are_ready_in_a_tenth_of_a_second(hugs):
    text = ("hugs and pugs 🦊 " * 700)[:10_000]
    words.text_view(hugs, text)
    begun = time.perf_counter()
    words.text_view(hugs, text)
    assert time.perf_counter() - begun < 0.1


def test_a_token_tells_how_it_was_built(hugs):
    view = words.token_view(hugs, hugs.merges, 257)
    assert (view.shown, view.bytes) == ("hug", "68 75 67")
    assert [(step.left, step.right, step.count) for step in view.steps] == [
        ("u", "g", "3"),
        ("h", "ug", "2"),
    ]
    assert view.story == (
        "2 merges made one token of 3 bytes; the last was no. 2, when the pair stood 2 times in "
        "the text."
    )
    assert words.token_view(hugs, hugs.merges, 104).story.startswith("A single byte.")
    assert words.token_view(hugs, hugs.merges, 260).story.startswith("A special token")


def test_the_vocabulary_is_found_by_text_and_by_id(hugs):
    rows = words.vocabulary(hugs, hugs.merges)
    assert len(rows) == 261 and rows[257].kind == "merge" and rows[257].count == 2
    assert [row.id for row in words.search(rows, "UG")] == [256, 257]
    assert [row.shown for row in words.search(rows, " b")] == ["·b"]
    assert 258 in [row.id for row in words.search(rows, "258")]
    assert words.search(rows, "xyz") == []
    assert words.longest(rows, 2) == ["hug", "ug"]


@pytest.mark.parametrize(
    "config",
    [
        TokenizeConfig(corpus="tales"),
        TokenizeConfig(corpus="c", name="-x --json", kind="characters"),
        TokenizeConfig(corpus="c", vocab_size=300, pattern="gpt4"),
    ],
)
def test_the_command_line_says_what_the_page_says(config):
    verb, *arguments = words.tokenize_argv(config)
    assert verb == "tokenize"
    assert parse(TokenizeConfig, tokenize, arguments) == config
