"""llama.cpp is told how to cut text, or the tokenizer is refused; never is it left to guess."""

import importlib.util
import io
import json
from pathlib import Path

import pytest
import sentencepiece
import tokenizers
import torch
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from slm.data.embedded.languages import PARALLEL
from slm.errors import TokenizerError
from slm.exchange import gguf_check
from slm.exchange.gguf import FILE, write_gguf
from slm.exchange.gguf_vocabulary import _QWEN2, TokenType, vocabulary
from slm.exchange.outgoing import Outgoing
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.imported import ImportedTokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.padded import fitted
from slm.tokenizer.patterns import PATTERNS
from slm.tokenizer.protocol import TextTokenizer

TEXTS = [telling.text for telling in PARALLEL]
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
WORDS = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def published(*cutters, normalizer=None, ignore_merges: bool = False) -> ImportedTokenizer:
    """Byte-level BPE that cuts as these say."""
    made = tokenizers.Tokenizer(models.BPE(ignore_merges=ignore_merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(list(cutters))
    made.decoder = decoders.ByteLevel()
    if normalizer is not None:
        made.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS, trainer)
    return ImportedTokenizer(made.to_str())


def split(expression: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(Regex(expression), "isolated")


def llama(folder: Path, **options: object) -> TextTokenizer:
    """SentencePiece's BPE with byte tokens, as Llama's was trained."""
    model = io.BytesIO()
    settings = {
        "vocab_size": 1000,
        "character_coverage": 0.98,
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "split_digits": True,
        "allow_whitespace_only_pieces": True,
        **options,
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=model, model_type="bpe", **settings
    )
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    return load_tokenizer(folder)


KINDS = {
    "gpt2": lambda _: Tokenizer.train(TEXTS, vocab_size=400),
    "gpt4": lambda _: Tokenizer.train(TEXTS, vocab_size=400, pattern="gpt4"),
    "bytes": lambda _: Tokenizer.train(TEXTS, vocab_size=257),
    "no special token": lambda _: Tokenizer.train(TEXTS, vocab_size=256, special_tokens=()),
    "characters": lambda _: CharacterTokenizer.train(TEXTS),
    "smollm2": lambda _: published(pre_tokenizers.Digits(individual_digits=True), WORDS),
    "qwen2": lambda _: published(split(_QWEN2), BYTES, normalizer=normalizers.NFC()),
    "llama3": lambda _: published(split(PATTERNS["gpt4"].expression), BYTES, ignore_merges=True),
    "llama": llama,
    "llama, no blank in front": lambda folder: llama(folder, add_dummy_prefix=False),
}


def test_our_byte_level_vocabulary_goes_letter_by_letter():
    """Two merges over 256 bytes; a blank is spelled Ġ."""
    told = vocabulary(Tokenizer.train(["hug pug hugs bun"], vocab_size=259), 260)
    assert (told.model, told.pre) == ("gpt2", "gpt-2")
    assert told.merges == ("u g", "h ug")
    assert told.tokens[32] == "Ġ"
    assert told.tokens[256:] == ("ug", "hug", "<|endoftext|>", "[unused 259]")
    assert told.types[257:] == (TokenType.NORMAL, TokenType.CONTROL, TokenType.UNUSED)
    assert (told.eos_id, told.bos_id, told.begins) == (258, 258, False)


@pytest.mark.parametrize(
    ("kind", "pre"),
    [("gpt4", "dbrx"), ("smollm2", "smollm"), ("qwen2", "qwen2"), ("llama3", "llama-bpe")],
)
def test_a_cutter_that_llama_cpp_knows_is_called_by_its_name(kind: str, pre: str, tmp_path: Path):
    assert vocabulary(KINDS[kind](tmp_path), 1000).pre == pre


def test_characters_become_merges_of_their_bytes():
    """é is C3 A9; € is E2 82 AC, whose first two bytes together are no token."""
    told = vocabulary(CharacterTokenizer.train(["aé€"]), 5)
    assert told.tokens == ("a", "Ã©", "âĤ¬", "ï¿½", "<|endoftext|>")
    assert told.merges == ("Ã ©", "â Ĥ", "âĤ ¬", "ï ¿", "ï¿ ½")
    assert "leaves out characters" in told.notes[0]


def test_a_piece_learned_earlier_has_the_better_score(tmp_path: Path):
    tokenizer = fitted(llama(tmp_path), 1003)
    told = vocabulary(tokenizer, 1003)
    assert told.model == "llama"
    assert told.blank_in_front
    assert (told.begins, told.tokens[told.bos_id]) == (True, "<s>")
    assert told.types[told.tokens.index("<0x0A>")] is TokenType.BYTE
    assert told.unknown_id is not None
    assert told.types[told.unknown_id] is TokenType.UNKNOWN
    learned = [score for score in told.scores if score < 0]
    assert len(learned) > 100
    assert max(learned) == -1.0
    assert told.notes == ()


def test_without_a_token_that_ends_a_text_one_that_no_text_has_is_named():
    """Else llama.cpp would stop at id 11. No UTF-8 text has the byte FF."""
    tokenizer = Tokenizer.train(["a"], vocab_size=256, special_tokens=())
    assert vocabulary(tokenizer, 256).eos_id == 255
    assert vocabulary(tokenizer, 258).eos_id == 256  # a row that stands for nothing


@pytest.mark.parametrize(
    ("tokenizer", "reason"),
    [
        (lambda: published(pre_tokenizers.Whitespace(), WORDS), "no name for"),
        (lambda: published(pre_tokenizers.ByteLevel(add_prefix_space=True)), "no name for"),
        (lambda: published(WORDS, normalizer=normalizers.Lowercase()), "changes text before"),
        (lambda: ImportedTokenizer(json.dumps(_word_pieces())), "of the kind WordPiece"),
    ],
)
def test_a_tokenizer_that_llama_cpp_would_not_follow_is_refused(tokenizer, reason: str):
    with pytest.raises(TokenizerError, match=reason):
        vocabulary(tokenizer(), 1000)


def _word_pieces() -> dict:
    made = tokenizers.Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    return json.loads(made.to_str())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_llama_cpp_gives_the_same_ids(kind: str, tmp_path: Path):
    if importlib.util.find_spec("llama_cpp") is None:
        pytest.skip(f"llama.cpp is not installed: {gguf_check.INSTALL}")
    plain = KINDS[kind](tmp_path)
    n_rows = plain.vocab_size + 5
    tokenizer = fitted(plain, n_rows)
    torch.manual_seed(0)
    shape = {"context_length": 32, "d_model": 32, "n_heads": 2, "d_ff": 32, "n_layers": 1}
    model = Transformer(ModelConfig(vocab_size=n_rows, **shape)).eval().requires_grad_(False)
    write_gguf(model, tokenizer, tmp_path / FILE)
    told = gguf_check.prove(Outgoing.of(model, tokenizer), tmp_path, "float32")
    assert told.passed, told
