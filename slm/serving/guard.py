"""Who is answered at all: the right host, no foreign web page, the right key, not too many.

Stands before every route; knows no model.
"""

import hmac
import secrets
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slm.serving.errors import ProtocolError, busy
from slm.serving.hosts import KnownHosts

MOST_REQUESTS = 512
OPEN_PATHS = frozenset({"/health"})
"""What answers without a key: it tells nothing but that the server is there."""


class Guard:
    """Refuses in the protocol's form, and names every request in `x-request-id`."""

    def __init__(
        self, app: ASGIApp, hosts: KnownHosts, api_key: str = "", origins: Iterable[str] = ()
    ) -> None:
        self._app, self._hosts = app, hosts
        self._key, self._origins = api_key.encode(), frozenset(origins)
        self._n_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may be answered."""
        if scope["type"] != "http":
            return
        request_id = f"req_{secrets.token_hex(12)}".encode()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                headers = MutableHeaders(raw=message["headers"])
                headers["x-request-id"] = request_id.decode()
                headers["x-content-type-options"] = "nosniff"
            await send(message)

        self._n_requests += 1
        try:
            self._require(scope["path"], Headers(scope=scope))
            await self._app(scope, receive, named)
        except ProtocolError as error:
            await refusal(error)(scope, receive, named)
        finally:
            self._n_requests -= 1

    def _require(self, path: str, headers: Headers) -> None:
        host, origin = headers.getlist("host"), headers.get("origin")
        if len(host) != 1 or not self._hosts.knows(host[0]):
            named = host[0][:80] if host else ""
            raise ProtocolError(
                f"This server does not go by the name {named!r}. Call it by its address, or start "
                "it with --allowed-hosts.",
                403,
                code="host_not_allowed",
            )
        if origin is not None and origin not in self._origins:
            raise ProtocolError(
                "Web pages may not ask this server, unless it is started with --allowed-origins.",
                403,
                code="origin_not_allowed",
            )
        if self._key and path not in OPEN_PATHS and not self._has_key(headers):
            raise ProtocolError(
                "Incorrect API key provided." if "authorization" in headers
                else "You didn't provide an API key: send it as Authorization: Bearer KEY.",
                401,
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        if self._n_requests > MOST_REQUESTS:
            raise busy()

    def _has_key(self, headers: Headers) -> bool:
        """Compared in a time that does not tell how much of it is right."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(errors="replace"), self._key)
        return same and scheme.lower() == "bearer"


def refusal(error: ProtocolError) -> JSONResponse:
    """The answer that tells what is wrong."""
    return JSONResponse(error.to_json(), error.status, headers=error.headers)
