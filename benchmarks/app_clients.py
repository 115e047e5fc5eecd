"""Visitors of the app without a browser: they speak its websocket protocol and nothing else.

What a browser costs its own computer is not the server's business; on one machine it would
be most of what is measured. A visitor opens pages, and polls as the page asks it to.
"""

import asyncio
import time
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

_LONGEST_SECONDS = 60.0
_MAX_MESSAGE = 256 * 1024 * 1024


@dataclass
class Visitor:
    """One session of the app. `seconds` are those of each answer, `errors` what went wrong."""

    url: str
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _connection: ClientConnection | None = None
    _finished: asyncio.Event = field(default_factory=asyncio.Event)
    _pages: dict[str, str] = field(default_factory=dict)
    _polls: dict[str, float] = field(default_factory=dict)
    _page: str = ""

    async def __aenter__(self) -> "Visitor":
        address = self.url.replace("http://", "ws://") + "/_stcore/stream"
        self._connection = await connect(
            address,
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(self.url),
            max_size=_MAX_MESSAGE,
        )
        self._listener = asyncio.create_task(self._listen())
        self._poller = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *details: object) -> None:
        assert self._connection is not None
        self._listener.cancel()
        self._poller.cancel()
        await self._connection.close()

    async def open(self, chapter: str, query: str = "") -> float:
        """Open a page (`training`, with `view=start`); seconds until its script is done."""
        self._page, self._polls = chapter, {}
        message = BackMsg()
        message.rerun_script.query_string = query
        if chapter in self._pages:
            message.rerun_script.page_script_hash = self._pages[chapter]
        else:
            message.rerun_script.page_name = chapter
        return await self._ask(message)

    async def _ask(self, message: BackMsg) -> float:
        assert self._connection is not None
        self._finished.clear()
        began = time.perf_counter()
        await self._connection.send(message.SerializeToString())
        await asyncio.wait_for(self._finished.wait(), _LONGEST_SECONDS)
        self.seconds.append(time.perf_counter() - began)
        return self.seconds[-1]

    async def _listen(self) -> None:
        assert self._connection is not None
        async for data in self._connection:
            message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self._pages = {
                    p.url_pathname: p.page_script_hash for p in message.navigation.app_pages
                }
            elif kind == "auto_rerun":
                self._polls[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "delta" and message.delta.new_element.HasField("exception"):
                self.errors.append(message.delta.new_element.exception.message)
            elif kind == "script_finished":
                self._finished.set()

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
                await self._connection.send(message.SerializeToString())
