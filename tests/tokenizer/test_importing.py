"""Files from anywhere: sound ones become tokenizers of the workspace, the others a sentence."""

import json
import sys
import time

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from slm.errors import TokenizerError
from slm.tokenizer import importing
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.importing import ImportConfig, examined, import_tokenizer, keep_upload
from slm.tokenizer.loading import load_tokenizer, tokenizer_named
from slm.tokenizer.patterns import PATTERNS
from slm.tokenizer.risky_patterns import regexes_in, risk_of
from slm.workspace import Workspace

PUBLISHED = (
    # GPT-4o, Llama 3 and 4, Qwen 2, DeepSeek 3, StarCoder, BLOOM: as their files have them.
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve"
    r"|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r" ?[^(\s|[.,!?…。，、।۔،])]+",
    r"\d+|\s+",
    *(pattern.expression for pattern in PATTERNS.values()),
)
HOSTILE = (
    "(a+)+$",
    "(a*)*b",
    "(?:a|a)*b",
    "((a|b)+c?)*d",
    "(.*a){12,}",
    r"(\s+\S+)+$",
    r"(a)\1+",
    "([a-z]+)*[0-9]",
    "(x{2,}){3,}y",
    "a" * 30_000,
)


@pytest.mark.parametrize("pattern", PUBLISHED)
def test_published_patterns_are_taken(pattern):
    assert risk_of(pattern) is None


@pytest.mark.parametrize("pattern", HOSTILE, ids=lambda pattern: pattern[:20])
def test_patterns_that_could_take_for_ever_are_not(pattern):
    assert risk_of(pattern) is not None


def test_possessive_repetitions_give_nothing_back():
    assert risk_of(r"(?:[a-z]++ ?)++x") is None


def test_patterns_are_found_however_deep():
    values = {"a": [{"b": {"Regex": "x+"}}], "model": {"vocab": {"Regex": 3}}, "Regex": "y"}
    assert set(regexes_in(values)) == {"x+", "y"}


@pytest.fixture()
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")


@pytest.fixture()
def folder(tmp_path):
    """A published tokenizer of our own kind, in a folder named as its model is."""
    made = tmp_path / "otter-small"
    Tokenizer.train(["the otter said the otter"] * 3, 269).save(made)
    (made / "merges.jsonl").unlink()
    return made


def changed(folder, change) -> None:
    path = folder / "tokenizer.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def with_pattern(pattern):
    def change(values):
        values["pre_tokenizer"] = {
            "type": "Split",
            "pattern": {"Regex": pattern},
            "behavior": "Isolated",
            "invert": False,
        }

    return change


def test_a_published_file_becomes_a_tokenizer_without_a_corpus(workspace, folder):
    made = import_tokenizer(workspace, ImportConfig(file=str(folder)))
    assert made.name == "otter-small"
    assert made.details["kind"] == "imported" and made.details["read_as"] == "bpe"
    assert made.details["vocab_size"] == 269 and made.details["lossless"]
    assert not made.manifest.parents
    again = load_tokenizer(made.folder)
    assert again.encode("the otter") == load_tokenizer(folder).encode("the otter")
    assert tokenizer_named(workspace, "otter-small")[2] == made
    assert tokenizer_named(workspace, str(folder))[0] == "otter-small"


def test_a_word_piece_tokenizer_comes_by_upload(workspace, tmp_path):
    pieces = ["[UNK]", "[SEP]", "ab", "##a", "h"]
    made = tokenizers.Tokenizer(
        models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]")
    )
    made.add_special_tokens(["[UNK]", "[SEP]"])
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    path = keep_upload(workspace, made.to_str().encode())
    assert keep_upload(workspace, made.to_str().encode()) == path
    kept = import_tokenizer(workspace, ImportConfig(file=str(path), name="pieces"))
    assert (kept.name, kept.details["read_as"]) == ("pieces", "imported")
    assert not kept.details["lossless"]


def test_the_token_that_ends_texts_comes_along(workspace, folder):
    Tokenizer.train(["ab ab"], 259, special_tokens=("<|endoftext|>", "<|end|>")).save(folder)
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|end|>", "chat_template": "{{"}')
    made = import_tokenizer(workspace, ImportConfig(file=str(folder)))
    assert load_tokenizer(made.folder).eos_id == 258
    assert "chat_template" not in (made.folder / "tokenizer_config.json").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (with_pattern("(a+)+$"), "could take for ever"),
        (with_pattern("(?:a|a)*$"), "repeats a group with a choice"),
        (lambda values: values.update(model={"type": "Magic"}), "cannot be read|damaged"),
        (lambda values: values["model"].update(merges=[["zz", "yy"]]), "cannot be read"),
        (lambda values: values.update(added_tokens=[{"content": 3, "id": "x"}]), "no tokenizer"),
    ],
)
def test_what_is_not_safe_or_sound_is_a_sentence_and_nothing_is_kept(
    workspace, folder, change, words
):
    changed(folder, change)
    with pytest.raises(TokenizerError, match=words):
        import_tokenizer(workspace, ImportConfig(file=str(folder)))
    assert workspace.tokenizers.list() == []


def test_special_tokens_have_the_ids_that_the_library_gives(folder):
    def twice(values):
        values["added_tokens"].append({**values["added_tokens"][0], "content": "<|again|>"})

    changed(folder, twice)
    tokenizer = load_tokenizer(folder)
    assert tokenizer.special_tokens == {"<|endoftext|>": 268, "<|again|>": 269}
    assert tokenizer.token_bytes(269) == b"<|again|>"


def test_a_vocabulary_without_tokens_is_no_tokenizer(workspace, folder):
    changed(folder, lambda values: values["model"].update(vocab={}, merges=[]))
    with pytest.raises(TokenizerError, match="at least 2"):
        import_tokenizer(workspace, ImportConfig(file=str(folder)))


@pytest.mark.parametrize("text", ["", "\x00\xff", "[" * 200_000, '{"a": ', "null"])
def test_what_is_no_json_is_a_sentence(workspace, tmp_path, text):
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(TokenizerError):
        import_tokenizer(workspace, ImportConfig(file=str(tmp_path / "tokenizer.json")))
    assert workspace.tokenizers.list() == []


def test_settings_that_are_nested_too_deeply_are_a_sentence(workspace, folder):
    """They are read here, not in the child."""
    (folder / "tokenizer_config.json").write_text('{"a": ' * 100_000)
    with pytest.raises(TokenizerError, match="nested too deeply"):
        import_tokenizer(workspace, ImportConfig(file=str(folder)))
    assert workspace.tokenizers.list() == []


def a_child(tmp_path, code):
    script = tmp_path / "child.py"
    script.write_text(code)
    return sys.executable, str(script)


def test_a_child_that_crashes_eats_memory_or_never_ends_costs_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(TokenizerError, match="makes the program that reads it fail"):
        examined(tmp_path, child=a_child(tmp_path, "import os; os.abort()"))
    with pytest.raises(TokenizerError, match="makes the program"):
        examined(tmp_path, child=a_child(tmp_path, "print('x' * 3_000_000)"))
    monkeypatch.setattr(importing, "MEMORY_BYTES", 60 * 2**20)
    with pytest.raises(TokenizerError, match="memory"):
        code = "import time; held = bytearray(200_000_000); time.sleep(60)"
        examined(tmp_path, child=a_child(tmp_path, code))
    monkeypatch.setattr(importing, "CPU_SECONDS", 0.3)
    begun = time.monotonic()
    with pytest.raises(TokenizerError, match="of computing"):
        examined(tmp_path, child=a_child(tmp_path, "while True: pass"))
    assert time.monotonic() - begun < 20


def test_a_stop_is_heard_while_the_child_works(tmp_path):
    class Stopping:
        def __call__(self, *args, **facts): ...
        def plan(self, stages): ...
        def should_stop(self):
            return True

    assert examined(tmp_path, Stopping(), a_child(tmp_path, "import time; time.sleep(60)")) is None


def test_files_that_cannot_be_are_named(workspace, tmp_path, monkeypatch):
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json"):
        import_tokenizer(workspace, ImportConfig(file=str(tmp_path)))
    (tmp_path / "tokenizer.model").write_bytes(b"\n\x0e")
    with pytest.raises(TokenizerError, match="no SentencePiece model"):
        import_tokenizer(workspace, ImportConfig(file=str(tmp_path / "tokenizer.model")))
    monkeypatch.setattr(importing, "MAX_BYTES", 10)
    with pytest.raises(TokenizerError, match="may have 0 MB"):
        keep_upload(workspace, b"x" * 11)
