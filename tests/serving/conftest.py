"""A server in a process of its own on the shipped demo run, and the same routes without one."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from slm.lab.reports import OpenedRun, open_run
from slm.sampling.engine import Engine
from slm.serving.app import Service, make_app
from slm.serving.config import ServeConfig
from slm.serving.orders import Kitchen
from slm.serving.presence import Running, running
from slm.serving.writing import Writers
from slm.workspace import Workspace

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 60


@pytest.fixture(scope="session")
def demo() -> OpenedRun:
    """The shipped run."""
    return open_run(Workspace(ROOT / "demo").runs.list()[0])


@contextmanager
def server_process(
    folder: Path, *flags: str
) -> Iterator[tuple[Running, "subprocess.Popen[bytes]"]]:
    """A server on a free port, ended by its process id."""
    workspace = Workspace(folder / "workspace")
    command = [sys.executable, "-m", "slm", "serve", "--run", "Demo", "--port", "0", *flags]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SLM_WORKSPACE": str(workspace.root)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while b"is served at" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.05)
        (here,) = running(workspace)
        yield here, process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server on the demo run."""
    with server_process(tmp_path_factory.mktemp("served")) as (here, _):
        yield here


class Asked:
    """The routes in this process: `ask("POST", "/v1/completions", {...})`."""

    def __init__(self, opened: OpenedRun, places: int = 64, **settings: Any) -> None:
        config = ServeConfig(**settings)
        template = None
        self.loop = asyncio.new_event_loop()
        self.engine = Engine(opened.model, n_threads=1)
        self.writers = Writers(self.engine, opened.tokenizer, places)
        self.kitchen = Kitchen(opened, config.max_tokens, template, config.plain_chat)
        self.service = Service(self.kitchen, self.writers)
        self.app = make_app(self.service, config, config.api_key)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON, or the text of what is none."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is not None:
            headers = {"content-type": "application/json", **headers}
        told = {name.replace("_", "-"): value.encode() for name, value in headers.items()}

        async def go() -> httpx2.Response:
            transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
            base = "http://127.0.0.1:8000"
            async with httpx2.AsyncClient(transport=transport, base_url=base) as client:
                content = None if body is None else data
                return await client.request(method, path, content=content, headers=told)

        answer = self.loop.run_until_complete(go())
        kind = answer.headers.get("content-type", "")
        return answer.status_code, answer.json() if "json" in kind else answer.text


@pytest.fixture(scope="session")
def make_asked(demo: OpenedRun) -> Iterator[Callable[..., Asked]]:
    """Routes with settings of their own."""
    made = []

    def make(**settings: Any) -> Asked:
        made.append(Asked(demo, **settings))
        return made[-1]

    yield make
    for each in made:
        each.loop.close()


@pytest.fixture(scope="session")
def ask(make_asked: Callable[..., Asked]) -> Asked:
    """The routes with the usual settings."""
    return make_asked()
