"""From what a client asks to what is written: prompts as ids, settings, and what is echoed.

Raises ProtocolError for what cannot be written with this model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slm.errors import SlmError
from slm.lab.reports import OpenedRun
from slm.serving.choices import Piece, Token
from slm.serving.errors import ProtocolError
from slm.serving.requests import ChatRequest, CompletionRequest
from slm.serving.scoring import prompt_scores
from slm.serving.templates import ChatTemplate
from slm.serving.writing import Order
from slm.tokenizer.protocol import TextTokenizer, well_formed

DEFAULT_TOKENS = 16
"""What the protocol's completions write where nothing is said."""
PLAIN_STOPS = ("\nUser:", "\nSystem:")


@dataclass(frozen=True)
class Orders:
    """What a request comes to. n_top: likely tokens to tell; None where no logprobs are asked."""

    orders: tuple[Order, ...]
    prompt_tokens: int
    n_top: int | None


@dataclass(frozen=True)
class Kitchen:
    """The model with what orders need to know of it."""

    opened: OpenedRun
    max_tokens: int
    template: ChatTemplate | None = None
    plain_chat: bool = False

    @property
    def context_length(self) -> int:
        """Tokens that the model sees at once."""
        return self.opened.model.config.context_length

    def completion(self, asked: CompletionRequest) -> Orders:
        """The orders of a completion: for each prompt `n` texts, side by side."""
        configs = asked.sampling()
        wanted = DEFAULT_TOKENS if asked.max_tokens is None else asked.max_tokens
        self._require_length(wanted, "max_tokens")
        orders, n_read = [], 0
        for prompt in asked.prompts:
            ids = self._ids(prompt)
            n_read += len(ids)
            opening = self._echo(prompt, ids, asked.logprobs) if asked.echo else None
            orders += [
                Order(
                    ids,
                    config,
                    wanted,
                    asked.stops,
                    asked.logprobs or 0,
                    opening,
                    bool(asked.ignore_eos),
                    asked.json_schema,
                )
                for config in configs
            ]
        return Orders(tuple(orders), n_read, asked.logprobs)

    def chat(self, asked: ChatRequest) -> Orders:
        """The orders of an answer in a conversation."""
        configs = asked.sampling()
        ids, stops = self._conversation(asked)
        self._require_context(len(ids), "messages")
        wanted = asked.max_completion_tokens or asked.max_tokens
        if wanted is None:  # as long as the context holds, or a little: the model goes on
            wanted = min(self.max_tokens, max(DEFAULT_TOKENS, self.context_length - len(ids)))
        name = "max_tokens" if asked.max_completion_tokens is None else "max_completion_tokens"
        self._require_length(wanted, name)
        n_top = (asked.top_logprobs or 0) if asked.logprobs else None
        orders = tuple(
            Order(
                ids,
                config,
                wanted,
                (*asked.stops, *stops),
                n_top or 0,
                ignore_eos=bool(asked.ignore_eos),
                json_schema=asked.json_schema,
            )
            for config in configs
        )
        return Orders(orders, len(ids), n_top)

    def _conversation(self, asked: ChatRequest) -> tuple[tuple[int, ...], tuple[str, ...]]:
        turns = [
            {"role": each.role, "content": each.text, **({"name": each.name} if each.name else {})}
            for each in asked.messages
        ]
        if self.template is not None:
            for turn in turns:  # what a system's message is called now; templates know the old name
                turn["role"] = "system" if turn["role"] == "developer" else turn["role"]
            try:
                ids = self.template.ids(turns)
            except SlmError as error:
                raise ProtocolError(str(error), param="messages") from None
            end = self.template.ends_turn
            return tuple(ids), () if end is None else (end,)
        if not self.plain_chat:
            raise ProtocolError(
                f"{self.opened.name!r} is a base model: it goes on with a text, and has no chat "
                "template. Ask /v1/completions, or start the server with --plain-chat True.",
                param="messages",
                code="base_model",
            )
        who = {"user": "User", "assistant": "Assistant"}
        lines = [f"{who.get(turn['role'], 'System')}: {turn['content']}" for turn in turns]
        return self._ids("\n".join([*lines, "Assistant:"]), "messages"), PLAIN_STOPS

    def _ids(self, prompt: str | Sequence[int], param: str = "prompt") -> tuple[int, ...]:
        cut = self.opened.tokenizer
        try:
            ids = tuple(cut.encode(prompt) if isinstance(prompt, str) else prompt)
        except SlmError as error:
            raise ProtocolError(str(error), param=param) from None
        if not isinstance(prompt, str):
            size = self.opened.model.config.vocab_size
            wrong = next((token for token in ids if token >= size), None)
            if wrong is not None:
                raise ProtocolError(
                    f"Token {wrong} is outside this model's vocabulary of {size:,}.", param=param
                )
        self._require_context(len(ids), param)
        if not ids:
            if cut.eos_id is None:
                raise ProtocolError(
                    "The prompt is empty, and this model has no token that begins a text.",
                    param=param,
                )
            ids = (cut.eos_id,)
        return ids

    def _require_context(self, n_ids: int, param: str) -> None:
        if n_ids > self.context_length:
            raise ProtocolError(
                f"This model's context holds {self.context_length:,} tokens, and the {param} has "
                f"{n_ids:,}. Shorten it.",
                param=param,
                code="context_length_exceeded",
            )

    def _require_length(self, wanted: int, param: str) -> None:
        if wanted > self.max_tokens:
            raise ProtocolError(
                f"{param} is {wanted:,}; this server writes at most {self.max_tokens:,} tokens. "
                "Ask for less, or start it with a larger --max-tokens.",
                param=param,
            )

    def _echo(self, prompt: str | Sequence[int], ids: Sequence[int], n_top: int | None) -> Piece:
        """The prompt as the beginning of the answer, its tokens judged where that is asked for."""
        cut = self.opened.tokenizer
        text, offsets = _placed(cut, prompt, ids)
        if n_top is None:
            return Piece(text, ())
        try:
            scores = prompt_scores(self.opened.model, ids, n_top)
        except SlmError as error:
            raise ProtocolError(str(error), 500, kind="server_error") from None
        first = Token(ids[0], offsets[0], None, None)
        rest = zip(ids[1:], offsets[1:], scores, strict=True)
        return Piece(text, (first, *(Token(i, at, *score) for i, at, score in rest)))


def _placed(
    cut: TextTokenizer, prompt: str | Sequence[int], ids: Sequence[int]
) -> tuple[str, list[int]]:
    """The prompt's text, and how many characters of it stand before each token."""
    if not prompt:
        return "", [0] * len(ids)
    if isinstance(prompt, str):
        text = well_formed(prompt)
        data = text.encode()
        spans = cut.encode_with_spans(text)[1]
        return text, [len(data[:begin].decode(errors="ignore")) for begin, _ in spans]
    stream, text, offsets = cut.decoder(), "", []
    for token in ids:
        offsets.append(len(text))
        text += stream.push(token)
    return text + stream.flush(), offsets
