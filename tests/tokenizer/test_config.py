"""The settings of a tokenizer: what cannot be is refused before any text is read."""

import pytest

from slm.errors import ConfigError
from slm.tokenizer.config import TokenizeConfig


@pytest.mark.parametrize(
    "names", [("<|endoftext|>",), ("<s>", "</s>", "<unk>"), ("[CLS]", "<|im_start|>", "<end①>")]
)
def test_names_as_published_models_have_them_are_taken(names):
    assert TokenizeConfig(corpus="tales", special_tokens=names).special_tokens == names


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("the",), r"^'the' cannot be a special token.* such as <\|user\|>"),
        (("<|a b|>",), "without blanks"),
        (("<|a\n|>",), "visible characters"),
        (("<|>",), "a letter between"),
        (("--user-",), "begin and end with a sign"),
        (("<" + "a" * 64 + ">",), "3 to 64"),
        (("<|a|>", "<|b|>", "<|a|>"), "stands twice"),
        ((), "at least 1"),
    ],
)
def test_names_that_text_could_spell_are_refused(names, sentence):
    with pytest.raises(ConfigError, match=sentence):
        TokenizeConfig(corpus="tales", special_tokens=names)


def test_the_vocabulary_must_hold_bytes_and_special_tokens():
    three = ("<|a|>", "<|b|>", "<|c|>")
    with pytest.raises(ConfigError, match="256 bytes and 3 special tokens need at least 259"):
        TokenizeConfig(corpus="tales", special_tokens=three, vocab_size=258)
    assert TokenizeConfig(corpus="tales", special_tokens=three, vocab_size=258, kind="bytes")
