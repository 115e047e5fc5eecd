"""The process that tries a published tokenizer out: `python -m slm.tokenizer.import_child FOLDER`.

A hostile file can crash the library, eat memory or never end; then this process costs its
parent a sentence. It prints one line of JSON: the facts, or {"error": a sentence}.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from slm import children
from slm.data.embedded.languages import PARALLEL
from slm.errors import SlmError, TokenizerError
from slm.tokenizer.definition import TOKENIZER_FILE, read_file
from slm.tokenizer.imported import ImportedTokenizer, keep_marks, settings_beside
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.pieces import MODEL_FILE
from slm.tokenizer.protocol import TextTokenizer
from slm.tokenizer.risky_patterns import regexes_in, risk_of
from slm.tokenizer.sentencepiece import unpack

CPU_SECONDS = 60
_MOST_TOKENS = 1_000_000
_LONG = 10_000  # characters of a kind in a row
_SLOW_SECONDS = 3.0
_KINDS = "aA1 \n\t'-_.#é日ก\u0301🙂"


def examine(folder: Path) -> dict[str, Any]:
    """What the tokenizer in the folder is, once it has encoded all sorts of text.

    Raises: TokenizerError for a file that is none, or is not safe to use.
    """
    if (folder / MODEL_FILE).is_file() and not (folder / TOKENIZER_FILE).is_file():
        keep_marks(unpack(folder, settings_beside(folder)), folder)
    values = read_file(folder)
    patterns = list(regexes_in(values))
    for pattern in patterns:
        risk = risk_of(pattern)
        if risk is not None:
            raise TokenizerError(
                f"Its pattern {pattern[:60]!r} could take for ever on some texts: {risk}. "
                "Use a tokenizer with a pattern as the published ones have."
            )
    tokenizer = load_tokenizer(folder)
    _require_dense(tokenizer)
    _try(tokenizer, patterns)
    texts = [telling.text for telling in PARALLEL]
    return {
        "vocab_size": tokenizer.vocab_size,
        "read_as": tokenizer.kind,
        "model": str(values["model"]["type"]),
        "special_tokens": len(tokenizer.special_tokens),
        "eos_id": tokenizer.eos_id,
        "begins_with": _begins_with(tokenizer),
        "lossless": all(tokenizer.decode(tokenizer.encode(text)) == text for text in texts),
    }


def _begins_with(tokenizer: TextTokenizer) -> str | None:
    """The name of the token that is put before every text."""
    begin = tokenizer.begin_id if isinstance(tokenizer, ImportedTokenizer) else None
    return None if begin is None else tokenizer.token_bytes(begin).decode(errors="replace")


def _require_dense(tokenizer: TextTokenizer) -> None:
    """Raises: TokenizerError for hardly a token, or ids so high that tables by id would not fit."""
    size = tokenizer.vocab_size
    if size < 2:
        raise TokenizerError("It has hardly a token; a vocabulary needs at least 2. Use another.")
    if size > _MOST_TOKENS:
        raise TokenizerError(
            f"Its ids reach {size - 1:,}; at most {_MOST_TOKENS:,} tokens can be used."
        )


def _try(tokenizer: TextTokenizer, patterns: list[str]) -> None:
    """Encode every language, and long runs of what the patterns speak of.

    Raises: TokenizerError when one takes too long, or the library fails.
    """
    for telling in PARALLEL:
        ids, spans = tokenizer.encode_with_spans(telling.text)
        if len(ids) != len(spans):
            raise TokenizerError("It does not say which text its tokens stand for.")
    named = {letter for pattern in patterns for letter in pattern if letter.isascii()}
    for letter in [*_KINDS, *sorted(named)]:
        begun = time.perf_counter()
        tokenizer.encode(letter * _LONG + "\x00")
        took = time.perf_counter() - begun
        if took > _SLOW_SECONDS:
            raise TokenizerError(
                f"It takes {took:.0f} s for {_LONG:,} times {letter!r}, which would hang the page."
            )


def _limit_processor_time() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    _limit_processor_time()
    children.end_with_parent()
    try:
        answer = examine(Path(sys.argv[1]))
    except SlmError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)  # without waiting for the thread that listens


if __name__ == "__main__":
    sys.exit(main())
