"""A Hub on 127.0.0.1 with a few data sets, well and ill behaved; speaks what the client asks."""

import contextlib
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

COMMIT = "a" * 40
_ETAG = "b" * 40


def parquet(columns: dict[str, list[Any]], row_group_size: int | None = None) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=row_group_size)
    return buffer.getvalue()


def jsonl(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


STORIES = [f"Story {i} of the fake Hub." for i in range(6)]
MANY = [f"Row {i}." if i % 5 else " " for i in range(400)]
"""Four hundred rows, every fifth of them blank."""
CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
SIZES = """---
license: mit
language: [de, fr]
pretty_name: Tales of two tongues
configs:
- config_name: german
  data_files:
  - {split: train, path: german/train.parquet}
  - {split: test, path: german/test.parquet}
- config_name: french
  data_files: [{split: train, path: french/train.parquet}]
dataset_info:
- config_name: german
  splits:
  - {name: train, num_examples: 2, num_bytes: 20}
  - {name: test, num_examples: 1, num_bytes: 10}
---
"""


def _shards(texts: list[str], shards: int, row_group_size: int | None = None) -> dict[str, bytes]:
    each = len(texts) // shards
    return {
        f"data/train-{n:05d}-of-{shards:05d}.parquet": parquet(
            {"text": texts[n * each : (n + 1) * each]}, row_group_size
        )
        for n in range(shards)
    }


DATA_SETS: dict[str, dict[str, bytes]] = {
    "good/stories": {
        "data/train-00000-of-00002.parquet": parquet({"id": [1, 2, 3], "text": STORIES[:3]}),
        "data/train-00001-of-00002.parquet": parquet({"id": [4, 5, 6], "text": STORIES[3:]}),
    },
    "good/summaries": {"data/train.parquet": parquet({"id": [1, 2], "summary": ["one", " "]})},
    "good/parts": {
        "README.md": SIZES.encode(),
        "german/train.parquet": parquet({"text": ["eins", "zwei"], "n": [1, 2]}),
        "german/test.parquet": parquet({"text": ["drei"], "n": [3]}),
        "french/train.parquet": parquet({"text": ["un"], "n": [1]}),
    },
    "good/chats": {"data/train.parquet": parquet({"topic": ["greeting"], "messages": [CHAT]})},
    "good/nested": {"train.jsonl": jsonl({"id": 1, "translation": {"de": "ja", "fr": "oui"}})},
    "good/many": _shards(MANY, 4, 10),
    "odd/two-columns": {"data/train.parquet": parquet({"left": ["a"], "right": ["b"]})},
    "odd/script": {"script.py": b"open('canary', 'w').close()"},
    "odd/long": {"data/train.parquet": parquet({"text": ["x" * 40, "y" * 47, "z"]})},
    "odd/breaks": _shards(STORIES, 2),
    "odd/gated": _shards(STORIES, 2),
    "odd/busy": {},
    "odd/paused": {},
    "odd/pauses": _shards(STORIES, 2),
    "odd/hangs": _shards(STORIES, 2),
}
_SECOND = "1-of-00002.parquet"


@dataclass
class FakeHub:
    """A running Hub. `mended` is what works again, `asked` every path that was asked for."""

    address: str = ""
    mended: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def environment(self, home: Path) -> dict[str, str]:
        """What makes the Hub's client talk to this Hub and to nothing else."""
        return environment(self.address, home)


def environment(address: str, home: Path) -> dict[str, str]:
    """What makes the Hub's client talk to an address, past any proxy."""
    proxies = ("http_proxy", "https_proxy", "all_proxy")
    none = dict.fromkeys([*proxies, *map(str.upper, proxies)], "")
    return {**none, "HF_ENDPOINT": address, "HF_HOME": str(home)}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    hub: FakeHub


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.hub.asked.append(path)
        parts = path.removeprefix("/api").split("/")  # "", datasets, owner, name, …
        name = "/".join(parts[2:4])
        files = DATA_SETS.get(name)
        if files is None:
            return self._missing("RepoNotFound")
        if name == "odd/busy":
            return self._send(503, b"{}")
        if name == "odd/paused":
            return self._send(429, b"{}", {"Retry-After": "3600"})
        if path.startswith("/api"):
            return self._api(name, files, parts[4:])
        return self._file(name, files, "/".join(parts[6:]))

    def _api(self, name: str, files: dict[str, bytes], rest: list[str]) -> None:
        if rest[:1] == ["tree"]:
            return self._json(self._tree(files, "/".join(rest[2:])))
        told: dict[str, Any] = {
            "_id": "0",
            "id": name,
            "sha": COMMIT,
            "private": False,
            "gated": "auto" if name == "odd/gated" else False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": [{"rfilename": file} for file in files],
        }
        if name == "good/parts":
            split = {"name": "train", "num_examples": 2, "num_bytes": 20}
            told["cardData"] = {
                "license": "mit",
                "language": ["de", "fr"],
                "pretty_name": "Tales of two tongues",
                "dataset_info": [{"config_name": "german", "splits": [split]}],
            }
        return self._json(told)

    def _tree(self, files: dict[str, bytes], folder: str) -> list[dict[str, object]]:
        inside = [file for file in files if file.startswith(folder)]
        below = folder + "/" if folder else ""
        rests = [file.removeprefix(below) for file in inside]
        folders = sorted({rest.split("/")[0] for rest in rests if "/" in rest})
        return [
            *({"type": "directory", "oid": _ETAG, "size": 0, "path": below + f} for f in folders),
            *(
                {"type": "file", "oid": _ETAG, "size": len(files[below + r]), "path": below + r}
                for r in rests
                if "/" not in r
            ),
        ]

    def _file(self, name: str, files: dict[str, bytes], file: str) -> None:
        if file not in files:
            return self._missing("EntryNotFound")
        if name == "odd/gated":
            return self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        if name not in self.server.hub.mended and file.endswith(_SECOND):
            if name == "odd/breaks":
                return self._send(403, b"")
            if name == "odd/pauses":
                return self._send(429, b"{}", {"Retry-After": "3600"})
            if name == "odd/hangs":
                self.server.hub.closing.wait(60)
                return self._send(503, b"")
        data = files[file]
        if name == "good/many":
            time.sleep(0.005)
        headers = {"ETag": f'"{_ETAG}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range")
        if not wanted:
            return self._send(200, data, headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last or len(data)) + 1, len(data))
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        return self._send(206, data[start:stop], headers)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode())

    def _missing(self, code: str) -> None:
        self._send(404, b"{}", {"X-Error-Code": code, "X-Repo-Commit": COMMIT})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        with contextlib.suppress(ConnectionError):  # a client that gave up is gone
            self.send_response(status)
            for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    def log_message(self, *unused: object) -> None:
        return


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """A Hub that runs for the length of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = FakeHub(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.hub
    finally:
        server.hub.closing.set()
        server.shutdown()
        server.server_close()
