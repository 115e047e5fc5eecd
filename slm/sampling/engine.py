"""One model, many who want texts from it: all are written together by one thread.

    engine = engine_for(model)
    for step in engine.generate(prompt_ids, SamplingConfig(seed=3), 200, eos_id=eos_id): …

`Engine.generate` takes what `slm.sampling.generate.generate` takes and gives the same tokens;
it may be called from many threads at once. Sees ids, never text.
"""

import os
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial

import torch

from slm.errors import DataError, JobError, SlmError
from slm.model.transformer import Transformer
from slm.sampling.batching import Batch, Text
from slm.sampling.constraint import Constraint
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import Writing, fit_prompt
from slm.sampling.steps import Step
from slm.sampling.threads import ThreadChoice
from slm.tokenizer.protocol import StreamDecoder

SEATS = 32
MEMORY_BYTES = 2**29
LINE = 256
IDLE_SECONDS = 20.0
_POLL_SECONDS = 0.2


class Ticket:
    """A text that was asked for. Its steps wait here until somebody takes them."""

    def __init__(self, notify: Callable[[], None], tell: Callable[[], None] = lambda: None) -> None:
        self._arrived: queue.SimpleQueue[Step | SlmError | None] = queue.SimpleQueue()
        self._notify, self._tell = notify, tell
        self._cancelled = False
        self._over = False

    @property
    def over(self) -> bool:
        """Whether no more steps will come; some may still wait to be taken."""
        return self._over

    def cancel(self) -> None:
        """Nobody wants this text any more; its row is free before the next token."""
        self._cancelled = True
        self._notify()

    def unwanted(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def deliver(self, step: Step) -> None:
        """One more step."""
        self._arrived.put(step)
        self._tell()

    def end(self, error: SlmError | None = None) -> None:
        """Nothing more comes. Ending again changes nothing."""
        if not self._over:
            self._over = True
            self._arrived.put(error)
            self._tell()

    def arrived(self) -> list[Step | SlmError | None]:
        """What has come and was not taken yet, without waiting; None, or an error, is the end."""
        taken: list[Step | SlmError | None] = []
        while True:
            try:
                taken.append(self._arrived.get_nowait())
            except queue.Empty:
                return taken

    def steps(self, should_stop: Callable[[], bool] = lambda: False) -> Generator[Step, None, None]:
        """The steps as they come; leaving the loop cancels the text.

        should_stop is asked before each, and now and then while none comes.

        Raises: what the text ended with: DivergedError for logits that are not finite.
        """
        try:
            while not should_stop():
                try:
                    arrived = self._arrived.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(arrived, Step):
                    yield arrived
                elif arrived is None:
                    return
                else:
                    raise arrived
        finally:
            if not self._over:
                self.cancel()


class Engine:
    """Writes with one model for all who ask, up to `seats` texts at once, the rest in a line.

    Who comes first is seated first, and every text ends, so none starves. Fewer are seated
    where the caches of so many would need more than `memory_bytes`; the line has `line` places.
    The thread begins with the first text and ends, giving its memory back, when nobody has
    wanted anything for `idle_seconds`. What goes wrong in one text ends that text alone.

    n_threads: cores for the thread that writes; None: one or all, whichever was faster when
    last tried, which depends on the model, on how many write, and on what else runs. int8: few
    texts are written with weights of 8 bits (`slm.model.int8`), faster and nearly as well. The
    weights are read when the thread begins: they must not be trained meanwhile.
    """

    def __init__(
        self,
        model: Transformer,
        *,
        seats: int = SEATS,
        memory_bytes: int = MEMORY_BYTES,
        line: int = LINE,
        idle_seconds: float = IDLE_SECONDS,
        n_threads: int | None = None,
        int8: bool = False,
    ) -> None:
        self._model, self._n_threads = model, n_threads
        self._new_batch = partial(Batch, model, seats, memory_bytes, int8=int8)
        self._batch = self._new_batch()
        self._places, self._idle_seconds = line, idle_seconds
        self._coming: deque[tuple[Ticket, Text]] = deque()
        self._alive: dict[Text, Ticket] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def model(self) -> Transformer:
        """What it writes with."""
        return self._model

    @property
    def seats(self) -> int:
        """Texts that are written at once."""
        return self._batch.seats

    @property
    def running(self) -> bool:
        """Whether the thread is there, writing or waiting."""
        return self._thread is not None

    def submit(
        self,
        prompt_ids: Sequence[int],
        config: SamplingConfig,
        max_new_tokens: int,
        *,
        eos_id: int | None = None,
        n_top: int = 5,
        stop: tuple[str, ...] = (),
        decoder: StreamDecoder | None = None,
        constraint: Constraint | None = None,
        tell: Callable[[], None] = lambda: None,
    ) -> Ticket:
        """Ask for a text, see `generate`; its ticket streams the steps.

        tell: called by the thread that writes whenever `Ticket.arrived` has something new; it
        must return at once.

        Raises: DataError for a prompt or stop strings that cannot be used, or a full line.
        """
        shape = self._model.config
        prompt = fit_prompt(prompt_ids, shape.vocab_size, shape.context_length, eos_id)
        ticket = Ticket(self._wake, tell)
        writing = Writing(prompt, config, eos_id, n_top, stop, decoder, constraint)
        text = Text(
            prompt.ids, writing, max_new_tokens, ticket.deliver, ticket.end, ticket.unwanted
        )
        with self._changed:
            if len(self._coming) + len(self._batch.line) >= self._places:
                raise DataError(
                    f"{self._places:,} texts wait for this model already. Try again in a minute."
                )
            self._coming.append((ticket, text))
            self._alive[text] = ticket
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="engine")
                self._thread.start()
            self._changed.notify_all()
        return ticket

    def generate(
        self,
        prompt_ids: Sequence[int],
        config: SamplingConfig,
        max_new_tokens: int,
        *,
        eos_id: int | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        n_top: int = 5,
        stop: tuple[str, ...] = (),
        decoder: StreamDecoder | None = None,
        constraint: Constraint | None = None,
    ) -> Generator[Step, None, None]:
        """The steps that `slm.sampling.generate.generate` gives, written beside others' texts.

        Begins at once; ends early when should_stop says so or the iterator is closed.

        Raises: as `submit`, at once; DivergedError at the step that meets it.
        """
        ticket = self.submit(
            prompt_ids, config, max_new_tokens,
            eos_id=eos_id, n_top=n_top, stop=stop, decoder=decoder, constraint=constraint,
        )  # fmt: skip
        return ticket.steps(should_stop)

    def ahead(self, ticket: Ticket) -> int:
        """Texts that must be seated before this one; 0 once it is being read or written."""
        with self._changed:
            line = tuple(self._batch.line)  # copied at once: the thread changes it meanwhile
            waiting = [self._alive.get(text) for text in line]
            waiting += [each for each, _ in self._coming]
            return waiting.index(ticket) if ticket in waiting else 0

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _work(self) -> None:
        threads = ThreadChoice(1, os.cpu_count() or 1)
        if self._n_threads is not None or self._model.device.type != "cpu":
            threads = ThreadChoice(self._n_threads or torch.get_num_threads())
        try:
            while self._receive():
                with threads.timed(len(self._batch.writing)):
                    self._batch.turn()
                with self._changed:
                    for text in [text for text, ticket in self._alive.items() if ticket.over]:
                        del self._alive[text]
        finally:
            self._end()

    def _receive(self) -> bool:
        """Seat or line up who has come; wait for somebody when there is nothing to do."""
        with self._changed:
            if self._batch.is_empty:
                self._wait()
            if not threading.main_thread().is_alive():
                return False
            while self._coming:
                self._batch.line.append(self._coming.popleft()[1])
            if self._batch.is_empty:
                self._thread = None  # under the lock: who comes now starts another thread
                self._batch.drop_cache()
                return False
            return True

    def _wait(self) -> None:
        """Until somebody comes, the time is up, or the program ends.

        A thread that Python cuts off at its end while it computes aborts the whole process.
        """
        until = time.monotonic() + self._idle_seconds
        while not self._coming and threading.main_thread().is_alive():
            left = until - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(min(left, _POLL_SECONDS))

    def _end(self) -> None:
        """After a bug in a turn nobody may wait for ever, and whoever comes next begins anew."""
        with self._changed:
            if self._thread is not threading.current_thread():
                return
            self._thread = None
            self._batch = self._new_batch()
            self._coming.clear()
            for ticket in self._alive.values():
                ticket.end(
                    JobError("Writing broke off unexpectedly; the log says where. Try again.")
                )
            self._alive.clear()


_ENGINES: "weakref.WeakValueDictionary[int, Engine]" = weakref.WeakValueDictionary()
_ENGINES_LOCK = threading.Lock()


def engine_for(model: Transformer, n_threads: int | None = None) -> Engine:
    """The one engine of a loaded model: the same for everybody who asks with the same object.

    It lives while somebody holds it or it has work, and keeps its model for so long; nothing
    else is kept. A page holds none: it asks here for every text, and `generate`'s iterator, or
    the ticket, is all that it keeps. n_threads counts when the engine is made.
    """
    with _ENGINES_LOCK:
        engine = _ENGINES.get(id(model))  # it holds the model, so no other can have this id
        if engine is None:
            engine = _ENGINES[id(model)] = Engine(model, n_threads=n_threads)
        return engine
