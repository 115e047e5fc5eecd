"""Many requests, one model: takes orders, and gives the pieces of their texts to the event loop.

The engine writes in a thread of its own and tells that something has come; `Bell` brings the news
over, once for all texts of a turn. Knows no protocol.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from slm.errors import SlmError
from slm.sampling.config import SamplingConfig
from slm.sampling.constraint import constraint_for
from slm.sampling.engine import Engine, Ticket
from slm.sampling.steps import Step
from slm.serving.choices import ChoiceText, Piece
from slm.serving.errors import ProtocolError, busy, stopping
from slm.tokenizer.protocol import TextTokenizer

GATHER_SECONDS = 0.02


@dataclass(frozen=True)
class Order:
    """One text to write. `opening`: what the answer begins with, before what is written."""

    ids: tuple[int, ...]
    config: SamplingConfig
    max_new_tokens: int
    stop: tuple[str, ...] = ()
    n_top: int = 0
    opening: Piece | None = None
    ignore_eos: bool = False
    json_schema: str = ""


class Bell:
    """Rung by the engine's thread; wakes those in the loop who wait.

    Not more often than every GATHER_SECONDS: each time the loop works, the thread that writes
    waits for it, and nobody reads fifty pieces a second.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung: deque[asyncio.Event] = deque()
        self._on_its_way = False
        self._woke = 0.0

    def ring(self, event: asyncio.Event) -> None:
        """Set the event soon; of many calls in a row one crosses over to the loop."""
        self._rung.append(event)
        if not self._on_its_way:
            self._on_its_way = True
            try:
                self._loop.call_soon_threadsafe(self._wait)
            except RuntimeError:  # the loop is closed: nobody listens any more
                return

    def _wait(self) -> None:
        self._loop.call_at(self._woke + GATHER_SECONDS, self._wake)

    def _wake(self) -> None:
        self._woke = self._loop.time()
        self._on_its_way = False  # before they are taken: who rings now comes again
        while self._rung:
            self._rung.popleft().set()


class Writers:
    """Admits orders to the engine, at most `places` at a time, and ends them all when it closes."""

    def __init__(self, engine: Engine, tokenizer: TextTokenizer, places: int) -> None:
        self.engine, self.tokenizer, self._places = engine, tokenizer, places
        self._bell: Bell | None = None
        self._waiting: set[asyncio.Event] = set()
        self.live = 0
        self.closed = False

    def take(self, orders: Sequence[Order]) -> "Texts":
        """Hand the orders to the engine.

        Raises: ProtocolError when there are too many, or the engine cannot take one.
        """
        if self.closed:
            raise stopping()
        if self.live + len(orders) > self._places:
            raise busy()
        self._bell = self._bell or Bell()
        return Texts(self, self._bell, orders)

    def close(self) -> None:
        """Take no more orders; whoever waits for a text hears at once that there is none."""
        self.closed = True
        for event in self._waiting:
            event.set()

    def watch(self, event: asyncio.Event) -> None:
        """Set the event when the server closes."""
        self._waiting.add(event)

    def forget(self, event: asyncio.Event) -> None:
        """The opposite of `watch`."""
        self._waiting.discard(event)


class Texts:
    """The texts of one request on their way."""

    def __init__(self, writers: Writers, bell: Bell, orders: Sequence[Order]) -> None:
        self._writers, self._event = writers, asyncio.Event()
        self._open: dict[int, tuple[Ticket, ChoiceText]] = {}
        self._made: list[ChoiceText] = []
        self._openings = [(k, each.opening) for k, each in enumerate(orders) if each.opening]
        cut = writers.tokenizer
        writers.watch(self._event)
        try:
            for index, order in enumerate(orders):
                before = len(order.opening.text) if order.opening else 0
                text = ChoiceText(cut, order.ids, order.stop, before)
                eos_id = None if order.ignore_eos else cut.eos_id
                ticket = writers.engine.submit(
                    order.ids,
                    order.config,
                    order.max_new_tokens,
                    eos_id=eos_id,
                    n_top=order.n_top,
                    stop=order.stop,
                    decoder=cut.decoder(order.ids) if order.stop else None,
                    constraint=constraint_for(
                        cut,
                        writers.engine.model.config.vocab_size,
                        json_schema=order.json_schema,
                        eos_id=eos_id,
                    ),
                    tell=lambda: bell.ring(self._event),
                )
                self._open[index] = ticket, text
                self._made.append(text)
                writers.live += 1
        except SlmError as error:
            self.close()
            raise ProtocolError(str(error)) from None

    @property
    def n_written(self) -> int:
        """Tokens that were written so far, in all texts."""
        return sum(text.n_steps for text in self._made)

    async def pieces(self) -> AsyncGenerator[list[tuple[int, Piece]]]:
        """What is new, by the number of the order, as often as there is something.

        Raises: ProtocolError when writing breaks off, or the server closes.
        """
        try:
            if self._openings:
                yield [(index, piece) for index, piece in self._openings if piece is not None]
            while self._open:
                await self._event.wait()
                self._event.clear()
                if self._writers.closed:
                    raise stopping()
                if pieces := self._taken():
                    yield pieces
        finally:
            self.close()

    def close(self) -> None:
        """Nobody wants the rest; rows are free before the next token."""
        for index in list(self._open):
            self._end(index)
        self._writers.forget(self._event)

    def _taken(self) -> list[tuple[int, Piece]]:
        pieces = []
        for index, (ticket, text) in list(self._open.items()):
            arrived = ticket.arrived()
            steps = [each for each in arrived if isinstance(each, Step)]
            if steps:
                pieces.append((index, text.take(steps)))
            if len(steps) == len(arrived):
                continue
            self._end(index)
            if isinstance(arrived[-1], SlmError):
                raise ProtocolError(str(arrived[-1]), 500, kind="server_error")
            pieces.append((index, text.end()))
        return [(index, piece) for index, piece in pieces if _says_something(piece)]

    def _end(self, index: int) -> None:
        ticket, _ = self._open.pop(index)
        self._writers.live -= 1
        if not ticket.over:
            ticket.cancel()


def _says_something(piece: Piece) -> bool:
    return bool(piece.text or piece.tokens or piece.finish)
