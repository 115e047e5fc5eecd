"""Answers that many visitors share: each made once, kept while there is room, made in turns.

Thirty people who ask the same question wait for one computation and get the same object;
different questions are computed side by side, a few at a time, so that they neither fill the
memory nor slow each other to a halt. Knows nothing of what is computed. No torch here.
"""

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_SMALL_BYTES = 64  # of a number, a short text, an object's frame


class Turns:
    """Lets a few computations work at once; the others stand in line, in the order they came.

    A slow one must not stop the quick ones behind it: whoever has waited `patience_seconds`
    begins all the same, as long as fewer than `most` are at work.
    """

    def __init__(self, slots: int, most: int, patience_seconds: float = 2.0) -> None:
        assert 1 <= slots <= most, (slots, most)
        self.slots, self.most, self.patience_seconds = slots, most, patience_seconds
        self.at_work = 0
        self._line: list[object] = []
        self._changed = threading.Condition()
        self._mine = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One turn for the length of the block. A thread that has one needs no other."""
        if getattr(self._mine, "has_turn", False):
            yield
            return
        self._wait()
        self._mine.has_turn = True
        try:
            yield
        finally:
            self._mine.has_turn = False
            with self._changed:
                self.at_work -= 1
                self._changed.notify_all()

    def _wait(self) -> None:
        me, since = object(), time.monotonic()
        with self._changed:
            self._line.append(me)
            try:
                while not self._may_begin(me, time.monotonic() - since):
                    left = self.patience_seconds - (time.monotonic() - since)
                    self._changed.wait(left if left > 0 else None)
            finally:  # an asker who is interrupted leaves the line too
                self._line.remove(me)
                self._changed.notify_all()
            self.at_work += 1

    def _may_begin(self, me: object, waited: float) -> bool:
        if self._line[0] is not me:
            return False
        return self.at_work < (self.most if waited >= self.patience_seconds else self.slots)


class Kept(Generic[T]):
    """Values by key: each made once for all who ask, the least recently used given up first.

    `n_bytes` bounds what is kept; a value that alone is larger is given and not kept. What was
    given up and is still in use somewhere is found again, not made a second time, where the
    value can be referred to weakly.
    """

    def __init__(self, n_bytes: int, turns: Turns | None = None) -> None:
        self.n_bytes, self.held_bytes = n_bytes, 0
        self._turns = turns
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._in_use: weakref.WeakValueDictionary[Hashable, Any] = weakref.WeakValueDictionary()
        self._under_way: dict[Hashable, threading.Event] = {}
        self._lock = threading.RLock()  # a finalizer may run while it is held

    def get(
        self, key: Hashable, make: Callable[[], T], size: Callable[[T], int] | None = None
    ) -> T:
        """The value of `key`: kept, on its way by somebody else's asking, or made now.

        Whoever waits for another's computation takes no turn meanwhile. An error reaches the
        one who computed; the others try themselves.
        """
        while True:
            found, under_way = self._look(key)
            if found is None and under_way is None:
                with self._in_turn():
                    with self._lock:
                        found, under_way = self._look(key)
                        if found is None and under_way is None:
                            done = self._under_way[key] = threading.Event()
                    if found is None and under_way is None:
                        return self._made(key, make, size or size_of, done)
            if found is not None:
                return found[0]
            assert under_way is not None
            under_way.wait()

    def knows(self, key: Hashable) -> bool:
        """Whether the value of `key` is there without any work."""
        return self._look(key)[0] is not None

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def _look(self, key: Hashable) -> tuple[tuple[T] | None, threading.Event | None]:
        """The value in a tuple, where there is one; else what tells when it is there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return (self._kept[key][0],), None
            used = self._in_use.get(key)
            return (None, self._under_way.get(key)) if used is None else ((used,), None)

    def _made(
        self, key: Hashable, make: Callable[[], T], size: Callable[[T], int], done: threading.Event
    ) -> T:
        try:
            value = make()
            self._keep(key, value, size(value))
            return value
        finally:
            with self._lock:
                self._under_way.pop(key, None)
            done.set()

    def _keep(self, key: Hashable, value: T, n_bytes: int) -> None:
        with self._lock:
            with suppress(TypeError):  # a tuple, say, cannot be referred to weakly
                self._in_use[key] = value
            if n_bytes > self.n_bytes:
                return
            self._kept[key] = (value, n_bytes)
            self.held_bytes += n_bytes
            while self.held_bytes > self.n_bytes:
                _, (_, given_up) = self._kept.popitem(last=False)
                self.held_bytes -= given_up

    def _in_turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._turns is None else self._turns.turn()


def size_of(value: object) -> int:
    """About how many bytes of memory `value` takes: its arrays in full, all else roughly.

    >>> size_of(bytes(1_000)), size_of(("ab", 1.0))
    (1000, 194)
    """
    total, seen, pending = 0, set[int](), [value]
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        n_bytes = getattr(each, "nbytes", None)
        if isinstance(n_bytes, int):
            total += n_bytes
        elif isinstance(each, bytes | bytearray):
            total += len(each)
        else:
            total += _SMALL_BYTES + (len(each) if isinstance(each, str) else 0)
            pending += _parts(each)
    return total


def frozen(value: Any) -> Hashable:
    """`value` as a key: what is alike gives the same key, lists and mappings too.

    >>> frozen({"b": [1, 2], "a": None}) == frozen({"a": None, "b": (1, 2)})
    True
    >>> frozen(1) == frozen(True), frozen(1) == frozen(1.0)
    (False, False)
    """
    if isinstance(value, Mapping):
        return frozenset((frozen(name), frozen(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(frozen, value))
    if isinstance(value, AbstractSet):
        return frozenset(map(frozen, value))
    if hasattr(value, "model_dump"):
        return (type(value), frozen(value.model_dump()))
    return (type(value), value)


def _parts(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, item.name) for item in fields(value)]
    return []
