"""Visitors of the app without a browser: they speak its websocket protocol and nothing else.

What a browser costs its own computer is not the server's business; on one machine it would
be most of what is measured. A visitor opens pages, moves what stands on them, and polls as
the page asks it to.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

_LONGEST_SECONDS = 60.0
_MAX_MESSAGE = 256 * 1024 * 1024
_EARLY = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN


@dataclass(frozen=True)
class Widget:
    """Something on a page that can be moved: its id, and the part of the page that it redraws."""

    id: str
    fragment: str


@dataclass
class Visitor:
    """One session of the app. `seconds` are those of each answer, `errors` what went wrong.

    `problems` are the sentences that a page showed in red. A `cookie` lets into a shared room.
    """

    url: str
    cookie: str = ""
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    widgets: dict[str, Widget] = field(default_factory=dict)
    received_bytes: int = 0
    _connection: ClientConnection | None = None
    _finished: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: str = ""
    _touched: bool = False
    _drawn: str = ""
    _pages: dict[str, str] = field(default_factory=dict)
    _polls: dict[str, float] = field(default_factory=dict)
    _values: dict[str, WidgetState] = field(default_factory=dict)
    _page: str = ""
    _query: str = ""

    async def __aenter__(self) -> "Visitor":
        address = self.url.replace("http://", "ws://") + "/_stcore/stream"
        self._connection = await connect(
            address,
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(self.url),
            max_size=_MAX_MESSAGE,
            additional_headers={"Cookie": self.cookie} if self.cookie else None,
        )
        self._listener = asyncio.create_task(self._listen())
        self._poller = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *details: object) -> None:
        assert self._connection is not None
        self._listener.cancel()
        self._poller.cancel()
        await asyncio.gather(self._listener, self._poller, return_exceptions=True)
        await self._connection.close()

    async def open(self, chapter: str, query: str = "") -> float:
        """Open a page (`training`, with `view=start`); seconds until its script is done."""
        if chapter != self._page:
            self._values = {}  # a browser forgets the values of what it shows no more
        self._page, self._query, self._polls = chapter, query, {}
        self.widgets, self.texts, self.told = {}, {}, []
        return await self._ask("")

    async def set(self, key: str, **value: Any) -> float:
        """Move the widget of that key (`double_array_value=[0.7]`, `trigger_value=True`)."""
        patience = time.perf_counter() + _LONGEST_SECONDS / 4
        while key not in self.widgets and time.perf_counter() < patience:
            if self._listener.done():
                raise EOFError("the server closed the line") from self._listener.exception()
            await asyncio.sleep(0.05)
        if key not in self.widgets:
            raise LookupError(f"{self._page} shows no {key!r}, but {self.shown()}")
        widget = self.widgets[key]
        state = WidgetState(id=widget.id)
        for kind, told in value.items():
            if kind.endswith("array_value"):
                getattr(state, kind).data.extend(told)
            else:
                setattr(state, kind, told)
        if not state.trigger_value:
            self._values[widget.id] = state
        return await self._ask(widget.fragment, state)

    def shown(self) -> str:
        """What stands on the page, in short, for whoever misses something there."""
        told = [*self.errors[-1:], *self.problems[-1:], *self.told[-3:]]
        return f"{', '.join(self.widgets)}; {told}"

    async def _ask(self, fragment: str, *changed: WidgetState) -> float:
        assert self._connection is not None
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string = self._query
        if self._page in self._pages:
            asked.page_script_hash = self._pages[self._page]
        else:
            asked.page_name = self._page
        if fragment:
            asked.fragment_id = fragment
        states = {**self._values, **{state.id: state for state in changed}}
        asked.widget_states.widgets.extend(states.values())
        self._wanted = fragment
        self._touched = False
        self._finished.clear()
        began = time.perf_counter()
        await self._connection.send(message.SerializeToString())
        answer = asyncio.ensure_future(self._finished.wait())
        either = (answer, self._listener)
        try:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait(either, timeout=_LONGEST_SECONDS, return_when=first)
            answered = answer.done()
        finally:
            answer.cancel()
        if not answered:
            if self._listener.done():
                raise EOFError("the server closed the line") from self._listener.exception()
            what = [state.id.split("-", 2)[2] for state in changed]
            raise TimeoutError(f"no answer: page {self._page!r} {self._query} {what}")
        self.seconds.append(time.perf_counter() - began)
        return self.seconds[-1]

    async def _listen(self) -> None:
        assert self._connection is not None
        async for data in self._connection:
            self.received_bytes += len(data)
            message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self._drawn = message.navigation.page_script_hash
                self._pages = {
                    p.url_pathname: p.page_script_hash for p in message.navigation.app_pages
                }
            elif kind == "auto_rerun":
                self._polls[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "delta":
                self._touched |= message.delta.fragment_id == self._wanted
                self._take(message.delta.new_element, message.delta.fragment_id)
            elif kind == "new_session":
                self._touched = True
            elif kind == "script_finished" and message.script_finished != _EARLY:
                self._end_of_run()

    def _end_of_run(self) -> None:
        """The answer is there, unless what ended was the page that was left meanwhile."""
        on_this_page = self._pages.get(self._page, self._drawn) == self._drawn
        if self._touched and (self._wanted or on_this_page):
            self._finished.set()

    def _take(self, element: Element, fragment: str) -> None:
        """Keep what a person would see of it, or could move."""
        kind = element.WhichOneof("type")
        if kind is None:
            return
        part = getattr(element, kind)
        if kind == "exception":
            self.errors.append(f"{part.type}: {part.message}")
        elif kind == "alert" and part.format == part.ERROR:
            self.problems.append(part.body)
        elif kind in {"alert", "markdown"}:
            self.told.append(part.body[:200])
        elif kind == "text":
            self.texts[fragment] = part.body
        told = getattr(part, "id", "")
        if told.startswith("$$ID-"):
            self.widgets[told.split("-", 2)[2]] = Widget(told, fragment)

    async def _poll(self) -> None:
        """Ask for parts of the page again, as often as the page wants it."""
        assert self._connection is not None
        due: dict[str, float] = {}
        while True:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            for fragment, interval in list(self._polls.items()):
                if now < due.setdefault(fragment, now + interval):
                    continue
                due[fragment] = now + interval
                message = BackMsg()
                message.rerun_script.fragment_id = fragment
                message.rerun_script.is_auto_rerun = True
                message.rerun_script.page_script_hash = self._pages.get(self._page, "")
                message.rerun_script.widget_states.widgets.extend(self._values.values())
                await self._connection.send(message.SerializeToString())
