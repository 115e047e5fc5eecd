"""A SentencePiece `tokenizer.model` written down as a `tokenizer.json` that gives the same ids.

Models such as Llama 2 and TinyLlama were published with that file, some with it alone. It is a
list of pieces with scores: which piece is made of which two is not in it, but follows from the
scores. Only what can be followed exactly is: other files are refused by name.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import tokenizers
from tokenizers import decoders, models, normalizers, processors

from slm import files
from slm.errors import TokenizerError
from slm.tokenizer.definition import TOKENIZER_FILE, added_token, library_errors
from slm.tokenizer.pieces import (
    BPE,
    BYTE,
    CONTROL,
    MODEL_FILE,
    MOST_PIECES,
    NORMAL,
    UNIGRAM,
    UNKNOWN,
    Pieces,
    read_pieces,
)

ASKED_SETTINGS = ("bos_token", "eos_token", "add_bos_token", "added_tokens_decoder")
"""Settings beside the file that say how it is used."""
MAX_BYTES = 64 * 2**20
_LONGEST_PIECE = 1_000  # characters; published ones have at most a few dozen
_SPACE = "▁"
_KINDS = {UNIGRAM: "probability (unigram)", 3: "whole words", 4: "characters"}
_REMEDY = (
    "Bring it into the form tokenizer.json first: "
    "AutoTokenizer.from_pretrained(folder).save_pretrained(folder), with transformers."
)


def load_definition(folder: Path, settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text of a `tokenizer.json` for the `tokenizer.model` in a folder, and its marks.

    `settings` are those of the `tokenizer_config.json` beside it; add_bos_token = false there
    means that no begin token is put before a text, and its added tokens come behind the pieces.

    Raises: TokenizerError for a file that is none, or cannot be followed exactly.
    """
    path = Path(folder) / MODEL_FILE
    if path.stat().st_size > MAX_BYTES:
        raise TokenizerError(f"{MODEL_FILE} is too large to be a tokenizer.")
    pieces = read_pieces(path.read_bytes())
    marks = {
        name: pieces.texts[token_id]
        for name, token_id in (("bos_token", pieces.bos_id), ("eos_token", pieces.eos_id))
        if 0 <= token_id < len(pieces.texts)
    }
    with library_errors(f"{MODEL_FILE} cannot be read"):
        return definition_of(pieces, settings), {**marks, **settings}


def unpack(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put a `tokenizer.json` in the place of the folder's `tokenizer.model`; gives its marks.

    Raises: TokenizerError, as `load_definition`.
    """
    definition, marks = load_definition(folder, settings)
    files.write_bytes(Path(folder) / TOKENIZER_FILE, definition.encode())
    (Path(folder) / MODEL_FILE).unlink()
    return marks


def definition_of(pieces: Pieces, settings: Mapping[str, Any]) -> str:
    """The `tokenizer.json` that cuts as these pieces do.

    Raises: TokenizerError for pieces that cannot be followed exactly.
    """
    _require_known(pieces)
    made = tokenizers.Tokenizer(_bpe(pieces))
    made.normalizer = normalizers.Sequence(_preparing(pieces))
    made.decoder = decoders.Sequence(_writing_back(pieces))
    values = json.loads(made.to_str())
    values["added_tokens"] = [
        added_token(text, token_id)
        for token_id, (text, kind) in enumerate(zip(pieces.texts, pieces.kinds, strict=True))
        if kind in (CONTROL, UNKNOWN)
    ] + list(_added(settings, pieces))
    begins = 0 <= pieces.bos_id < len(pieces.texts) and settings.get("add_bos_token") is not False
    if begins:
        first = pieces.texts[pieces.bos_id]
        template = processors.TemplateProcessing(
            single=[first, "$A"], special_tokens=[(first, pieces.bos_id)]
        )
        values["post_processor"] = json.loads(template.__getstate__())
    return json.dumps(values, ensure_ascii=False)


def _require_known(pieces: Pieces) -> None:
    if pieces.algorithm != BPE:
        kind = _KINDS.get(pieces.algorithm, f"kind {pieces.algorithm}")
        _refuse(f"cuts by {kind}; only byte-pair models, as Llama's, are read")
    if not 2 <= len(pieces.texts) <= MOST_PIECES:
        _refuse(f"has {len(pieces.texts):,} pieces")
    if len(set(pieces.texts)) != len(pieces.texts):
        _refuse("names a piece twice")
    if max(map(len, pieces.texts)) > _LONGEST_PIECE:
        _refuse(f"has a piece of {max(map(len, pieces.texts)):,} characters")
    if not all(map(math.isfinite, pieces.scores)):
        _refuse("has scores that are no finite numbers")
    if pieces.space_behind or not pieces.escapes_spaces:
        _refuse("writes blanks in a way that is not read here")
    if not 0 <= pieces.unk_id < len(pieces.texts):
        _refuse("has no piece for what it does not know")
    if not set(pieces.kinds) <= {NORMAL, UNKNOWN, CONTROL, BYTE}:
        _refuse("has pieces set by hand, whose cuts no other form repeats exactly")


def _refuse(reason: str) -> NoReturn:
    raise TokenizerError(f"{MODEL_FILE} {reason}. {_REMEDY}")


def _bpe(pieces: Pieces) -> models.BPE:
    """Pieces are joined from the best score down, so the scores are the order of the merges.

    A piece can be made of several pairs. In a run of one letter the pairs are joined from the
    left, which leaves the odd letter at the right: so the longer left part comes first.
    """
    made_of = {
        text: score
        for text, score, kind in zip(pieces.texts, pieces.scores, pieces.kinds, strict=True)
        if kind == NORMAL
    }
    merges = [
        (score, text[:cut], text[cut:])
        for text, score in made_of.items()
        for cut in range(len(text) - 1, 0, -1)
        if text[:cut] in made_of and text[cut:] in made_of
    ]
    merges.sort(key=lambda merge: (-merge[0], -len(merge[1])))
    return models.BPE(
        vocab={text: token_id for token_id, text in enumerate(pieces.texts)},
        merges=[(left, right) for _, left, right in merges],
        unk_token=pieces.texts[pieces.unk_id],
        fuse_unk=True,
        byte_fallback=pieces.byte_fallback,
    )


def _preparing(pieces: Pieces) -> list[normalizers.Normalizer]:
    """What is done to text before it is cut, in SentencePiece's order."""
    steps: list[normalizers.Normalizer] = []
    if pieces.charsmap:
        steps.append(normalizers.Precompiled(pieces.charsmap))
    if pieces.joins_spaces:
        steps.append(normalizers.Replace(tokenizers.Regex(" {2,}"), " "))
        steps.append(normalizers.Replace(tokenizers.Regex("^ | $"), ""))
    if pieces.space_in_front:
        steps.append(normalizers.Prepend(_SPACE))
    steps.append(normalizers.Replace(" ", _SPACE))
    return steps


def _writing_back(pieces: Pieces) -> list[decoders.Decoder]:
    steps: list[decoders.Decoder] = [decoders.Replace(_SPACE, " ")]
    if pieces.byte_fallback:
        steps.append(decoders.ByteFallback())
    steps.append(decoders.Fuse())
    if pieces.space_in_front:
        steps.append(decoders.Strip(" ", 1, 0))
    return steps


def _added(settings: Mapping[str, Any], pieces: Pieces) -> Iterator[dict[str, Any]]:
    """Tokens that the settings put behind the pieces, as Phi-3 does.

    Raises: TokenizerError for ids that leave a gap.
    """
    told = settings.get("added_tokens_decoder")
    tokens = {
        int(token_id): token["content"]
        for token_id, token in (told.items() if isinstance(told, Mapping) else ())
        if token_id.isdecimal()
        and isinstance(token, Mapping)
        and isinstance(token.get("content"), str)
    }
    known, expected = set(pieces.texts), len(pieces.texts)
    for token_id, text in sorted(tokens.items()):
        if token_id < len(pieces.texts) or text in known:
            continue
        if token_id != expected:
            _refuse(f"has {len(pieces.texts):,} pieces, and a token is added as {token_id:,}")
        yield added_token(text, token_id)
        known.add(text)
        expected += 1
