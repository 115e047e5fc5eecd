"""A tokenizer.model gives here the ids that SentencePiece itself gives."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sentencepiece
import transformers
from hypothesis import given
from hypothesis import strategies as st

from slm.data.embedded.languages import PARALLEL
from slm.errors import TokenizerError
from slm.tokenizer.importing import ImportConfig, import_tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.padded import fitted
from slm.tokenizer.pieces import read_pieces
from slm.workspace import Workspace

LANGUAGES = [telling.text for telling in PARALLEL]
TEXTS = st.text() | st.text(alphabet="aab hé\n🙂 日本ก้▁  =1ﬁ")
LLAMA = {
    "byte_fallback": True,
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "split_digits": True,
    "allow_whitespace_only_pieces": True,
}
"""How Llama's own was trained."""


def trained(**options: object) -> bytes:
    written = io.BytesIO()
    settings = {"model_type": "bpe", "vocab_size": 1200, "character_coverage": 0.98, **options}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LANGUAGES * 3), model_writer=written, minloglevel=2, **settings
    )
    return written.getvalue()


@pytest.fixture(scope="module")
def llama() -> bytes:
    return trained(**LLAMA)


@pytest.fixture(scope="module", params=[LLAMA, {}, {**LLAMA, "add_dummy_prefix": False}])
def published(request: pytest.FixtureRequest, tmp_path_factory) -> Path:
    """As Llama; with SentencePiece's own choice of Unicode rules; without a blank in front."""
    folder = tmp_path_factory.mktemp("pieces")
    (folder / "tokenizer.model").write_bytes(trained(**request.param))
    return folder


def test_ids_are_those_of_sentencepiece(published: Path):
    ours = load_tokenizer(published)
    peer = sentencepiece.SentencePieceProcessor(str(published / "tokenizer.model"))

    @given(TEXTS)
    def same(text: str) -> None:
        text = text.replace("\0", "")  # at which the peer ends a text
        assert ours.encode(text) == peer.encode(text)

    same()
    for text in LANGUAGES:
        assert ours.encode(text) == peer.encode(text)
        if peer.unk_id() not in peer.encode(text):  # which the peer writes as a sign of its own
            assert ours.decode(ours.encode(text)) == peer.decode(peer.encode(text))
    assert (ours.bos_id, ours.eos_id) == (peer.bos_id(), peer.eos_id())


def test_a_prompt_begins_as_transformers_begins_it(llama: bytes, tmp_path: Path):
    (tmp_path / "tokenizer.model").write_bytes(llama)
    told = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ours = fitted(load_tokenizer(tmp_path), 2000)
    for text in LANGUAGES:
        assert ours.encode(text) == theirs.encode(text)
    told["add_bos_token"] = False
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))
    assert ours.encode("a")[1:] == fitted(load_tokenizer(tmp_path), 2000).encode("a")


def test_it_becomes_a_tokenizer_of_the_workspace(llama: bytes, tmp_path: Path):
    folder = tmp_path / "tiny-llama"
    folder.mkdir()
    (folder / "tokenizer.model").write_bytes(llama)
    marks = {"eos_token": "<|end|>", "added_tokens_decoder": {"1200": {"content": "<|end|>"}}}
    (folder / "tokenizer_config.json").write_text(json.dumps(marks))
    made = import_tokenizer(Workspace(tmp_path / "workspace"), ImportConfig(file=str(folder)))
    assert made is not None
    assert {path.name for path in made.folder.iterdir()} == {
        *("manifest.json", "tokenizer.json", "tokenizer_config.json")
    }
    assert (made.details["vocab_size"], made.details["begins_with"]) == (1201, "<s>")
    kept = load_tokenizer(made.folder)
    assert kept.encode(LANGUAGES[0]) == load_tokenizer(folder).encode(LANGUAGES[0])
    assert (kept.eos_id, kept.decode([1200])) == (1200, "<|end|>")


def test_a_piece_is_read_as_the_format_has_it():
    """Field 1 of the message is a piece: its text, its score as four bytes, its kind."""
    piece = bytes([0x0A, 2]) + b"ab" + bytes([0x15]) + b"\0\0\x80\xbf" + bytes([0x18, 6])
    pieces = read_pieces(bytes([0x0A, len(piece)]) + piece)
    assert (pieces.texts, pieces.scores, pieces.kinds) == (["ab"], [-1.0], [6])


def cut(data: bytes) -> bytes:
    return data[:-7]


def pickled(data: bytes) -> bytes:
    return b"\x80\x04\x95" + data


def too_long(data: bytes) -> bytes:
    piece = bytes([0x0A, 0x88, 0x27]) + b"x" * 5000
    return data + bytes([0x0A, 0x8B, 0x27]) + piece


def twice(data: bytes) -> bytes:
    return data + bytes([0x0A, 3, 0x0A, 1]) + b"a"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda _: b"", "cuts by probability"),
        (lambda _: b"\xff" * 100, "damaged, or no SentencePiece model"),
        (lambda _: "日本".encode(), "damaged, or no SentencePiece model"),
        (cut, "damaged, or no SentencePiece model"),
        (pickled, "damaged, or no SentencePiece model"),
        (too_long, "a piece of 5,000 characters"),
        (twice, "names a piece twice"),
    ],
)
def test_what_is_none_costs_a_sentence(
    llama: bytes, tmp_path: Path, harm: Callable[[bytes], bytes], said: str
):
    (tmp_path / "tokenizer.model").write_bytes(harm(llama))
    with pytest.raises(TokenizerError, match=said):
        import_tokenizer(Workspace(tmp_path / "w"), ImportConfig(file=str(tmp_path)))
    with pytest.raises(TokenizerError, match=said):
        load_tokenizer(tmp_path)
    assert not Workspace(tmp_path / "w").tokenizers.list()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model_type": "unigram"}, "cuts by probability"),
        ({"model_type": "char", "character_coverage": 1.0}, "cuts by characters"),
        ({"user_defined_symbols": ["<|user|>"]}, "set by hand"),
        ({"treat_whitespace_as_suffix": True}, "writes blanks in a way"),
    ],
)
def test_what_cannot_be_followed_exactly_is_refused_with_the_remedy(
    tmp_path: Path, options: dict[str, object], said: str
):
    data = trained(hard_vocab_limit=False, **options)
    (tmp_path / "tokenizer.model").write_bytes(data)
    with pytest.raises(TokenizerError, match=f"{said}.*tokenizer.json first: AutoTokenizer"):
        load_tokenizer(tmp_path)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes):
    try:
        read_pieces(data)
    except TokenizerError as error:
        assert "Fetch it again" in str(error)
