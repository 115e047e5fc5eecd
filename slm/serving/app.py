"""The routes: requests in, answers out, whole or as a stream of events.

GET  /health                 whether it is there
GET  /v1/models              what it writes with
POST /v1/completions         go on with a text
POST /v1/chat/completions    answer the last message
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from slm.serving import answers
from slm.serving.answers import ChatAnswer, CompletionAnswer, Form
from slm.serving.config import ServeConfig
from slm.serving.errors import ProtocolError, broken, model_not_found, too_large
from slm.serving.guard import Guard, refusal
from slm.serving.hosts import KnownHosts
from slm.serving.orders import Kitchen, Orders
from slm.serving.requests import ChatRequest, CompletionRequest, TextRequest, parse
from slm.serving.writing import Texts, Writers

MOST_BYTES = 2**20
BODY_SECONDS = 30
_AT_ONCE = 2  # prompts being cut or judged
_SHORT = 4_096  # bytes of a request whose prompt is cut sooner than a thread would begin with it
_EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
T = TypeVar("T")


class Service:
    """What the routes share: the model, and those who write with it."""

    def __init__(self, kitchen: Kitchen, writers: Writers, created: int = 0) -> None:
        self.kitchen, self.writers, self._created = kitchen, writers, created
        self._gate = asyncio.Semaphore(_AT_ONCE)

    @property
    def names(self) -> tuple[str, str]:
        """By what clients may ask for the model: its id and its name."""
        return self.kitchen.opened.id, self.kitchen.opened.name

    @property
    def card(self) -> dict[str, Any]:
        """The model as /v1/models tells it."""
        opened = self.kitchen.opened
        return {
            "id": opened.id,
            "object": "model",
            "created": self._created,
            "owned_by": "slm-lab",
            "name": opened.name,
            "step": opened.step,
            "max_model_len": self.kitchen.context_length,
        }

    async def health(self, request: Request) -> Response:
        """Whether it answers, and how many texts it writes."""
        del request
        return JSONResponse({"status": "ok", "writing": self.writers.live})

    async def models(self, request: Request) -> Response:
        """The one model."""
        del request
        return JSONResponse({"object": "list", "data": [self.card]})

    async def model(self, request: Request) -> Response:
        """The model by its id or name."""
        self._require_model(request.path_params["name"])
        return JSONResponse(self.card)

    async def completions(self, request: Request) -> Response:
        """See the OpenAI protocol."""
        body = await _body(request)
        asked = parse(CompletionRequest, body)
        self._require_model(asked.model)
        if len(body) <= _SHORT and not asked.echo:
            orders = self.kitchen.completion(asked)
        else:
            orders = await self._apart(lambda: self.kitchen.completion(asked))
        head = self._head("cmpl")
        form = CompletionAnswer(
            head, "text_completion", self.writers.tokenizer,
            n_top=orders.n_top, streams_usage=asked.tells_usage,
        )  # fmt: skip
        return await self._answer(request, asked, orders, form)

    async def chat(self, request: Request) -> Response:
        """See the OpenAI protocol."""
        asked = parse(ChatRequest, await _body(request))
        self._require_model(asked.model)
        orders = await self._apart(lambda: self.kitchen.chat(asked))
        kind = "chat.completion.chunk" if asked.stream else "chat.completion"
        form = ChatAnswer(
            self._head("chatcmpl"), kind, self.writers.tokenizer,
            n_top=orders.n_top, streams_usage=asked.tells_usage,
        )  # fmt: skip
        return await self._answer(request, asked, orders, form)

    async def _answer(
        self, request: Request, asked: TextRequest, orders: Orders, form: Form
    ) -> Response:
        texts = self.writers.take(orders.orders)
        if asked.stream:
            n_read = orders.prompt_tokens if asked.tells_usage else None
            return EventStream(texts, form, len(orders.orders), n_read)
        told = await while_there(request.receive, _whole(texts, form, orders))
        return Response(status_code=499) if told is None else JSONResponse(told)

    async def _apart(self, work: Callable[[], T]) -> T:
        """What may take a while, in a thread, so that streams flow on."""
        async with self._gate:
            return await asyncio.to_thread(work)

    def _head(self, prefix: str) -> dict[str, Any]:
        opened = self.kitchen.opened
        return answers.answer_head(prefix, opened.id, f"slm-{opened.id}-{opened.step}")

    def _require_model(self, asked: str) -> None:
        if asked not in self.names:
            raise model_not_found(asked, self.names)


class EventStream(Response):
    """An answer piece by piece. A client that leaves ends the writing."""

    def __init__(self, texts: Texts, form: Form, n_choices: int, prompt_tokens: int | None) -> None:
        """prompt_tokens: told with the usage at the end; None: no usage is told."""
        super().__init__(headers=_EVENTS)
        del self.headers["content-length"]
        self._texts, self._form = texts, form
        self._n_choices, self._prompt_tokens = n_choices, prompt_tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events as they come."""
        del scope

        async def flow() -> None:
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            async with aclosing(self._events()) as events:
                async for data in events:
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

        try:
            await while_there(receive, flow())
        finally:
            self._texts.close()

    async def _events(self) -> AsyncGenerator[bytes]:
        form, texts = self._form, self._texts
        if opening := form.opening(self._n_choices):
            yield b"".join(map(answers.event, opening))
        try:
            async with aclosing(texts.pieces()) as news:
                async for pieces in news:
                    yield b"".join(answers.event(form.chunk(*each)) for each in pieces)
        except ProtocolError as error:
            yield answers.event(error.to_json())
            return
        if self._prompt_tokens is not None:
            told = answers.usage(self._prompt_tokens, texts.n_written)
            yield answers.event(form.usage_chunk(told))
        yield answers.DONE


async def _whole(texts: Texts, form: Form, orders: Orders) -> dict[str, Any]:
    pieces: list[list[Any]] = [[] for _ in orders.orders]
    async with aclosing(texts.pieces()) as news:
        async for new in news:
            for index, piece in new:
                pieces[index].append(piece)
    return form.whole(pieces, answers.usage(orders.prompt_tokens, texts.n_written))


async def while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None when the client leaves first, which ends the work."""

    async def leaves() -> None:
        while (await receive())["type"] != "http.disconnect":
            continue

    working, leaving = asyncio.create_task(work), asyncio.create_task(leaves())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        with suppress(asyncio.CancelledError, ProtocolError):
            await working


async def _body(request: Request) -> bytes:
    """The body, in bounded memory and time.

    Raises: ProtocolError for one that is no JSON by its type, too long, or too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProtocolError("Send the body as JSON, with Content-Type: application/json.")
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for block in request.stream():
                data += block
                if len(data) > MOST_BYTES:
                    raise too_large(MOST_BYTES)
    except TimeoutError:
        raise ProtocolError("The request came too slowly.", 408) from None
    except ClientDisconnect:
        raise ProtocolError("The client left.", 499) from None
    return bytes(data)


def make_app(service: Service, config: ServeConfig, api_key: str = "") -> ASGIApp:
    """The whole as an ASGI application."""
    post, get = ["POST"], ["GET"]
    app = Starlette(
        routes=[
            Route("/health", service.health, methods=get),
            Route("/v1/models", service.models, methods=get),
            Route("/v1/models/{name:path}", service.model, methods=get),
            Route("/v1/completions", service.completions, methods=post),
            Route("/v1/chat/completions", service.chat, methods=post),
        ],
        exception_handlers={
            ProtocolError: _refuse,
            HTTPException: _no_such_route,
            Exception: _break,
        },
        middleware=[Middleware(CORSMiddleware, **_CORS, allow_origins=config.allowed_origins)]
        if config.allowed_origins
        else [],
    )
    hosts = KnownHosts(config.host, config.allowed_hosts)
    return Guard(app, hosts, api_key, config.allowed_origins)


_CORS: dict[str, Any] = {
    "allow_methods": ("GET", "POST"),
    "allow_headers": ("authorization", "content-type"),
}


async def _refuse(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, ProtocolError)
    return refusal(error)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    place = f"{request.method} {request.url.path[:80]}"
    words = {404: f"Invalid URL ({place}).", 405: f"Not allowed method ({place})."}
    message = words.get(error.status_code, str(error.detail))
    return refusal(ProtocolError(message, error.status_code, headers=error.headers))


async def _break(request: Request, error: Exception) -> Response:
    """A bug: the framework raises it again, into the log."""
    del request, error
    return refusal(broken())
