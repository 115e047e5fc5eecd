"""The JSON of answers, whole and in a stream, in both protocols. Knows pieces, no model.

Source: the OpenAI API reference, "The completion object", "The chat completion object" and
"The chat completion chunk object".
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from slm.serving.choices import Piece, Token, chat_logprobs, completion_logprobs
from slm.tokenizer.protocol import TextTokenizer

DONE = b"data: [DONE]\n\n"


def event(value: Mapping[str, Any]) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n\n"


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """How many tokens were read and written."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


class Form(Protocol):
    """How one of the two protocols tells an answer."""

    def opening(self, n_choices: int) -> list[dict[str, Any]]:
        """The chunks that a stream begins with."""

    def chunk(self, index: int, piece: Piece) -> dict[str, Any]:
        """What is new of one text."""

    def usage_chunk(self, told: dict[str, Any]) -> dict[str, Any]:
        """The last chunk of a stream that tells its usage."""

    def whole(self, pieces: Sequence[Sequence[Piece]], told: dict[str, Any]) -> dict[str, Any]:
        """The answer at once: the pieces of each text."""


class _Answer:
    """What every chunk of an answer repeats."""

    def __init__(
        self,
        head: Mapping[str, Any],
        kind: str,
        cut: TextTokenizer,
        *,
        n_top: int | None,
        streams_usage: bool,
    ) -> None:
        self._head = {**head, "object": kind}
        self._cut, self._n_top = cut, n_top
        self._more = {"usage": None} if streams_usage else {}

    def opening(self, n_choices: int) -> list[dict[str, Any]]:
        """See `Form`."""
        del n_choices
        return []

    def usage_chunk(self, told: dict[str, Any]) -> dict[str, Any]:
        """See `Form`."""
        return {**self._head, "choices": [], "usage": told}

    def _told(self, *choices: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._head, "choices": list(choices), **self._more}


class CompletionAnswer(_Answer):
    """Answers of /v1/completions."""

    def chunk(self, index: int, piece: Piece) -> dict[str, Any]:
        """See `Form`."""
        return self._told(self._choice(index, piece.text, piece.tokens, piece.finish))

    def whole(self, pieces: Sequence[Sequence[Piece]], told: dict[str, Any]) -> dict[str, Any]:
        """See `Form`."""
        choices = [self._choice(index, *_joined(each)) for index, each in enumerate(pieces)]
        return {**self._head, "choices": choices, "usage": told}

    def _choice(
        self, index: int, text: str, tokens: Sequence[Token], finish: str | None
    ) -> dict[str, Any]:
        logprobs = None
        if self._n_top is not None:
            logprobs = completion_logprobs(tokens, self._n_top, self._cut)
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}


class ChatAnswer(_Answer):
    """Answers of /v1/chat/completions; a stream and a whole answer are objects of two names."""

    def opening(self, n_choices: int) -> list[dict[str, Any]]:
        """See `Form`: who speaks."""
        delta = {"role": "assistant", "content": "", "refusal": None}
        return [
            self._told({"index": k, "delta": delta, "logprobs": None, "finish_reason": None})
            for k in range(n_choices)
        ]

    def chunk(self, index: int, piece: Piece) -> dict[str, Any]:
        """See `Form`."""
        delta = {"content": piece.text} if piece.text or piece.finish is None else {}
        return self._told(
            {
                "index": index,
                "delta": delta,
                "logprobs": self._logprobs(piece.tokens) if piece.tokens else None,
                "finish_reason": piece.finish,
            }
        )

    def whole(self, pieces: Sequence[Sequence[Piece]], told: dict[str, Any]) -> dict[str, Any]:
        """See `Form`."""
        choices = []
        for index, each in enumerate(pieces):
            text, tokens, finish = _joined(each)
            message = {"role": "assistant", "content": text, "refusal": None}
            choices.append(
                {
                    "index": index,
                    "message": message,
                    "logprobs": self._logprobs(tokens),
                    "finish_reason": finish,
                }
            )
        return {**self._head, "choices": choices, "usage": told}

    def _logprobs(self, tokens: Sequence[Token]) -> dict[str, Any] | None:
        return None if self._n_top is None else chat_logprobs(tokens, self._n_top, self._cut)


def answer_head(prefix: str, model: str, fingerprint: str) -> dict[str, Any]:
    """What names an answer: `prefix` is cmpl or chatcmpl."""
    return {
        "id": f"{prefix}-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": fingerprint,
    }


def _joined(pieces: Sequence[Piece]) -> tuple[str, list[Token], str | None]:
    text = "".join(piece.text for piece in pieces)
    tokens = [token for piece in pieces for token in piece.tokens]
    return text, tokens, pieces[-1].finish if pieces else None
