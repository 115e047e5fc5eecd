"""What went wrong, in the form in which the OpenAI protocol tells it.

    {"error": {"message": …, "type": …, "param": …, "code": …}}

Knows no web framework.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

INVALID = "invalid_request_error"
_IN_WORDS = {
    "prompt": "must be a text, a list of texts, a list of token ids, or a list of such lists",
    "stop": "must be a text or a list of texts",
    "messages": "must be a list of messages, each with a role (system, developer, user or "
    "assistant) and a content: a text, or a list of parts of type text",
}
"""Of a field that may have several forms, pydantic tells the faults of each; this says them all."""


class ProtocolError(Exception):
    """A request that is not answered as asked. Its text is shown to the client as it stands."""

    def __init__(
        self,
        message: str,
        status: int = 400,
        *,
        kind: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.param, self.code = status, kind, param, code
        self.headers = dict(headers or {})

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        told = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return {"error": told}


def model_not_found(asked: str, served: Sequence[str]) -> ProtocolError:
    """The client named a model that is not served here."""
    return ProtocolError(
        f"The model {_short(asked)} is not served here; there is: {', '.join(map(repr, served))}.",
        404,
        param="model",
        code="model_not_found",
    )


def busy(seconds: int = 1) -> ProtocolError:
    """Too many texts are waited for; clients of the protocol try again by themselves."""
    return ProtocolError(
        "Too many texts are being written or wait already. Try again in a moment.",
        429,
        kind="rate_limit_error",
        code="rate_limit_exceeded",
        headers={"Retry-After": str(seconds)},
    )


def stopping() -> ProtocolError:
    """The server was asked to end."""
    return ProtocolError("The server is stopping.", 503, kind="server_error", code="stopping")


def too_large(limit: int) -> ProtocolError:
    """The body is longer than a request may be."""
    return ProtocolError(
        f"The request has more than {limit:,} bytes. Send less text.", 413, code="too_large"
    )


def broken() -> ProtocolError:
    """A bug of ours; what it was stands in the log of the server alone."""
    return ProtocolError(
        "The server met an unexpected error; its log says where.", 500, kind="server_error"
    )


def of_validation(error: ValidationError) -> ProtocolError:
    """What is wrong with a body, every field once, in words; `param` is the first of them."""
    sentences: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_context=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        sentences.setdefault(name, _sentence(name, problem))
    first = next(iter(sentences))
    return ProtocolError(" ".join(sentences.values()), param=first or None)


def _sentence(name: str, problem: Any) -> str:
    kind, message = problem["type"], str(problem["msg"]).removeprefix("Value error, ")
    if kind == "json_invalid":
        detail = message.removeprefix("Invalid JSON: ")
        return f"The body is no JSON that can be read: {_short(detail, quoted=False)}."
    if not name:
        return f"{message}." if kind == "value_error" else "The body must be one JSON object."
    if kind == "extra_forbidden":
        return f"Unrecognized request argument supplied: {_short(name, quoted=False)}."
    if kind == "missing" and len(problem["loc"]) == 1:
        return f"You must provide {name}."
    if name in _IN_WORDS and kind != "value_error":
        too = {"too_long": " It is too long.", "too_short": " It is empty."}.get(kind, "")
        return f"{name} {_IN_WORDS[name]}.{too}"
    rule = message.removeprefix("Input should be ").removeprefix("Input ")
    if kind == "value_error":
        return f"{name}: {message.rstrip('.')}."
    place = ".".join(str(part) for part in problem["loc"])
    value = problem["input"]
    return f"{_short(place, quoted=False)} is {_short(value)}; it must be {rule.rstrip('.')}."


def _short(value: Any, *, quoted: bool = True) -> str:
    """A value as a sentence can hold it."""
    text = repr(value) if quoted else str(value)
    return text if len(text) <= 100 else text[:100] + "…"
