"""A Hub on 127.0.0.1 with a few data sets, well and ill behaved; speaks what the client asks."""

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

COMMIT = "a" * 40
_ETAG = "b" * 40


def parquet(columns: dict[str, list[object]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


STORIES = [f"Story {i} of the fake Hub." for i in range(6)]
DATA_SETS: dict[str, dict[str, bytes]] = {
    "good/stories": {
        "data/train-00000-of-00002.parquet": parquet({"id": [1, 2, 3], "text": STORIES[:3]}),
        "data/train-00001-of-00002.parquet": parquet({"id": [4, 5, 6], "text": STORIES[3:]}),
    },
    "good/summaries": {"data/train.parquet": parquet({"id": [1, 2], "summary": ["one", " "]})},
    "odd/two-columns": {"data/train.parquet": parquet({"left": ["a"], "right": ["b"]})},
    "odd/script": {"script.py": b"open('canary', 'w').close()"},
    "odd/breaks": {
        "data/train-00000-of-00002.parquet": parquet({"text": STORIES[:3]}),
        "data/train-00001-of-00002.parquet": parquet({"text": STORIES[3:]}),
    },
    "odd/busy": {},
}


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        parts = path.removeprefix("/api").split("/")  # "", datasets, owner, name, …
        name = "/".join(parts[2:4])
        files = DATA_SETS.get(name)
        if files is None:
            return self._missing("RepoNotFound")
        if name == "odd/busy":
            return self._send(503, b"{}")
        if path.startswith("/api"):
            return self._api(name, files, parts[4:])
        return self._file(files, "/".join(parts[6:]))

    def _api(self, name: str, files: dict[str, bytes], rest: list[str]) -> None:
        if rest[:1] == ["tree"]:
            return self._json(self._tree(files, "/".join(rest[2:])))
        return self._json(
            {
                "_id": "0",
                "id": name,
                "sha": COMMIT,
                "private": False,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": [{"rfilename": file} for file in files],
            }
        )

    def _tree(self, files: dict[str, bytes], folder: str) -> list[dict[str, object]]:
        inside = [file for file in files if file.startswith(folder)]
        if folder:
            return [
                {"type": "file", "oid": _ETAG, "size": len(files[file]), "path": file}
                for file in inside
            ]
        folders = {file.split("/")[0] for file in inside if "/" in file}
        return [{"type": "directory", "oid": _ETAG, "size": 0, "path": f} for f in sorted(folders)]

    def _file(self, files: dict[str, bytes], file: str) -> None:
        if file not in files:
            return self._missing("EntryNotFound")
        if files is DATA_SETS["odd/breaks"] and file.endswith("1-of-00002.parquet"):
            return self._send(403, b"")
        data = files[file]
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
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # a client that gave up is gone
                self.wfile.write(body)

    def log_message(self, *unused: object) -> None:
        return


@contextmanager
def fake_hub() -> Iterator[str]:
    """The address of a Hub that runs for the length of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
