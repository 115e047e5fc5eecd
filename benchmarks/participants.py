"""People in a class: each comes in by the door, does what people do, and notes how long it took."""

import asyncio
import http.client
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from app_clients import Visitor
from shared_server import SharedServer
from websockets.exceptions import ConnectionClosed, InvalidHandshake

VIEWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("",)),
    ("data", ("", "Windows", "Enough text?", "New corpus")),
    ("tokenizer", ("", "Merge replay", "Vocabulary", "Compare")),
    ("model", ("",)),
    ("training", ("", "New training", "Compare runs", "Sweeps and races", "Time machine")),
    ("evaluation", ("", "Slices", "By token", "Calibration", "Report")),
    ("attention", ("", "One head", "One weight", "Switchboard", "Paint", "Logit lens")),
    ("sampling", ("", "Anatomy of a choice", "Branches", "Side by side")),
    ("library", ("",)),
    ("workshop", ("", "Tour", "Challenge", "Class game", "Questions")),
)
"""Chapters and their views; the first of a chapter is looked at most."""
PROMPTS = ("Once upon a time", "Ben saw the otter", "The lamp was", "Good night, said")
TEXTS = ("The cat sat on the mat.", "Sam looked for Ben. Ben hid.", "a b a b a b a")
CUT_OFF = (ConnectionClosed, InvalidHandshake, OSError, EOFError)
LOOK_SECONDS = 2.0
SILENT_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """Seconds that something took: a `page`, a `slider`, a `token` (the first one), a `look`."""

    kind: str
    what: str
    seconds: float


@dataclass
class Seen:
    """What all people together saw."""

    answers: list[Answer] = field(default_factory=list)
    silent_texts: int = 0
    errors: list[str] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    started: int = 0
    left_in_the_middle: int = 0
    came_back: int = 0
    here_again: set[str] = field(default_factory=set)
    received_bytes: int = 0

    def note(self, kind: str, what: str, seconds: float) -> None:
        """Keep one answer's seconds."""
        self.answers.append(Answer(kind, what, seconds))

    def seconds_of(self, kind: str) -> list[float]:
        """The seconds of that kind, the shortest first."""
        return sorted(answer.seconds for answer in self.answers if answer.kind == kind)


class Participant:
    """Somebody in the class, who does one thing after another until the time is over.

    An `eager` one has a training in the line or at work all the time.
    """

    def __init__(
        self, server: SharedServer, code: str, number: int, seed: int, seen: Seen, *, eager: bool
    ) -> None:
        self._server, self._seen, self._code, self._eager = server, seen, code, eager
        self._chance = random.Random(f"{seed}-{number}")
        self._name = f"Person {number}"
        self._leaves = False
        self.cookie = ""

    def come_in(self) -> None:
        """Fill in the form at the door; the cookie is kept."""
        began = time.perf_counter()
        line = http.client.HTTPConnection(urlsplit(self._server.url).netloc, timeout=60)
        form = urlencode({"code": self._code, "name": self._name, "visit": self._name})
        kind = "application/x-www-form-urlencoded"
        line.request("POST", "/join", form, {"content-type": kind, "origin": self._server.url})
        answer = line.getresponse()
        told = answer.read().decode()
        line.close()
        cookie = answer.getheader("set-cookie")
        if answer.status != 303 or cookie is None:
            raise SystemExit(f"{self._name} was not let in: {answer.status} {told[-600:]}")
        self.cookie = cookie.split(";")[0]
        self._seen.note("door", "come in", time.perf_counter() - began)

    async def stay(self, until: float) -> None:
        """Come in, do things, and come in again whenever the line is cut."""
        await asyncio.to_thread(self.come_in)
        asking = asyncio.create_task(self._ask_what_is_shown())
        first = True
        while time.monotonic() < until:
            visitor, deaths = Visitor(self._server.url, self.cookie), self._server.deaths
            try:
                async with visitor:
                    self._seen.came_back += not first
                    await self._visit(visitor, until)
            except TimeoutError as missed:
                if deaths == self._server.deaths:
                    self._seen.late[str(missed)] += 1
            except LookupError as missed:
                self._seen.errors.append(str(missed))
            except CUT_OFF as cut:
                expected = self._server.down or deaths != self._server.deaths
                if not expected and time.monotonic() < until:
                    self._seen.errors.append(f"cut off: {cut!r}")
                await asyncio.sleep(1)
            first = False
            self._seen.errors += visitor.errors
            self._seen.problems.update(visitor.problems)
            self._seen.received_bytes += visitor.received_bytes
        asking.cancel()

    async def _ask_what_is_shown(self) -> None:
        """As every open page does: does the presenter show something to all?"""
        host = urlsplit(self._server.url)
        asked = f"GET /look HTTP/1.1\r\nHost: {host.netloc}\r\nCookie: {self.cookie}\r\n\r\n"
        while True:
            try:
                reader, writer = await asyncio.open_connection(host.hostname, host.port)
                while True:
                    await asyncio.sleep(LOOK_SECONDS)
                    began = time.perf_counter()
                    writer.write(asked.encode())
                    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                    length = head.partition("content-length:")[2].split()
                    await reader.readexactly(int(length[0]))
                    self._seen.note("look", "what is shown", time.perf_counter() - began)
                    if " 200 " not in head.splitlines()[0]:
                        self._seen.errors.append(f"look: {head.splitlines()[0]}")
            except CUT_OFF:
                await asyncio.sleep(1)

    async def _visit(self, visitor: Visitor, until: float) -> None:
        """One stay at the app, until a reload or a break."""
        self._leaves = False
        await asyncio.sleep(self._chance.uniform(0, 3))
        await self._open(visitor, "")
        if self._server.deaths:
            self._seen.here_again.add(self._name)
        doings: tuple[tuple[float, Callable[[Visitor], Awaitable[None]]], ...] = (
            (5, self._look_around),
            (4, self._slide),
            (3, self._write),
            (2, self._attend),
            (4 if self._eager else 0.5, self._train),
        )
        if self._eager:
            await self._train(visitor)
        while time.monotonic() < until:
            await asyncio.sleep(self._chance.uniform(1, 5))
            if self._chance.random() < 0.06:
                await asyncio.sleep(self._chance.choice((0.0, 0.0, 8.0)))
                return
            [(_, doing)] = self._chance.choices(doings, [weight for weight, _ in doings])
            await doing(visitor)
            if self._leaves:
                return

    async def _open(self, visitor: Visitor, chapter: str, view: str = "") -> None:
        """Go to a chapter; and press one of its views, where one is named."""
        self._seen.note("page", chapter or "home", await visitor.open(chapter))
        if view:
            seconds = await visitor.set("view", string_array_value=[view])
            self._seen.note("page", f"{chapter}: {view}", seconds)

    async def _look_around(self, visitor: Visitor) -> None:
        chapter, views = self._chance.choice(VIEWS)
        view = views[0] if self._chance.random() < 0.4 else self._chance.choice(views)
        await self._open(visitor, chapter, view)

    async def _slide(self, visitor: Visitor) -> None:
        await self._open(visitor, "sampling", "Write")
        for _ in range(self._chance.randint(2, 6)):
            await asyncio.sleep(self._chance.uniform(0.3, 1))
            key = self._chance.choice(("temperature", "top_p"))
            told = round(self._chance.uniform(0.1, 1.0), 2)
            self._seen.note("slider", key, await visitor.set(key, double_array_value=[told]))

    async def _write(self, visitor: Visitor) -> None:
        """Let the model write; now and then reload while it does."""
        await self._open(visitor, "sampling", "Write")
        prompt = self._chance.choice(PROMPTS)
        self._seen.note("page", "typed prompt", await visitor.set("prompt", string_value=prompt))
        seed = self._chance.randint(1, 10**6)
        await visitor.set("sampling_seed", double_value=seed)
        before = set(visitor.texts.values())
        began = time.perf_counter()
        pressed = asyncio.create_task(visitor.set("write", trigger_value=True))
        while time.perf_counter() - began < SILENT_SECONDS:
            fresh = set(visitor.texts.values()) - before
            if any(text.startswith(prompt) and len(text) > len(prompt) for text in fresh):
                self._seen.note("token", "first token", time.perf_counter() - began)
                break
            await asyncio.sleep(0.01)
        else:
            self._seen.silent_texts += 1
        if self._chance.random() < 0.15:
            pressed.cancel()
            self._leaves = True
            self._seen.left_in_the_middle += 1
            return
        await pressed
        await asyncio.sleep(self._chance.uniform(1, 4))

    async def _attend(self, visitor: Visitor) -> None:
        await self._open(visitor, "attention", "All heads")
        text = f"{self._chance.choice(TEXTS)} {self._chance.choice(TEXTS)}"
        self._seen.note("page", "typed text", await visitor.set("text", string_value=text))

    async def _train(self, visitor: Visitor) -> None:
        await self._open(visitor, "")
        if "build" in visitor.widgets:
            self._seen.started += 1
            seconds = await visitor.set("build", trigger_value=True)
            self._seen.note("page", "start of a training", seconds)
