"""A Hub on 127.0.0.1 with models, well and ill behaved; speaks what the Hub's client asks."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40


@dataclass
class FakeModelHub:
    """A running Hub. `models` are files by name; `trouble` is what is wrong with a model.

    breaks: the connection ends in the middle of the weights. hangs: it stays open and silent.
    wrong: the weights that arrive are others. silent, busy, paused, gated: the whole model.
    `sent` are the bytes sent of each file, `asked` every path.
    """

    models: dict[str, dict[str, bytes]] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    address: str = ""
    sent: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    hub: FakeModelHub


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub = self.server.hub
        path = unquote(urlsplit(self.path).path)
        hub.asked.append(path)
        parts = path.removeprefix("/api/models").strip("/").split("/")
        name = "/".join(parts[:2])
        if name not in hub.models:
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        trouble, rest = hub.trouble.get(name), parts[2:]
        if trouble == "silent":
            hub.closing.wait(60)
        if trouble == "busy":
            return self._send(503, b"{}")
        if trouble == "paused":
            return self._send(429, b"{}", {"Retry-After": "3600"})
        if len(rest) > 1 and rest[1] not in ("main", COMMIT):
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        if path.startswith("/api"):
            return self._about(name, trouble)
        if trouble == "gated":
            return self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        return self._file(hub.models[name], "/".join(rest[2:]), trouble)

    def _about(self, name: str, trouble: str | None) -> None:
        files = self.server.hub.models[name]
        told = {
            "_id": "0",
            "id": name,
            "sha": COMMIT,
            "private": False,
            "gated": "auto" if trouble == "gated" else False,
            "tags": [],
            "cardData": {"license": "apache-2.0"},
            "siblings": [{"rfilename": file, "size": len(data)} for file, data in files.items()],
        }
        self._send(200, json.dumps(told).encode())

    def _file(self, files: dict[str, bytes], file: str, trouble: str | None) -> None:
        if file not in files:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            return
        data = files[file]
        headers = {
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X-Repo-Commit": COMMIT,
            "Accept-Ranges": "bytes",
        }
        large = file.endswith(".safetensors")
        if large and trouble == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        half = (len(data) - start) // 2 if large and trouble in {"breaks", "hangs"} else None
        sent = self._send(206 if wanted else 200, data[start:], headers, half)
        self.server.hub.sent[file] = self.server.hub.sent.get(file, 0) + sent

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        most: int | None = None,
    ) -> int:
        with contextlib.suppress(ConnectionError):  # a client that gave up is gone
            self.send_response(status)
            for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "HEAD":
                return 0
            self.wfile.write(body[:most])
            if most is not None:
                self.wfile.flush()
                self.server.hub.closing.wait(0.3 if most else 60)
                if "hangs" in self.server.hub.trouble.values():
                    self.server.hub.closing.wait(60)
                self.close_connection = True
                self.connection.close()
            return len(body[:most])
        return 0

    def log_message(self, *unused: object) -> None:
        return


@contextmanager
def running_hub() -> Iterator[FakeModelHub]:
    """A Hub that runs for the length of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = FakeModelHub(address=f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.hub
    finally:
        server.hub.closing.set()
        server.shutdown()
        server.server_close()
