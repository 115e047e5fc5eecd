"""The compiled tokenizer: equal to the readable one and to `tokenizers`, and safe with any text."""

import json

import pytest
import tokenizers
import transformers
from hypothesis import given
from hypothesis import strategies as st

from slm.data.catalogue import EMBEDDED
from slm.data.sources import SourceConfig, read_documents
from slm.errors import TokenizerError
from slm.tokenizer import bpe, engines
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.patterns import PATTERNS
from slm.tokenizer.protocol import well_formed

TEXT = (
    "It was the best of times, it was the worst of times; it wasn't 1859 yet.\n\n"
    "    for i in range(10):\n        print(i)  # naïve café — 日本語のテキスト 🙂🙂🙂\n" * 3
)
PIECES = st.sampled_from([*"aeist 019'", " the", "  ", "\n", "'s", "é", "日", "🙂", "\u0301", "<|"])
MIXED = st.text() | st.lists(PIECES, max_size=60).map("".join)


@pytest.fixture(scope="module", params=sorted(PATTERNS))
def tokenizer(request):
    return Tokenizer.train([TEXT], vocab_size=320, pattern=request.param)


@pytest.fixture(scope="module")
def saved(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder)
    return folder


@pytest.mark.parametrize("pattern", PATTERNS)
@given(texts=st.lists(MIXED, max_size=6))
def test_both_trainers_learn_the_same_merges_with_the_same_counts(pattern, texts):
    """To the last pair: the vocabulary is as large as the texts allow."""
    everything = list(bpe.learn(bpe.count_chunks(texts, pattern)))
    trained = Tokenizer.train(texts, 257 + len(everything), pattern=pattern)
    assert trained.merges == everything


@pytest.mark.parametrize("source", EMBEDDED)
def test_both_learn_and_encode_the_embedded_corpora_alike(source):
    config = SourceConfig(source=source, max_megabytes=0.4)
    texts = [document.text for document in read_documents(config)]
    merges = bpe.train_bpe(texts, 1000)
    trained = Tokenizer.train(texts, 1000)
    assert trained.merges == merges
    for text in texts[:: max(1, len(texts) // 10)]:
        assert trained.encode(text) == bpe.encode(text, merges)


@given(text=MIXED)
def test_both_encode_alike(tokenizer, text):
    assert tokenizer.encode(text) == bpe.encode(text, tokenizer.merges, tokenizer.pattern)


@given(text=MIXED)
def test_any_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=MIXED)
def test_spans_lie_side_by_side_and_cover_the_text(tokenizer, text):
    ids, spans = tokenizer.encode_with_spans(text)
    data = text.encode()
    assert [data[start:end] for start, end in spans] == [tokenizer.token_bytes(i) for i in ids]
    assert [start for start, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]
    assert (spans[-1][1] if spans else 0) == len(data)


@given(ids=st.lists(st.integers(0, 319), max_size=40))
def test_a_stream_says_what_decoding_at_once_says(tokenizer, ids):
    """Any ids, also those that end in the middle of a character."""
    stream = tokenizer.decoder()
    assert "".join(map(stream.push, ids)) + stream.flush() == tokenizer.decode(ids)


def test_a_stream_holds_a_character_back_until_it_is_whole(tokenizer):
    euro = "€".encode()
    stream = tokenizer.decoder(after=[ord("5"), euro[0]])
    assert [stream.push(euro[1]), stream.push(euro[2])] == ["", "€"]
    assert [stream.push(euro[0]), stream.flush()] == ["", "\ufffd"]


@given(text=MIXED)
def test_the_saved_file_gives_the_same_ids_in_tokenizers(tokenizer, saved, text):
    peer = tokenizers.Tokenizer.from_file(str(saved / "tokenizer.json"))
    assert peer.encode(text).ids == tokenizer.encode(text)
    assert peer.decode(tokenizer.encode(text), skip_special_tokens=False) == text


def test_the_saved_file_loads_in_transformers_with_the_same_special_id(tokenizer, saved):
    peer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(saved / "tokenizer.json"))
    assert peer("naïve 日本語")["input_ids"] == tokenizer.encode("naïve 日本語")
    assert peer.convert_tokens_to_ids("<|endoftext|>") == tokenizer.eos_id == 319
    assert len(peer) == tokenizer.vocab_size == 320


def test_saving_and_loading_keeps_everything(tokenizer, saved):
    loaded = Tokenizer.load(saved)
    assert loaded.definition == tokenizer.definition
    assert loaded.merges == tokenizer.merges
    assert loaded.special_tokens == {"<|endoftext|>": 319}


def test_merges_are_written_with_pair_count_and_bytes(saved, tokenizer):
    lines = [json.loads(line) for line in (saved / "merges.jsonl").read_text().splitlines()]
    assert len(lines) == 63
    first = tokenizer.merges[0]
    assert lines[0]["count"] == first.count
    assert [piece.encode("latin-1") for piece in lines[0]["pair"]] == list(first.pair)
    assert lines[0]["bytes"].encode("latin-1") == first.bytes


def test_counts_that_belong_to_other_merges_are_not_believed(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    lines = (tmp_path / "merges.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "merges.jsonl").write_text("".join(lines[1:]))
    assert Tokenizer.load(tmp_path).merges[0].count is None


def test_text_that_spells_a_special_token_stays_text(tokenizer, saved):
    ids = tokenizer.encode("a<|endoftext|>b")
    assert not tokenizer.special_ids & set(ids)
    assert tokenizer.decode(ids) == "a<|endoftext|>b"
    peer = tokenizers.Tokenizer.from_file(str(saved / "tokenizer.json"))
    peer.encode_special_tokens = True
    assert peer.encode("a<|endoftext|>b").ids == ids


def test_special_tokens_come_last_and_stand_for_their_names():
    trained = Tokenizer.train([TEXT], 300, special_tokens=("<|end|>", "<|user|>"))
    assert trained.special_tokens == {"<|end|>": 298, "<|user|>": 299}
    assert trained.eos_id == 298
    assert trained.decode([299, ord("a")]) == "<|user|>a"


def test_a_batch_is_its_texts_one_by_one(tokenizer):
    texts = [TEXT[:n] for n in range(50)]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]
    assert tokenizer.encode_batch([]) == []


def test_lone_surrogates_become_replacement_characters(tokenizer):
    """\\ud83d\\ude42 are the two halves of one smiley: they are joined."""
    assert tokenizer.decode(tokenizer.encode("a\ud800b\ud83d\ude42")) == "a\ufffdb🙂"
    ids, spans = tokenizer.encode_with_spans("\ud800")
    assert well_formed("\ud800") == "\ufffd"
    assert spans[-1][1] == 3
    assert ids == tokenizer.encode("\ufffd")
    assert Tokenizer.train(["x\ud800"], 258).merges


@pytest.mark.parametrize("text", ["a" * 100_000, "ab" * 500_000, "^" * 1_000_000, "7" * 1_000_000])
def test_a_vast_word_is_encoded_in_near_linear_time(text):
    """A quadratic engine would need hours for a million characters."""
    trained = Tokenizer.train(["aaaa abab", "777"], 261)
    assert trained.decode(trained.encode(text)) == text


def test_more_blanks_in_a_row_than_the_regex_engine_bears():
    """It panics at a million. Half of the blanks join in twos; the last goes with the word."""
    trained = Tokenizer.train(["a    b"], 258)
    assert trained.merges[0].bytes == b"  "
    text = " " * 1_200_001 + "word"
    assert trained.encode(text) == [256] * 600_000 + list(b" word")


def test_training_bears_vast_blanks_too(monkeypatch):
    monkeypatch.setattr(engines, "_BLANK_BLOCK", 10)
    texts = ["ab ab", " " * 50 + "ab", "\n\n\t" * 20]
    assert Tokenizer.train(texts, 264).merges == bpe.train_bpe(texts, 264)


def test_an_iterator_may_be_given_once(tokenizer):
    once = Tokenizer.train(iter([TEXT]), 320, pattern=tokenizer.pattern)
    assert once.merges == tokenizer.merges


def test_a_vocabulary_of_bytes_alone_has_no_merges():
    trained = Tokenizer.train(["anything"], 257)
    assert trained.encode("hé") == [104, 0xC3, 0xA9]
    assert trained.merges == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"texts": ["abcd"], "vocab_size": 999}, "gives only 260 tokens.*260 or less, or add text"),
        ({"texts": [], "vocab_size": 300}, "gives only 257 tokens"),
        ({"texts": ["abcd"], "vocab_size": 100}, "vocab_size is 100; .* at least 257"),
        ({"texts": "abcd", "vocab_size": 257}, r"such as \[text\]"),
        ({"texts": ["abcd"], "vocab_size": 257, "pattern": "mine"}, "no pattern 'mine'"),
        (
            {"texts": ["ab ab"], "vocab_size": 258, "special_tokens": ["ab"]},
            "'ab' is also a piece of ordinary text",
        ),
        (
            {"texts": ["ab ab"], "vocab_size": 300, "special_tokens": ["<|a|>", "<|a|>"]},
            "no name stands twice",
        ),
    ],
)
def test_training_that_cannot_be_is_refused_with_the_remedy(arguments, sentence):
    with pytest.raises(TokenizerError, match=sentence):
        Tokenizer.train(**arguments)


@pytest.mark.parametrize("token_id", [320, -1])
def test_ids_of_another_tokenizer_are_refused(tokenizer, token_id):
    with pytest.raises(TokenizerError, match=f"Id {token_id} is not in this vocabulary of 320"):
        tokenizer.decode([0, token_id])


# from_merges: vocabularies that were learned elsewhere

BYTES = {bytes([value]): value for value in range(256)}
ABC = [(b"a", b"b"), (b"ab", b"c")]


def test_merges_from_elsewhere_give_their_own_ids():
    vocab = {**BYTES, b"ab": 256, b"abc": 257}
    given_ = Tokenizer.from_merges(vocab, ABC, special_tokens=["<|end|>"])
    assert given_.encode("abcab") == [257, 256]
    assert given_.eos_id == 258
    assert given_.merges[0].count is None


def test_ids_may_come_in_any_order():
    """Bytes from 2 on, as where special tokens come first, and merges backwards."""
    vocab = {bytes([value]): 2 + value for value in range(256)} | {b"ab": 259, b"abc": 258}
    vocab[b"<|end|>"] = 1
    given_ = Tokenizer.from_merges(vocab, ABC, special_tokens=["<|end|>"])
    assert given_.encode("abcab!") == [258, 259, 2 + ord("!")]
    assert given_.decode([258, 259, 1]) == "abcab<|end|>"
    assert given_.eos_id == 1


def test_foreign_ids_survive_saving(tmp_path):
    """A special token before all others, and a hole in the numbers."""
    vocab = {bytes([value]): 2 + value for value in range(256)} | {b"ab": 300, b"abc": 299}
    given_ = Tokenizer.from_merges(vocab, ABC, special_tokens={"<|end|>": 0})
    given_.save(tmp_path)
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    loaded = Tokenizer.load(tmp_path)
    assert loaded.encode("xabcab") == peer.encode("xabcab").ids == [2 + ord("x"), 299, 300]
    assert loaded.eos_id == peer.token_to_id("<|end|>") == 0
    assert peer.encode("<|end|>ab").ids == [0, 300]
    assert loaded.vocab_size == 301


@pytest.mark.parametrize(
    ("vocab", "merges", "sentence"),
    [
        ({b"a": 0}, [], "255 of the 256 bytes are missing, the first is 0"),
        ({**BYTES, b"ab": 5}, ABC[:1], "used twice"),
        ({**BYTES, b"abc": 256}, ABC[1:], "merge 0 joins b'ab' and b'c' before both are made"),
        (BYTES, ABC[:1], "makes b'ab', which has no id"),
        ({**BYTES, b"ab": 256}, ABC[:1] * 2, "merge 1 makes b'ab' a second time"),
        ({**BYTES, b"zz": 256}, [], "made by no merge, such as b'zz'"),
        (
            {**BYTES, b"bc": 256, b"ab": 257, b"abc": 258},
            [(b"b", b"c"), *ABC],
            "'abc' is never made, earlier merges cut it into \\['a', 'bc'\\]",
        ),
    ],
)
def test_vocabularies_that_cannot_be_used_say_why(vocab, merges, sentence):
    with pytest.raises(TokenizerError, match=sentence):
        Tokenizer.from_merges(vocab, merges)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "{}",
        lambda text: text.replace('"BPE"', '"Unigram"'),
        lambda text: text.replace('"vocab"', '"words"'),
        lambda text: text.replace('"a": 97', '"a": "many"'),
        lambda text: text.replace('"a": 97', '"a": 98'),
        lambda text: text.replace('"ByteLevel"', '"Digits"'),
    ],
)
def test_a_damaged_file_is_refused(damage, tmp_path):
    Tokenizer.train(["ab ab"], 258).save(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(TokenizerError):
        Tokenizer.load(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TokenizerError, match=r"tokenizer\.json is missing"):
        Tokenizer.load(tmp_path)
