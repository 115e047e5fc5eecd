"""Texts being written on the server: so many at once, the rest in a queue, none for nobody.

Each text is written by a thread of its own, so that a page can be redrawn, or a
slider moved, without ending it. Who wants to see it polls; a text that nobody has
asked about for a while stops. No Streamlit here, and no model: steps come from a
function.
"""

import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from slm.errors import SlmError
from slm.sampling.methods import Draft, WritingConfig
from slm.sampling.search import Beam
from slm.sampling.steps import Step, decode_stream
from slm.tokenizer.protocol import TextTokenizer
from ui.texts import tr

State = Literal["waiting", "writing", "done", "stopped", "left", "failed"]
Steps = Callable[[Callable[[], bool]], Iterator[Step | Draft]]
"""Gives the steps of a text, or drafts; asks the function that it is given whether to stop."""

DEFAULTS = WritingConfig()
PATIENCE_SECONDS = 10.0
_KEPT = 256


@dataclass(frozen=True)
class Order:
    """What is to be written. `name` says by which model; it and the prompt are foreign text.

    `writing` are its settings, for whoever asks about a token later; `places` says how many
    seats it takes: a search computes by itself, other texts are written together. `run_id`
    and `step` say by which checkpoint. `eos_id` ends the text, where anything does. `written` are
    the prompt's last ids that belong to the text already, for one that must have a form.
    """

    name: str
    prompt: str
    prompt_ids: Sequence[int]
    tokenizer: TextTokenizer
    steps: Steps
    writing: WritingConfig = DEFAULTS
    places: int = 1
    run_id: str = ""
    step: int = 0
    eos_id: int | None = None
    written: tuple[int, ...] = ()


@dataclass(frozen=True)
class Progress:
    """A text at one moment. `ahead` counts those that must end before it begins.

    steps are empty while a search, whose text may still change, goes on; rivals are what it
    pursues or found.
    """

    state: State
    text: str
    steps: tuple[Step, ...]
    seconds: float
    ahead: int = 0
    problem: str | None = None
    n_tokens: int = 0
    rivals: tuple[Beam, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether more may come."""
        return self.state in {"waiting", "writing"}

    @property
    def ended_by_itself(self) -> bool:
        """Whether the model ended the text."""
        return bool(self.steps) and self.steps[-1].ends

    @property
    def whole(self) -> bool:
        """Whether the text has the form that was asked for."""
        return bool(self.steps) and (self.steps[-1].whole or self.steps[-1].ends)

    @property
    def stopped_by(self) -> str | None:
        """The stop string that ended the text."""
        return self.steps[-1].stopped_by if self.steps else None


@dataclass
class Desk:
    """Seats for so many writers at once. Shared by all visitors; safe for many threads.

    Who comes first is seated first, also before a text that would need fewer places.
    """

    seats: int = 2
    patience_seconds: float = PATIENCE_SECONDS
    _line: deque[str] = field(default_factory=deque)
    _writing: dict[str, int] = field(default_factory=dict)
    _texts: "OrderedDict[str, _Text]" = field(default_factory=OrderedDict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def start(self, order: Order) -> str:
        """Begin as soon as a seat is free; gives the text's id."""
        text_id = secrets.token_hex(8)
        text = _Text(order, self.patience_seconds)
        with self._changed:
            self._texts[text_id] = text
            self._line.append(text_id)
            self._forget_oldest()
        threading.Thread(
            target=self._work, args=(text_id, text), name=f"text-{text_id}", daemon=True
        ).start()
        return text_id

    def poll(self, text_id: str) -> Progress | None:
        """The text now; None when it is forgotten. Asking keeps it going."""
        with self._changed:
            text = self._texts.get(text_id)
            ahead = self._line.index(text_id) + 1 if text_id in self._line else 0
        return text.now(ahead) if text is not None else None

    def order(self, text_id: str) -> Order | None:
        """What was asked for; None when it is forgotten."""
        with self._changed:
            text = self._texts.get(text_id)
        return text.order if text is not None else None

    def stop(self, text_id: str, wait_seconds: float = 0.0) -> None:
        """End the text, and wait a moment for that; what is written stays."""
        with self._changed:
            text = self._texts.get(text_id)
            if text is not None:
                text.stop_asked.set()
            self._changed.notify_all()
        if text is not None:
            text.ended.wait(wait_seconds)

    def _work(self, text_id: str, text: "_Text") -> None:
        try:
            if self._take_seat(text_id, text):
                text.write()
        finally:
            text.end()
            with self._changed:
                self._writing.pop(text_id, None)
                self._changed.notify_all()

    def _take_seat(self, text_id: str, text: "_Text") -> bool:
        """Wait in line; False for a text that nobody wants any more."""
        with self._changed:
            while not text.unwanted():
                places = min(self.seats, text.order.places)
                if self._line[0] == text_id and sum(self._writing.values()) + places <= self.seats:
                    break
                self._changed.wait(timeout=1.0)
            self._line.remove(text_id)
            self._changed.notify_all()
            if text.unwanted():
                return False
            self._writing[text_id] = places
            return True

    def _forget_oldest(self) -> None:
        while len(self._texts) > _KEPT:
            oldest = next(iter(self._texts))
            if self._texts[oldest].now(0, asked=False).alive:
                return
            del self._texts[oldest]


class _Text:
    """One text; its thread writes, others read."""

    def __init__(self, order: Order, patience_seconds: float) -> None:
        self.order = order
        self.stop_asked = threading.Event()
        self._patience_seconds = patience_seconds
        self._asked = time.monotonic()
        self._began: float | None = None
        self.ended = threading.Event()
        self._seconds = 0.0
        self._whole = False
        self._left = False
        self._problem: str | None = None
        self._steps: list[Step] = []
        self._pieces: list[str] = []
        self._draft: Draft | None = None
        self._drafted = ""

    def unwanted(self) -> bool:
        """Whether somebody stopped it, or nobody has asked about it for too long."""
        self._left = self._left or time.monotonic() - self._asked > self._patience_seconds
        return self.stop_asked.is_set() or self._left

    def write(self) -> None:
        """Write to the end. A mistake that a person can mend is kept as this text's problem."""
        self._began = time.monotonic()
        try:
            steps = self._kept(self.order.steps(self.unwanted))
            order = self.order
            stop = order.writing.stop
            for piece in decode_stream(steps, order.tokenizer, order.prompt_ids, stop):
                self._pieces.append(piece)
            deque(steps, maxlen=0)  # behind a stop string a search still has its last draft
            self._whole = not self.unwanted()
        except SlmError as error:  # nobody is above this thread to show it
            self._problem = str(error)

    def end(self) -> None:
        """Nothing more will come."""
        self._seconds = self._so_far()
        self.ended.set()

    def now(self, ahead: int, *, asked: bool = True) -> Progress:
        """The text as far as it is."""
        if asked:
            self._asked = time.monotonic()
        state = self._state()
        seconds = self._seconds if self.ended.is_set() else self._so_far()
        problem = self._problem
        if state == "failed" and problem is None:
            problem = tr("Writing broke off unexpectedly; the server's log says where. Try again.")
        draft, steps = self._draft, tuple(self._steps)
        if draft is None:
            text = "".join(self._pieces)
            return Progress(state, text, steps, seconds, ahead, problem, len(steps))
        n_tokens, rivals = len(draft.ids), draft.rivals
        return Progress(
            state, self._drafted, draft.steps, seconds, ahead, problem, n_tokens, rivals
        )

    def _so_far(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began

    def _state(self) -> State:
        if not self.ended.is_set():
            return "waiting" if self._began is None else "writing"
        if self._whole:
            return "done"
        if self._problem is None and self.stop_asked.is_set():
            return "stopped"
        return "left" if self._problem is None and self._left else "failed"

    def _kept(self, items: Iterator[Step | Draft]) -> Iterator[Step]:
        for item in items:
            if isinstance(item, Draft):
                self._drafted = self._text_of(item)
                self._draft = item
            else:
                self._steps.append(item)
                yield item

    def _text_of(self, draft: Draft) -> str:
        """A search's text as it is now; its last token may be the end-of-text token."""
        order, ids = self.order, draft.ids
        ends = bool(ids) and ids[-1] == order.tokenizer.eos_id
        steps = draft.steps or [Step(i, 0.0, 1.0, 1, ()) for i in ids[: len(ids) - ends]]
        return "".join(decode_stream(steps, order.tokenizer, order.prompt_ids, order.writing.stop))
