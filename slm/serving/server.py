"""The server as a process: its socket, its signals, its end.

On Ctrl+C or SIGTERM it takes no more requests, tells those that wait, and is gone within
seconds; a second Ctrl+C does not wait.
"""

import asyncio
import gc
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import FrameType

import uvicorn

from slm.errors import ConfigError
from slm.lab.reports import OpenedRun
from slm.sampling.engine import LINE, Engine
from slm.serving.app import Service, make_app
from slm.serving.config import ServeConfig
from slm.serving.orders import Kitchen
from slm.serving.presence import told
from slm.serving.templates import load_template
from slm.serving.writing import Writers
from slm.workspace import Artefact, Workspace

_IDLE_SECONDS = 600.0  # an engine that rests so long gives the memory of its caches back
_LAST_SECONDS = 3
_POLL_SECONDS = 0.5
_SMALL = 4_000_000  # parameters; below, a second core is worth more to those who send
_UNKNOWN = "1970-01-01T00:00:00+00:00"  # when a model was made whose manifest does not say
_MOST_CONNECTIONS = 1_024


def serve(
    workspace: Workspace,
    chosen: Artefact,
    opened: OpenedRun,
    config: ServeConfig,
    ready: Callable[[str], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Answer until somebody stops it; gives the number of requests that were answered.

    ready: told the address once clients may come. should_stop: asked twice a second.

    Raises:
        ConfigError: an address that cannot be had, or a key file that cannot be read.
        DataError: the model's chat template cannot be used.
    """
    api_key = _key(config)
    listener = _listener(config.host, config.port)
    template = load_template(chosen.folder / "tokenizer")
    try:
        kitchen = Kitchen(opened, config.max_tokens, template, config.plain_chat)
        gc.collect()
        gc.freeze()  # what is here now stays; to look at it all takes 90 ms, in mid-stream
        created = int(datetime.fromisoformat(chosen.manifest.created or _UNKNOWN).timestamp())
        url = _url(config.host, listener.getsockname()[1])
        with told(workspace, url, opened.id, opened.name, opened.step, asks_key=bool(api_key)):
            return asyncio.run(
                _run(kitchen, created, config, api_key, listener, url, ready, should_stop)
            )
    finally:
        listener.close()
        if template is not None:
            template.close()


async def _run(
    kitchen: Kitchen,
    created: int,
    config: ServeConfig,
    api_key: str,
    listener: socket.socket,
    url: str,
    ready: Callable[[str], None],
    should_stop: Callable[[], bool],
) -> int:
    opened = kitchen.opened
    engine = Engine(
        opened.model,
        seats=config.seats,
        idle_seconds=_IDLE_SECONDS,
        n_threads=config.threads or (1 if opened.model.n_parameters < _SMALL else None),
        int8=config.int8,
    )
    writers = Writers(engine, opened.tokenizer, engine.seats + LINE)
    app = make_app(Service(kitchen, writers, created), config, api_key)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=_LAST_SECONDS,
            limit_concurrency=_MOST_CONNECTIONS,
        ),
        writers.close,
    )
    watching = asyncio.create_task(server.watch(lambda: ready(url), should_stop))
    try:
        await server.serve(sockets=[listener])
    finally:
        writers.close()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return server.server_state.total_requests


class _Server(uvicorn.Server):
    """uvicorn's server, which on a signal ends what is being written, and then simply returns."""

    def __init__(self, config: uvicorn.Config, close: Callable[[], None]) -> None:
        super().__init__(config)
        self._close = close
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called between two instructions of whatever runs, so it only leaves word."""
        del sig, frame
        self.force_exit, self.should_exit = self.should_exit, True
        self._loop.call_soon_threadsafe(self._close)

    async def watch(self, ready: Callable[[], None], should_stop: Callable[[], bool]) -> None:
        """Say when it is up; end when asked to."""
        while not self.started:
            await asyncio.sleep(0.01)
        ready()
        while not should_stop():
            await asyncio.sleep(_POLL_SECONDS)
        self._close()
        self.should_exit = True


def _key(config: ServeConfig) -> str:
    """Raises: ConfigError for a file that cannot be read, or holds no key."""
    if config.api_key_file is None:
        return config.api_key
    key = _first_line(config.api_key_file)
    if not key:
        raise ConfigError(f"{config.api_key_file.name} holds no key in its first line.")
    return key


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as stream:
            return stream.readline(4_096).strip()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path.name} is no text; its first line must be the key.") from None


def _listener(host: str, port: int) -> socket.socket:
    """Raises: ConfigError for an address that is taken, or is none of this machine."""
    made = None
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, proto)
        if os.name == "posix":  # a port that was just left; on Windows it would share one in use
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(512)
        made.setblocking(False)
    except (OSError, UnicodeError) as error:
        if made is not None:
            made.close()
        reason = getattr(error, "strerror", None) or "no such address"
        raise ConfigError(
            f"The server cannot listen on {host}:{port}: {reason}. "
            "Give another --port (0: any free one) or --host."
        ) from None
    return made


def _url(host: str, port: int) -> str:
    """The address that clients are given.

    >>> _url("127.0.0.1", 8000), _url("::1", 8000)
    ('http://127.0.0.1:8000/v1', 'http://[::1]:8000/v1')
    """
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
