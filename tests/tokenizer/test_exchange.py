"""A saved tokenizer.json in the libraries that others use: the same ids, in every script."""

import pytest
import tokenizers
import transformers
from hypothesis import given
from hypothesis import strategies as st

from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.patterns import PATTERNS

SCRIPTS = """\
Grüße aus Zürich! It's 1234567 o'clock, isn't it?  DON'T panic…
Москва́, γειά σου Κόσμε, שלום עולם, مرحبا بالعالم ١٢٣
नमस्ते दुनिया, สวัสดีชาวโลก, 안녕하세요 세계, こんにちは世界、你好，世界！
👩🏽‍🚀🏳️‍🌈 e\u0301 \u00a0\u2003\u200b\tdef f(x):\r\n\treturn x ** 2\n\n\n  """
SPECIAL = ("<|endoftext|>", "<|user|>", "<|assistant|>")
KINDS = {
    **{name: Tokenizer.train([SCRIPTS], 420, SPECIAL, name) for name in PATTERNS},
    "bytes": Tokenizer.from_learned([], SPECIAL),
    "characters": CharacterTokenizer.train([SCRIPTS], SPECIAL),
}
TEXTS = [SCRIPTS, *SCRIPTS.splitlines(), "", " ", "\n", "a" * 500, "never seen: ŧ ꙮ 𒀀"]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def ours(kind):
    return KINDS[kind]


@pytest.fixture(scope="module")
def folder(ours, kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp(kind)
    ours.save(folder)
    return folder


@pytest.fixture(scope="module")
def peer(folder):
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def published(folder):
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))


@pytest.mark.parametrize("text", TEXTS)
def test_many_scripts_give_the_same_ids_everywhere(ours, peer, published, text):
    ids = ours.encode(text)
    assert peer.encode(text).ids == ids
    assert published(text)["input_ids"] == ids
    assert published.decode(ids, clean_up_tokenization_spaces=False) == ours.decode(ids)


@given(text=st.text().filter(lambda text: "<|" not in text))  # special there, text here
def test_any_text_gives_the_same_ids_everywhere(ours, peer, published, text):
    assert peer.encode(text).ids == published(text)["input_ids"] == ours.encode(text)


def test_special_tokens_have_the_same_ids_everywhere(ours, peer, published):
    """Spelled out they become themselves there; here only where a program puts them."""
    assert list(ours.special_tokens) == list(SPECIAL)
    for name, token_id in ours.special_tokens.items():
        assert peer.token_to_id(name) == published.convert_tokens_to_ids(name) == token_id
    hello = "<|user|>" + "a 世界" + "<|endoftext|>"
    expected = [ours.special_tokens["<|user|>"], *ours.encode("a 世界"), ours.eos_id]
    assert peer.encode(hello).ids == published(hello)["input_ids"] == expected
    assert published.decode(expected, skip_special_tokens=True) == ours.decode(expected[1:-1])
    assert len(published) == ours.vocab_size == peer.get_vocab_size()


def test_it_is_read_back_as_what_it_was(ours, folder):
    loaded = load_tokenizer(folder)
    assert loaded.kind == ours.kind
    assert loaded.special_tokens == ours.special_tokens
    assert loaded.encode(SCRIPTS) == ours.encode(SCRIPTS)
