"""One text as it comes: what can be shown of it, and what is known of its tokens.

Pure: steps in, pieces out. A piece never splits a character; what may be the beginning of a
stop string waits; the tokens of a piece come with it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slm.sampling.steps import Ending, Step
from slm.tokenizer.protocol import TextTokenizer


@dataclass(frozen=True)
class Token:
    """A token of an answer. `offset`: characters of the text before it. logprob and top, the
    model's own before any filter, are None where nothing stands before the token.
    """

    id: int
    offset: int
    logprob: float | None
    top: tuple[tuple[int, float], ...] | None


@dataclass(frozen=True)
class Piece:
    """What is new of a text; `finish` is "stop" or "length" once nothing follows."""

    text: str
    tokens: tuple[Token, ...]
    finish: str | None = None


class ChoiceText:
    """Makes pieces of one text's steps.

    after: the ids before it; before: characters of the answer before it (an echoed prompt).
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        after: Sequence[int] = (),
        stop: tuple[str, ...] = (),
        before: int = 0,
    ) -> None:
        self._decoder = tokenizer.decoder(after)
        self._ending = Ending(stop)
        self._decoded = self._shown = before
        self._held: list[Token] = []
        self._ends = False
        self.n_steps = 0

    def take(self, steps: Sequence[Step]) -> Piece:
        """The piece that these steps, in their order, make."""
        text = ""
        for step in steps:
            self.n_steps += 1
            if step.ends:
                self._ends = True
                continue
            self._ends = step.whole
            logs = tuple((other, math.log(share)) for other, share in step.top if share > 0)
            self._held.append(Token(step.id, self._decoded, step.logprob, logs))
            decoded = self._decoder.push(step.id)
            self._decoded += len(decoded)
            text += self._ending.push(decoded)
        return self._piece(text)

    def end(self) -> Piece:
        """The last piece, when no more steps come."""
        text = ""
        if self._ending.found is None:
            text = self._ending.push(self._decoder.flush()) + self._ending.flush()
            self._decoded += len(text)
        stopped = self._ends or self._ending.found is not None
        return self._piece(text, "stop" if stopped else "length")

    def _piece(self, text: str, finish: str | None = None) -> Piece:
        """The text with the tokens that begin in what is shown by now."""
        self._shown += len(text)
        count = sum(token.offset < self._shown for token in self._held)
        if finish is not None and self._ending.found is None:
            count = len(self._held)
        tokens, self._held = tuple(self._held[:count]), self._held[count:]
        return Piece(text, tokens, finish)


def completion_logprobs(tokens: Sequence[Token], n_top: int, cut: TextTokenizer) -> dict[str, Any]:
    """The tokens in the form of completions: four lists side by side."""
    return {
        "tokens": [_named(cut.token_bytes(token.id)) for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [_tops_by_name(token, n_top, cut) for token in tokens] if n_top else None,
        "text_offset": [token.offset for token in tokens],
    }


def _tops_by_name(token: Token, n_top: int, cut: TextTokenizer) -> dict[str, float] | None:
    """The likeliest tokens, and the one that came; of two of one name the likelier counts."""
    if token.top is None or token.logprob is None:
        return None
    told: dict[str, float] = {}
    for other, logprob in (*token.top[:n_top], (token.id, token.logprob)):
        told.setdefault(_named(cut.token_bytes(other)), logprob)
    return told


def _named(data: bytes) -> str:
    """A token as completions name it; one that is no whole characters, by its bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def chat_logprobs(tokens: Sequence[Token], n_top: int, cut: TextTokenizer) -> dict[str, Any]:
    """The tokens in the form of chat completions: an entry for each, with its bytes."""

    def entry(token_id: int, logprob: float | None) -> dict[str, Any]:
        data = cut.token_bytes(token_id)
        return {"token": data.decode(errors="replace"), "logprob": logprob, "bytes": list(data)}

    content = [
        entry(token.id, token.logprob)
        | {"top_logprobs": [entry(*other) for other in (token.top or ())[:n_top]]}
        for token in tokens
    ]
    return {"content": content, "refusal": None}
