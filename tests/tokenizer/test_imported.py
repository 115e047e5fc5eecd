"""Published kinds of tokenizers, made small here and read as if they came from elsewhere."""

import json

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers

from slm.errors import TokenizerError
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.imported import SETTINGS_FILE, ImportedTokenizer, settings_beside
from slm.tokenizer.loading import load_tokenizer

TEXTS = st.text() | st.text(alphabet="ab hé\n🙂")


def llama_like(folder):
    """SentencePiece's way, as in Llama and Phi-3: ▁ for a space, one in front, bytes as <0x0A>."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(256))]
    pieces += ["▁", "h", "é", "▁h", "▁hé", "a", "b", "ab"]
    vocab = {piece: token_id for token_id, piece in enumerate(pieces)}
    merges = [("▁", "h"), ("▁h", "é"), ("a", "b")]
    model = models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    made = tokenizers.Tokenizer(model)
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    made.save(str(folder / "tokenizer.json"))
    settings = {"eos_token": {"content": "</s>", "lstrip": False}, "bos_token": "<s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def qwen_like(folder):
    """Byte letters, with Unicode brought to NFC first and digits one by one."""
    trained = Tokenizer.train(["hé hé ab ab 123 123"], 264, pattern="gpt4")
    trained.save(folder)
    values = json.loads((folder / "tokenizer.json").read_text())
    values["normalizer"] = {"type": "NFC"}
    split = values["pre_tokenizer"]["pretokenizers"][0]
    split["pattern"]["Regex"] = split["pattern"]["Regex"].replace(r"\p{N}{1,3}", r"\p{N}")
    (folder / "tokenizer.json").write_text(json.dumps(values))


def bert_like(folder):
    pieces = ["[UNK]", "[CLS]", "[SEP]", "ab", "##a", "##b", "h"]
    vocab = {piece: token_id for token_id, piece in enumerate(pieces)}
    made = tokenizers.Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    made.add_special_tokens(["[UNK]", "[CLS]", "[SEP]"])
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.save(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module", params=[llama_like, qwen_like, bert_like])
def folder(request, tmp_path_factory):
    made = tmp_path_factory.mktemp("published")
    request.param(made)
    return made


@given(text=TEXTS)
def test_ids_are_those_of_the_publisher(folder, text):
    peer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert load_tokenizer(folder).encode(text) == peer.encode(text, add_special_tokens=False).ids


@given(text=TEXTS)
def test_spans_lie_side_by_side_and_cover_the_text(folder, text):
    ids, spans = load_tokenizer(folder).encode_with_spans(text)
    assert len(spans) == len(ids)
    assert [start for start, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]
    assert all(start <= end for start, end in spans)
    assert not spans or spans[-1][1] == len(text.encode())


@given(text=TEXTS)
def test_a_stream_says_what_decoding_says(folder, text):
    imported = load_tokenizer(folder)
    ids = imported.encode(text)
    stream = imported.decoder()
    assert "".join(map(stream.push, ids)) + stream.flush() == imported.decode(ids)
    assert imported.encode_batch([text, "ab"]) == [ids, imported.encode("ab")]


def test_a_sentencepiece_vocabulary_is_read_as_bytes(tmp_path):
    """The smiley has no token, so it comes as four bytes; the space in front is taken off."""
    llama_like(tmp_path)
    imported = load_tokenizer(tmp_path)
    ids = imported.encode("hé 🙂ab")
    assert [imported.token_bytes(i) for i in ids] == [" hé".encode(), b" "] + [
        bytes([byte]) for byte in "🙂".encode()
    ] + [b"ab"]
    assert imported.decode(ids) == "hé 🙂ab"
    assert (imported.kind, imported.eos_id, imported.bos_id) == ("imported", 2, 1)
    after = imported.decoder(after=ids)
    assert after.push(imported.encode("h")[0]) == " h"


def test_the_sentencepiece_kind_decodes_any_text_as_its_library_does(tmp_path):
    llama_like(tmp_path)
    imported = load_tokenizer(tmp_path)
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))

    @given(TEXTS)
    def same(text):
        ids = imported.encode(text)
        assert imported.decode(ids) == peer.decode(ids, skip_special_tokens=False)

    same()


def test_text_that_spells_a_special_token_stays_text(folder):
    imported = load_tokenizer(folder)
    names = [name for name in imported.special_tokens if name not in ("<unk>", "[UNK]")]
    marks = {imported.special_tokens[name] for name in names}
    for name in names:
        assert not marks & set(imported.encode(f"a {name} b"))


def test_saving_keeps_ids_and_the_end_of_text(folder, tmp_path):
    imported = load_tokenizer(folder)
    imported.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.encode("hé 12 ab🙂") == imported.encode("hé 12 ab🙂")
    assert (again.eos_id, again.vocab_size) == (imported.eos_id, imported.vocab_size)


def test_a_published_file_of_our_own_kind_is_read_by_our_own_engine(tmp_path):
    """And by the library again when the publisher ends texts with another special token."""
    Tokenizer.train(["ab ab"], 259, special_tokens=("<|endoftext|>", "<|end|>")).save(tmp_path)
    assert load_tokenizer(tmp_path).kind == "bpe"
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|end|>"}')
    assert load_tokenizer(tmp_path).kind == "imported"
    assert load_tokenizer(tmp_path).eos_id == 258


def test_lone_surrogates_become_replacement_characters(tmp_path):
    qwen_like(tmp_path)
    imported = load_tokenizer(tmp_path)
    assert imported.decode(imported.encode("a\ud800")) == "a\ufffd"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[1]",
        '{"model": 1}',
        '{"model": {"type": "BPE"}}',
        '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}',
        '{"model": {"type": "Magic"}, "added_tokens": []}',
        "[" * 100_000,
    ],
)
def test_what_is_no_tokenizer_is_refused(text, tmp_path):
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(TokenizerError):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("text", ['{"a": ' * 100_000, "{", "[]", f'{{"a": {"9" * 5_000}}}', "\xff"])
def test_damaged_settings_beside_it_are_a_sentence(text, tmp_path):
    llama_like(tmp_path)
    (tmp_path / SETTINGS_FILE).write_text(text, encoding="latin-1")
    with pytest.raises(TokenizerError, match=r"tokenizer_config\.json .*(damaged|nested|no JSON)"):
        settings_beside(tmp_path)
    with pytest.raises(TokenizerError, match=r"tokenizer_config\.json"):
        ImportedTokenizer.load(tmp_path)


def test_a_pattern_that_makes_the_library_panic_is_a_sentence(tmp_path):
    """A hostile pattern backtracks without end, and the library panics, past `Exception`."""
    qwen_like(tmp_path)
    values = json.loads((tmp_path / "tokenizer.json").read_text())
    values["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(a+)+$"
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(TokenizerError, match="cannot encode the text"):
        ImportedTokenizer.load(tmp_path).encode("a" * 60 + "!")


def test_a_folder_without_one_is_named(tmp_path):
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json in .*beside its weights"):
        load_tokenizer(tmp_path)
    with pytest.raises(TokenizerError, match="Id 264 is not in this vocabulary of 264"):
        qwen_like(tmp_path)
        load_tokenizer(tmp_path).token_bytes(264)
