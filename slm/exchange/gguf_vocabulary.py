"""A tokenizer as GGUF wants it: a list of tokens, and how llama.cpp is to cut text into them.

Three kinds can be told: byte-level BPE whose cutter llama.cpp knows by name, BPE over `▁` with
byte tokens (Llama, TinyLlama, Phi-3), and one token a character. Any other is refused: llama.cpp
would cut text in another way than the model was trained with, and say nothing.

Source: the keys are described in the ggml repository, docs/gguf.md; the named cutters stand in
llama.cpp, src/llama-vocab.cpp.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import tokenizers

from slm.errors import TokenizerError
from slm.tokenizer.definition import TOKENIZER_FILE, read_file, spell
from slm.tokenizer.patterns import PATTERNS
from slm.tokenizer.protocol import TextTokenizer

_BLANK = "▁"
_NEVER = 0xFF  # a byte that no UTF-8 text has
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_DIGITS_APART = {"type": "Digits", "individual_digits": True}
_SPACES_TO_BLANKS = {"type": "Replace", "pattern": {"String": " "}, "content": _BLANK}
_BLANK_IN_FRONT = {"type": "Prepend", "prepend": _BLANK}


class TokenType(IntEnum):
    """What a token is to llama.cpp."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True)
class Vocabulary:
    """All that a GGUF file says about its tokenizer.

    `model` is "gpt2" (bytes are joined by merges) or "llama" (characters are, the best score
    first). `begins`: a text is read with `bos_id` before it. `notes` say where llama.cpp reads
    text otherwise than the tokenizer does here.
    """

    model: str
    pre: str
    tokens: tuple[str, ...]
    types: tuple[TokenType, ...]
    eos_id: int
    bos_id: int
    begins: bool
    merges: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    unknown_id: int | None = None
    blank_in_front: bool = False
    notes: tuple[str, ...] = ()


def vocabulary(tokenizer: TextTokenizer, n_rows: int) -> Vocabulary:
    """The tokenizer of a model whose table of tokens has `n_rows` rows.

    Rows behind the last token become unused tokens.

    Raises: TokenizerError for a tokenizer that llama.cpp would not follow.
    """
    with tempfile.TemporaryDirectory(prefix="slm-gguf-") as held:
        tokenizer.save(Path(held))
        values = read_file(Path(held))
        text = (Path(held) / TOKENIZER_FILE).read_text("utf-8")
    unsorted = tokenizers.Tokenizer.from_str(text).get_vocab(with_added_tokens=True)
    ids = dict(sorted(unsorted.items(), key=lambda item: item[1]))  # each time the same file
    added = {token["content"]: bool(token["special"]) for token in values["added_tokens"] or []}
    kind = values["model"]["type"]
    if kind == "BPE" and _has(values["decoder"], "ByteLevel"):
        spelled = _byte_level(values)
    elif kind == "BPE" and values["model"].get("byte_fallback"):
        spelled = _blanks(values, ids)
    elif kind == "WordLevel" and tokenizer.kind == "characters":
        spelled = _characters(ids, added)
    else:
        bare = " without byte tokens" if kind == "BPE" else ""
        raise TokenizerError(
            f"A tokenizer of the kind {str(kind)[:40]}{bare} cannot be written to GGUF. These can "
            "be: byte-level BPE, SentencePiece's BPE with byte tokens, and one token a character. "
            "Take the model out in the form of Hugging Face."
        )
    tokens, types = _listed(ids, added, spelled, n_rows)
    begins, scores = tokenizer.encode("")[:1], spelled.scores
    eos_id = _end(tokenizer, tokens, types)
    return Vocabulary(
        model=spelled.model,
        pre=spelled.pre,
        tokens=tokens,
        types=types,
        eos_id=eos_id,
        bos_id=begins[0] if begins else eos_id,
        begins=bool(begins),
        merges=spelled.merges,
        scores=() if scores is None else tuple(scores.get(token, 0.0) for token in tokens),
        unknown_id=spelled.unknown_id,
        blank_in_front=spelled.blank_in_front,
        notes=spelled.notes,
    )


@dataclass(frozen=True)
class _Spelled:
    """How one kind of tokenizer is told. `names`: tokens that are written otherwise there."""

    model: str
    pre: str
    names: Mapping[str, str]
    merges: tuple[str, ...] = ()
    scores: Mapping[str, float] | None = None
    unknown_id: int | None = None
    byte_tokens: frozenset[str] = frozenset()
    blank_in_front: bool = False
    notes: tuple[str, ...] = ()


def _byte_level(values: Mapping[str, Any]) -> _Spelled:
    """Letters for bytes, as the file has them already."""
    model = values["model"]
    named = _cutter_name(_parts(values["pre_tokenizer"]), bool(model.get("ignore_merges")))
    if named is None or model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise TokenizerError(
            "This tokenizer cuts text in a way that llama.cpp has no name for, so it would read "
            "text otherwise than the model does. Take the model out in the form of Hugging Face."
        )
    normalizer = _parts(values["normalizer"])
    notes = []
    if [part.get("type") for part in normalizer] == ["NFC"]:
        notes.append(
            "llama.cpp leaves characters as they are typed; here they are composed first (NFC), "
            "which matters for accents that are typed as characters of their own."
        )
    elif normalizer:
        raise TokenizerError(
            "This tokenizer changes text before it cuts it, which llama.cpp does not. "
            "Take the model out in the form of Hugging Face."
        )
    merges = tuple(" ".join(pair) for pair in _pairs(model))
    return _Spelled("gpt2", named, {}, merges, notes=tuple(notes))


def _cutter_name(parts: Sequence[Mapping[str, Any]], ignores_merges: bool) -> str | None:
    """Under which name llama.cpp cuts text as these pre-tokenizers do; None: under none.

    "llama-bpe" and "dbrx" cut alike; the first takes a chunk that is a token whole, without
    asking whether merges make it.
    """
    bare = [{key: part[key] for key in part if key != "trim_offsets"} for part in parts]
    if not bare or bare[-1].get("type") != "ByteLevel" or bare[-1].get("add_prefix_space"):
        return None
    splits_itself = bare[-1].get("use_regex", True)
    before = bare[:-1]
    if not before:
        return "gpt-2" if splits_itself and not ignores_merges else None
    if before == [_DIGITS_APART]:
        return "smollm" if splits_itself and not ignores_merges else None
    if len(before) > 1 or splits_itself or before[0].get("type") != "Split":
        return None
    split = before[0]
    if split.get("behavior") != "Isolated" or split.get("invert"):
        return None
    expression = str((split.get("pattern") or {}).get("Regex"))
    if expression == PATTERNS["gpt4"].expression:
        return "llama-bpe" if ignores_merges else "dbrx"
    known = {PATTERNS["gpt2"].expression: "gpt-2", _QWEN2: "qwen2"}
    return None if ignores_merges else known.get(expression)


def _blanks(values: Mapping[str, Any], ids: Mapping[str, int]) -> _Spelled:
    """Characters that are joined by score: the earlier a merge was learned, the better."""
    model = values["model"]
    normalizer, cutter = _parts(values["normalizer"]), _parts(values["pre_tokenizer"])
    if cutter:
        one = cutter[0]
        known = len(cutter) == 1 and not normalizer and one.get("type") == "Metaspace"
        in_front = one.get("prepend_scheme", "always") != "never"
        known = known and one.get("replacement") == _BLANK
    else:
        known = normalizer in ([_SPACES_TO_BLANKS], [_BLANK_IN_FRONT, _SPACES_TO_BLANKS])
        in_front = _BLANK_IN_FRONT in normalizer
    if not known:
        raise TokenizerError(
            "This tokenizer changes text before it cuts it in a way that llama.cpp does not "
            "follow. Take the model out in the form of Hugging Face."
        )
    scores: dict[str, float] = {}
    for rank, (left, right) in enumerate(_pairs(model)):
        scores.setdefault(left + right, -float(rank))
    unknown = model.get("unk_token")
    pairs = set(_pairs(model))
    ways = ((t[:cut], t[cut:]) for t in scores for cut in range(1, len(t)))
    missing = any(pair not in pairs and pair[0] in ids and pair[1] in ids for pair in ways)
    note = (
        "llama.cpp joins any two tokens that together are one; this tokenizer joins fewer, so "
        "some texts may be cut otherwise there."
    )
    return _Spelled(
        "llama",
        "default",
        {},
        scores=scores,
        unknown_id=None if unknown is None else ids.get(unknown),
        byte_tokens=frozenset(f"<0x{byte:02X}>" for byte in range(256)),
        blank_in_front=in_front,
        notes=(note,) if missing else (),
    )


def _characters(ids: Mapping[str, int], added: Mapping[str, bool]) -> _Spelled:
    """Byte-level BPE whose merges put the bytes of each character together, and no more.

    What is made on the way is no token, which llama.cpp allows.
    """
    names = {token: spell(token.encode()) for token in ids if token not in added}
    merges: dict[str, None] = {}
    for letters in names.values():
        for end in range(1, len(letters)):
            merges[f"{letters[:end]} {letters[end]}"] = None
    note = (
        "llama.cpp leaves out characters that the training text did not have; here they become "
        "one token that stands for all of them."
    )
    return _Spelled("gpt2", "gpt-2", names, tuple(merges), notes=(note,))


def _listed(
    ids: Mapping[str, int], added: Mapping[str, bool], spelled: _Spelled, n_rows: int
) -> tuple[tuple[str, ...], tuple[TokenType, ...]]:
    """Tokens and their types by id.

    Raises: TokenizerError where two tokens are written alike, which ends llama.cpp.
    """
    tokens = [f"[unused {row}]" for row in range(n_rows)]
    types = [TokenType.UNUSED] * n_rows
    for token, token_id in ids.items():
        tokens[token_id] = spelled.names.get(token, token)
        if token_id == spelled.unknown_id:
            types[token_id] = TokenType.UNKNOWN
        elif token in added:
            types[token_id] = TokenType.CONTROL if added[token] else TokenType.USER_DEFINED
            if not added[token]:
                tokens[token_id] = token.replace(_BLANK, " ")
        elif token in spelled.byte_tokens:
            types[token_id] = TokenType.BYTE
        else:
            types[token_id] = TokenType.NORMAL
    if len(set(tokens)) < n_rows:
        raise TokenizerError(
            "Two tokens of this tokenizer are written alike in GGUF, which llama.cpp refuses. "
            "Take the model out in the form of Hugging Face."
        )
    return tuple(tokens), tuple(types)


def _end(tokenizer: TextTokenizer, tokens: Sequence[str], types: Sequence[TokenType]) -> int:
    """The id that ends a text. Where there is none, one that no text has.

    It must be told: llama.cpp would take id 11 for it.
    """
    if tokenizer.eos_id is not None:
        return tokenizer.eos_id
    never = spell(bytes([_NEVER]))
    if TokenType.UNUSED in types:
        return types.index(TokenType.UNUSED)
    if never in tokens:
        return tokens.index(never)
    raise TokenizerError(
        "This tokenizer has no token that ends a text, which llama.cpp needs. Train the model "
        "with a tokenizer that has one, or take it out in the form of Hugging Face."
    )


def _parts(step: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """A step of a tokenizer.json as a list: none, one, or those of a sequence."""
    if not step:
        return []
    if step.get("type") != "Sequence":
        return [step]
    members = step.get("pretokenizers") or step.get("normalizers") or step.get("decoders") or []
    return [inner for member in members for inner in _parts(member)]


def _has(step: Mapping[str, Any] | None, kind: str) -> bool:
    return any(part.get("type") == kind for part in _parts(step))


def _pairs(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The merges, in the old form ("left right") or the new."""
    found = []
    for merge in model["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        found.append((left, right))
    return found
