"""What a client may ask for: the bodies of completions and of chat completions.

Each field is checked strictly: a number in quotes is no number. What would change the text and
is not done here is refused by name; what only tells the service about the client is taken and
left alone; what nobody knows is refused, so that a slip of the pen is noticed.

Source: the OpenAI API reference, "Create completion" and "Create chat completion".
"""

import json
import secrets
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from slm.errors import ConfigError
from slm.sampling.config import SamplingConfig
from slm.sampling.constraint import LONGEST_SCHEMA
from slm.serving.errors import ProtocolError, of_validation

MOST_CHOICES = 32
MOST_PROMPTS = 64
_MOST_MESSAGES = 1_000
_SEEDS = 2**31
_Stop = Annotated[str, Field(min_length=1, max_length=256)]
_Id = Annotated[int, Field(ge=0, lt=2**31)]
_Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


class StreamOptions(_Body):
    """How a stream is told."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class _Schema(_Body):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    schema_: dict[str, Any] = Field({}, alias="schema")
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(_Body):
    """The form of an answer: any text, a JSON object, or JSON as a schema describes it."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: _Schema | None = None

    @model_validator(mode="after")
    def _its_schema(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema belongs to the type json_schema, and to no other")
        return self

    @property
    def schema_text(self) -> str:
        """The JSON schema that the answer must fit; empty for any text.

        Raises: ProtocolError for one that is too long.
        """
        if self.type == "text":
            return ""
        told = {"type": "object"} if self.json_schema is None else self.json_schema.schema_
        text = json.dumps(told)
        if len(text) > LONGEST_SCHEMA:
            raise ProtocolError(
                f"The JSON schema has {len(text):,} characters; {LONGEST_SCHEMA:,} are read.",
                param="response_format",
            )
        return text


class TextRequest(_Body):
    """What both protocols share.

    response_format is of chat alone in the protocol; completions take it here too. top_k, min_p,
    typical_p, repetition_penalty and ignore_eos (the token that ends a text ends none) are not of
    the protocol; clients send them in the body beside the rest.
    """

    model: str
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    ignore_eos: bool | None = None
    seed: _Seed | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    stop: _Stop | Annotated[list[_Stop], Field(max_length=16)] | None = None
    response_format: ResponseFormat | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    # Not done here; null, and what means "off", is taken.
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    # Of no meaning for the text.
    user: Any = None
    metadata: Any = None
    store: Any = None
    service_tier: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None
    prompt_cache_retention: Any = None

    @field_validator("presence_penalty", "frequency_penalty")
    @classmethod
    def _no_such_penalty(cls, penalty: float | None) -> float | None:
        if penalty:
            raise ValueError("this server does not have it; use repetition_penalty (1 is off)")
        return penalty

    @field_validator("logit_bias")
    @classmethod
    def _no_bias(cls, bias: dict[str, float] | None) -> dict[str, float] | None:
        if bias:
            raise ValueError("this server does not have it; leave it out")
        return bias

    @model_validator(mode="after")
    def _options_of_a_stream(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")
        return self

    @property
    def choices(self) -> int:
        """Texts for each prompt."""
        return self.n or 1

    @property
    def stops(self) -> tuple[str, ...]:
        """The strings that end a text."""
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def json_schema(self) -> str:
        """The JSON schema that each text must fit; empty for any text.

        Raises: ProtocolError for one that is too long.
        """
        return "" if self.response_format is None else self.response_format.schema_text

    @property
    def tells_usage(self) -> bool:
        """Whether a stream ends with the number of tokens."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def sampling(self) -> tuple[SamplingConfig, ...]:
        """The settings of each choice of a prompt: they differ in their seeds alone.

        What is not said is what the protocol says: temperature 1, and no filter. Without a seed
        one is drawn. The first choice has the seed itself, so that it is the text of `n: 1`.

        Raises: ProtocolError for a value out of bounds.
        """
        asked = {
            "temperature": 1.0 if self.temperature is None else self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k or 0,
            "min_p": self.min_p,
            "typical_p": self.typical_p,
            "repetition_penalty": self.repetition_penalty,
        }
        said = {name: value for name, value in asked.items() if value is not None}
        seed = secrets.randbelow(_SEEDS) if self.seed is None else self.seed
        try:
            first = SamplingConfig(**said)
        except ConfigError as error:
            name = str(error).partition(" ")[0]
            param = name if name in said else None
            raise ProtocolError(str(error).replace("\n", " "), param=param) from None
        return tuple(first.replace(seed=(seed + k) % _SEEDS) for k in range(self.choices))


class CompletionRequest(TextRequest):
    """POST /v1/completions: go on with a text."""

    prompt: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MOST_PROMPTS)]
        | Annotated[list[_Id], Field(min_length=1)]
        | Annotated[
            list[Annotated[list[_Id], Field(min_length=1)]],
            Field(min_length=1, max_length=MOST_PROMPTS),
        ]
        | None
    ) = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    echo: bool | None = None
    best_of: int | None = None
    suffix: str | None = None

    @field_validator("suffix")
    @classmethod
    def _no_suffix(cls, suffix: str | None) -> str | None:
        if suffix:
            raise ValueError("this model writes forwards only; leave it out")
        return suffix

    @model_validator(mode="after")
    def _no_best_of(self) -> Self:
        if self.best_of is not None and self.best_of != self.choices:
            raise ValueError("best_of is not done here; leave it out, or give it the value of n")
        return self

    @property
    def prompts(self) -> list[str] | list[list[int]]:
        """The prompts, one by one. No prompt is an empty text, from which a document begins."""
        if self.prompt is None or isinstance(self.prompt, str):
            return [self.prompt or ""]
        if isinstance(self.prompt[0], int):
            return [[token for token in self.prompt if isinstance(token, int)]]
        return self.prompt


class _Part(_Body):
    type: Literal["text"]
    text: str


class Message(_Body):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part] | None = None
    name: str | None = None
    # What clients send back of an answer; null, or empty.
    refusal: str | None = None
    annotations: Annotated[list[Any], Field(max_length=0)] | None = None
    tool_calls: Annotated[list[Any], Field(max_length=0)] | None = None
    function_call: None = None
    audio: None = None

    @property
    def text(self) -> str:
        """What was said."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "".join(part.text for part in self.content)


class ChatRequest(TextRequest):
    """POST /v1/chat/completions: answer the last message."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=_MOST_MESSAGES)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    modalities: list[Literal["text"]] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[Any], Field(max_length=0)] | None = None

    @model_validator(mode="after")
    def _tops_need_logprobs(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("give max_completion_tokens or max_tokens, not both")
        return self


Asked = TypeVar("Asked", bound=_Body)


def parse(kind: type[Asked], body: bytes) -> Asked:
    """The request that a body holds. How deep it may nest, the parser bounds.

    Raises: ProtocolError that names every field that is wrong.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise of_validation(error) from None
