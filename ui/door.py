"""The door of a shared server: nobody reaches the app, its files or its socket without a pass.

A layer around the whole web server, below Streamlit: whoever holds no valid cookie gets the
page that asks for code and name, and nothing else. The cookie is set by an answer to a form,
so it can be HttpOnly, which no script of a page could make it. What is typed here is checked
in `slm.workshop`; here is only how it comes over the wire.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from slm.errors import SlmError
from slm.workshop import archive, looking, passes, people, room
from slm.workshop.guesses import Guesses
from slm.workshop.people import Person
from slm.workshop.room import Room
from slm.workspace import Workspace
from ui.texts import tr
from ui.view_models.joining import GONE, DoorPage, door_html

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

JOIN, TAKE_HOME, LOOK, HEALTH = "/join", "/take-home", "/look", "/_stcore/health"
ROOM = "/workshop"
_LARGEST_FORM = 64 * 1024  # bytes
_REMEMBERED_VISITS = 500
_MOST_PACKED_AT_ONCE = 3
_DOOR_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_APP_POLICY = (
    "img-src 'self' data: blob:; connect-src 'self' data: blob:; object-src 'none'; "
    "frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
}


class Door:
    """The app behind a door. `guesses` counts wrong codes."""

    def __init__(self, app: App, workspace: Workspace, guesses: Guesses | None = None) -> None:
        self._app = app
        self._workspace = workspace
        self._guesses = guesses or Guesses()
        self._one_by_one = threading.Lock()
        self._visits: OrderedDict[str, str] = OrderedDict()
        self._packing = threading.BoundedSemaphore(_MOST_PACKED_AT_ONCE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let pass what holds a pass; see ASGI."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        answer = await self._answer(asked, scope, receive)
        if isinstance(answer, Person):
            await self._let_through(answer, scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif answer is None:
            await self._app(scope, receive, send)
        else:
            await answer(scope, receive, send)

    async def _answer(
        self, asked: HTTPConnection, scope: Message, receive: Receive
    ) -> Response | Person | None:
        """Our own answer, or whoever may pass; None for what needs no pass."""
        try:
            here = room.read(self._workspace)
        except SlmError as error:
            return PlainTextResponse(str(error), status_code=503)
        if not _is_host_of(here, asked.headers.get("host", "")):
            return PlainTextResponse(tr("This server is not known by that name."), status_code=421)
        path = asked.url.path
        if path == HEALTH:
            return None
        if scope["type"] == "websocket" and not _is_own_page(asked, here):
            return PlainTextResponse(
                tr("This socket was asked for by another site."), status_code=403
            )
        person = passes.holder(self._workspace, here, asked.cookies.get(here.cookie_name))
        if path == JOIN and scope["type"] == "http":
            return await self._join(Request(scope, receive), here, person)
        if person is not None and path == TAKE_HOME and scope["type"] == "http":
            return await self._take_home(asked, person)
        if person is not None and path == LOOK and scope["type"] == "http":
            return await self._look(Request(scope, receive), here, person)
        if person is None and scope["type"] == "http":
            return _to_the_door(asked, here)
        return person

    async def _let_through(
        self, person: Person, scope: Message, receive: Receive, send: Send
    ) -> None:
        """The app's own answer, with our headers; what comes over a socket says who is here."""

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                people.saw(self._workspace, person.id)
            return message

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                ours = {**_HEADERS, "content-security-policy": _APP_POLICY}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in ours.items()
                        if name.encode() not in given
                    ),
                ]
            try:
                await send(message)
            except OSError:
                # The browser has gone. The next `receive` says so and ends the visit; told so
                # while it sends, Streamlit closes twice and raises.
                if message["type"] != "websocket.send":
                    raise

        await self._app(scope, heard, answered)

    async def _join(self, request: Request, here: Room, person: Person | None) -> Response:
        asked = request.query_params
        if request.method == "GET":
            after = _inside(asked.get("next", "/"))
            if person is not None and not asked.get("ticket"):
                return RedirectResponse(after, status_code=303)
            page = DoorPage(
                visit=secrets.token_urlsafe(12),
                after=after,
                code=asked.get("code", "")[:20],
                ticket=asked.get("ticket", "")[:60],
                for_presenter="presenter" in asked,
                note=GONE if "again" in asked else "",
            )
            return _page(page)
        if request.method != "POST":
            return PlainTextResponse(tr("Only GET and POST are answered here."), status_code=405)
        if not _is_own_page(request, here):
            return PlainTextResponse(tr("This form was sent from another site."), status_code=403)
        form = await _form(request)
        if form is None:
            return PlainTextResponse(tr("That is too much text for this form."), status_code=413)
        source = request.client.host if request.client else ""
        try:
            joined = await run_in_threadpool(self._check, here, form, source)
        except SlmError as error:
            page = DoorPage(
                visit=secrets.token_urlsafe(12),
                after=_inside(form.get("next", "/")),
                code=form.get("code", "")[:20],
                name=form.get("name", "")[:200],
                for_presenter=bool(form.get("key") or form.get("ticket")),
                problem=str(error),
            )
            return _page(page, status=403)
        answer = RedirectResponse(_inside(form.get("next", "/")), status_code=303)
        answer.set_cookie(
            here.cookie_name,
            passes.issue(self._workspace, here, joined),
            max_age=passes.VALID_SECONDS,
            httponly=True,
            samesite="lax",  # a link into the room, sent by another one, is followed as oneself
            secure=_is_https(request),
        )
        return answer

    def _check(self, here: Room, form: dict[str, str], source: str) -> Person:
        """Who came in by this form. Sent twice by a double click, it lets in once.

        Raises: SlmError with the sentence for the page.
        """
        visit = form.get("visit", "")[:40]
        with self._one_by_one:
            known = self._visits.get(visit) if visit else None
            before = people.find(self._workspace, known) if known else None
            if before is not None and not before.left:
                return before
            joined = self._checked(here, form, source)
            if visit:
                self._visits[visit] = joined.id
                while len(self._visits) > _REMEMBERED_VISITS:
                    self._visits.popitem(last=False)
            return joined

    def _checked(self, here: Room, form: dict[str, str], source: str) -> Person:
        self._guesses.require_patience(source)
        name, word = form.get("name", ""), form.get("word", "").strip()
        if form.get("ticket"):
            people.person_name(name)  # a name that cannot be used does not use the link up
            if room.use_ticket(self._workspace, form["ticket"][:60]):
                return people.let_presenter_in(self._workspace, name)
            problem = tr("This link was used already. Come in with the presenter key instead.")
        elif form.get("key"):
            if room.is_presenter_key(here, form["key"]):
                return people.let_presenter_in(self._workspace, name)
            problem = tr("This is not the presenter key of this room; look at the terminal again.")
        elif not room.is_code(here, form.get("code", "")):
            problem = tr(
                "This is not the code of this room, or not any more. "
                "Look at the presenter's screen and type it again."
            )
        elif word:
            try:
                return people.come_back(self._workspace, name, word)
            except SlmError:
                self._guesses.note_wrong(source)
                raise
        else:
            return people.join(self._workspace, name)
        self._guesses.note_wrong(source)
        raise SlmError(problem)

    async def _look(self, request: Request, here: Room, person: Person) -> Response:
        """What the presenter shows to all screens (GET); or show this, or nothing (POST).

        Thirty screens ask every two seconds, so they ask here and not a page of Streamlit.
        """
        quiet = {**_HEADERS, "cache-control": "no-store"}
        if request.method == "GET":
            people.saw(self._workspace, person.id)  # whoever reads sends nothing over the socket
            told = {"address": here.look.address, "call": here.look.call, "own": person.presents}
            return JSONResponse(told, headers=quiet)
        if request.method != "POST" or not _is_own_page(request, here):
            return PlainTextResponse(tr("This was sent from another site."), status_code=403)
        form = await _form(request)
        if form is None:
            return PlainTextResponse(tr("That is too much text for an address."), status_code=413)
        workspace = self._workspace.acting_as(person.id)
        try:
            shown = await run_in_threadpool(looking.show, workspace, form.get("address", ""))
        except SlmError as error:
            return PlainTextResponse(str(error), status_code=403)
        told = {"address": shown.look.address, "call": shown.look.call, "own": True}
        return JSONResponse(told, headers=quiet)

    async def _take_home(self, asked: HTTPConnection, person: Person) -> Response:
        """One's own work as a zip, made while it is sent."""
        owner = asked.query_params.get("of", person.id) if person.presents else person.id
        if not self._packing.acquire(blocking=False):
            words = tr("Others are taking their work home just now. Try again in a minute.")
            return PlainTextResponse(words, status_code=503, headers={"retry-after": "60"})

        packed = iter(archive.pack_work(self._workspace.acting_as(person.id), owner))
        try:
            first = await run_in_threadpool(next, packed, b"")
        except SlmError as error:
            self._packing.release()
            return PlainTextResponse(str(error), status_code=404)
        except BaseException:
            self._packing.release()
            raise

        def blocks() -> Iterator[bytes]:
            try:
                yield first
                yield from packed
            finally:
                self._packing.release()

        told = {**_HEADERS, "content-disposition": 'attachment; filename="my-work.zip"'}
        return StreamingResponse(
            iterate_in_threadpool(blocks()), media_type="application/zip", headers=told
        )


def _page(page: DoorPage, status: int = 200) -> Response:
    told = {**_HEADERS, "content-security-policy": _DOOR_POLICY, "cache-control": "no-store"}
    return HTMLResponse(door_html(page), status_code=status, headers=told)


def _to_the_door(asked: HTTPConnection, here: Room) -> Response:
    """The door, for what a person opened; a plain refusal for a file that a page asks for."""
    if "text/html" not in asked.headers.get("accept", ""):
        return PlainTextResponse(tr("Come in at /join first."), status_code=403)
    after = asked.url.path + (f"?{asked.url.query}" if asked.url.query else "")
    told = {"next": after} if after != "/" else {}
    if here.cookie_name in asked.cookies:
        told["again"] = "1"
    return RedirectResponse(JOIN + (f"?{urlencode(told)}" if told else ""), status_code=303)


def _inside(address: str) -> str:
    """An address within this app; anything else, and the door itself, is the page of the room."""
    within = looking.inside(address)
    return ROOM if within == "/" or within.startswith(JOIN) else within


def _is_host_of(here: Room, host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname if host.isascii() and len(host) < 300 else None
    except ValueError:
        name = None
    return not here.hosts or name in here.hosts


def _is_own_page(asked: HTTPConnection, here: Room) -> bool:
    """Whether a page of this server asks, and not one of another site or another port.

    Cookies know no ports: what another program on this machine serves would come with ours.
    """
    origin = asked.headers.get("origin")
    if origin is None:
        return asked.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    try:
        netloc = urlsplit(origin).netloc
        ours = {urlsplit(address).netloc for address in here.addresses}
    except ValueError:
        return False
    return bool(netloc) and netloc in {asked.headers.get("host"), *ours}


def _is_https(request: Request) -> bool:
    return "https" in {request.url.scheme, request.headers.get("x-forwarded-proto", "")}


async def _form(request: Request) -> dict[str, str] | None:
    """The fields of a form, the first of each name; None when it is too long."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > _LARGEST_FORM:
            return None
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}
