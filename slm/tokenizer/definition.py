"""`tokenizer.json`, the form in which the ecosystem hands tokenizers around.

Here bytes become the printable letters that the file wants, and back. Which part of
the format is ours: byte-level BPE over one of the PATTERNS, nothing before or after.
Everything else that a `tokenizer.json` may hold is for `imported.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import TokenizerError, WorkspaceError
from slm.tokenizer.bpe import N_BYTES
from slm.tokenizer.patterns import PATTERNS, pattern_named

TOKENIZER_FILE = "tokenizer.json"
MAX_FILE_BYTES = 100_000_000


@dataclass(frozen=True)
class Definition:
    """All that a byte-level BPE tokenizer is. `vocab` has no special tokens in it."""

    vocab: Mapping[bytes, int]
    merges: Sequence[tuple[bytes, bytes]]
    special_tokens: Mapping[str, int]
    pattern: str


@cache
def alphabet() -> tuple[str, ...]:
    """For each byte the letter that stands for it: itself where it prints, else one past 255.

    Source: Radford et al. 2019, the code released with GPT-2.

    >>> alphabet()[ord("a")], alphabet()[ord(" ")]
    ('a', 'Ġ')
    """
    prints = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = count(N_BYTES)
    return tuple(chr(byte if byte in prints else next(spare)) for byte in range(N_BYTES))


def spell(piece: bytes) -> str:
    """The piece in the letters of `alphabet`."""
    letters = alphabet()
    return "".join([letters[byte] for byte in piece])


def unspell(letters: str) -> bytes:
    """The piece that the letters stand for.

    Raises: KeyError for a letter that stands for no byte.
    """
    return bytes([_bytes_by_letter()[letter] for letter in letters])


@cache
def _bytes_by_letter() -> dict[str, int]:
    return {letter: byte for byte, letter in enumerate(alphabet())}


def to_json(definition: Definition) -> dict[str, Any]:
    """The `tokenizer.json` that gives the same ids in `tokenizers` and `transformers`.

    Special tokens stand in the model's vocabulary too: without that those libraries
    number them anew from the end, whatever id is written beside them.
    """
    vocab = {spell(piece): token_id for piece, token_id in definition.vocab.items()}
    vocab |= definition.special_tokens
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            added_token(content, token_id)
            for content, token_id in _by_id(definition.special_tokens)
        ],
        "normalizer": None,
        "pre_tokenizer": _cutter(definition.pattern),
        "post_processor": None,
        "decoder": _byte_level(use_regex=True),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": dict(_by_id(vocab)),
            # No letter of the alphabet is a blank, so "left right" is read by old versions too.
            "merges": [f"{spell(left)} {spell(right)}" for left, right in definition.merges],
        },
    }


@contextmanager
def library_errors(what: str) -> Iterator[None]:
    """What the tokenizers library raises, as a TokenizerError: it is nothing narrower than
    Exception, and panics beside it.
    """
    try:
        yield
    except TokenizerError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise TokenizerError(f"{what}: {str(error)[:200]}. Use another file.") from error
        raise


def added_token(content: str, token_id: int) -> dict[str, Any]:
    """How the format writes down a special token."""
    return {
        "id": token_id,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def read_file(folder: Path) -> dict[str, Any]:
    """The contents of the `tokenizer.json` in `folder`.

    Raises: TokenizerError when it is missing, too large, or no JSON object.
    """
    path = Path(folder) / TOKENIZER_FILE
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        raise TokenizerError(
            f"{path.name} has {path.stat().st_size / 1e6:,.0f} MB; "
            f"at most {MAX_FILE_BYTES / 1e6:,.0f} MB are read."
        )
    try:
        return files.read_json(path)
    except WorkspaceError as error:
        raise TokenizerError(str(error)) from None


def from_json(values: Mapping[str, Any]) -> Definition:
    """The definition that a `tokenizer.json` holds.

    Raises: TokenizerError when it is no byte-level BPE of the kind described above.
    """
    try:
        return _read(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TokenizerError(
            f"tokenizer.json is damaged or of another kind: {type(error).__name__} {error}. "
            "Save the tokenizer again."
        ) from None


def _read(values: Mapping[str, Any]) -> Definition:
    model = values["model"]
    foreign = [
        f"{name} {model[name]!r}"
        for name in (
            "dropout",
            "unk_token",
            "continuing_subword_prefix",
            "end_of_word_suffix",
            "byte_fallback",
            "ignore_merges",
        )
        if model.get(name)
    ]
    foreign += [f"model {model['type']!r}"] if model["type"] != "BPE" else []
    foreign += ["a normalizer"] if values.get("normalizer") else []
    foreign += ["a decoder"] if values["decoder"]["type"] != "ByteLevel" else []
    if (values.get("post_processor") or {"type": "ByteLevel"})["type"] != "ByteLevel":
        foreign.append("a post-processor")
    pattern = next(
        (name for name in PATTERNS if _same_cutter(values["pre_tokenizer"], _cutter(name))), None
    )
    foreign += ["an unknown pre-tokenizer"] if pattern is None else []
    added = values.get("added_tokens") or []
    if any(not token["special"] or token["lstrip"] or token["rstrip"] for token in added):
        foreign.append("added tokens that are not special, or strip the text around them")
    if foreign or pattern is None:
        raise TokenizerError(f"tokenizer.json is no plain byte-level BPE: {', '.join(foreign)}.")
    special_tokens = {str(token["content"]): int(token["id"]) for token in added}
    merges = [
        merge.split(" ") if isinstance(merge, str) else list(merge) for merge in model["merges"]
    ]
    return Definition(
        vocab={
            unspell(letters): int(token_id)
            for letters, token_id in model["vocab"].items()
            if letters not in special_tokens
        },
        merges=[(unspell(left), unspell(right)) for left, right in merges],
        special_tokens=special_tokens,
        pattern=pattern,
    )


def _cutter(pattern: str) -> dict[str, Any]:
    """The pre-tokenizer for a pattern. GPT-2's is the format's own default."""
    if pattern == "gpt2":
        return _byte_level(use_regex=True)
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern_named(pattern).expression},
        "behavior": "Isolated",
        "invert": False,
    }
    return {"type": "Sequence", "pretokenizers": [split, _byte_level(use_regex=False)]}


def _byte_level(*, use_regex: bool) -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": False,
        "use_regex": use_regex,
    }


def _same_cutter(found: Any, known: Any) -> bool:
    """Equal but for `trim_offsets`, which moves no cut, and for a default left unsaid."""
    return bool(_bare(found) == _bare(known))


def _bare(part: Any) -> Any:
    if isinstance(part, list):
        return [_bare(member) for member in part]
    if not isinstance(part, dict):
        return part
    bare = {name: _bare(value) for name, value in part.items() if name != "trim_offsets"}
    if bare.get("type") == "ByteLevel":
        bare.setdefault("use_regex", True)
    return bare


def _by_id(tokens: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(tokens.items(), key=lambda token: token[1])
