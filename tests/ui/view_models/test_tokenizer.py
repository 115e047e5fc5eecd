"""The Tokenizer page in words."""

import pytest

from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer
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


def test_bytes_beyond_ascii_are_parts_of_characters(hugs):
    assert "part of a character" in words.token_view(hugs, hugs.merges, 0xC3).story


def test_the_saved_file_is_loaded_with_the_token_that_ends_texts(hugs, tmp_path):
    """The lines that the page gives run, and give the same ids."""
    hugs.save(tmp_path)
    path = repr(str(tmp_path / "tokenizer.json"))
    held: dict = {}
    lines = words.LOAD_WITH_TOKENIZERS.replace('"tokenizer.json"', path)
    exec(lines, held)  # noqa: S102
    assert held["tokenizer"].encode("hugs").ids == hugs.encode("hugs")
    lines = words.load_with_transformers(hugs).replace('"tokenizer.json"', path)
    exec(lines, held)  # noqa: S102
    assert held["tokenizer"]("hugs")["input_ids"] == hugs.encode("hugs")
    assert held["tokenizer"].eos_token_id == hugs.eos_id
