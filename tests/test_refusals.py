"""What the shared server refuses, asked over the wire of the very server that --share starts."""

import http.client
import importlib.util
import io
import os
import socket
import subprocess
import sys
import time
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from slm.workshop import passes, people, room
from slm.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
MB = 2**20
SECRETS = ("SLM Lab's secret", "import argparse", "root:x:", '"key_sha256"')
"""Of files that lie beside what is served; none of them may ever come over the wire."""


@dataclass
class Server:
    port: int
    workspace: Workspace
    process: "subprocess.Popen[bytes]"

    def cookie(self, name: str) -> dict[str, str]:
        """The cookie of that person, who comes in if they are not in the room."""
        known = {person.name: person for person in people.list_people(self.workspace)}
        person = known.get(name) or people.join(self.workspace, name)
        now = room.read(self.workspace)
        return {"Cookie": f"{now.cookie_name}={passes.issue(self.workspace, now, person)}"}

    def ask(self, path, method="GET", body=None, host=None, **headers):
        """The answer's status, headers and beginning; `path` goes out as it stands."""
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            wire.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            wire.putheader("Host", f"127.0.0.1:{self.port}" if host is None else host)
            for name, value in headers.items():
                wire.putheader(name.replace("_", "-"), value)
            if isinstance(body, bytes) and "Content_Length" not in headers:
                wire.putheader("Content-Length", str(len(body)))
            wire.endheaders()
            with suppress(ConnectionError):  # it may have answered and closed before all came
                for block in [body] if isinstance(body, bytes) else body or ():
                    wire.send(block)
            answer = wire.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read(MB)
        finally:
            wire.close()

    def lives(self) -> bool:
        return self.process.poll() is None and self.ask("/_stcore/health")[0] == 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None and spec.loader is not None
    dev = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dev)
    folder = tmp_path_factory.mktemp("refusals")
    here = Workspace(folder / "workspace")
    room.open_room(here, ("http://127.0.0.1",), ("127.0.0.1",))
    (here.root / "private.txt").write_text(SECRETS[0])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked = Namespace(port=port, share=True, address="127.0.0.1", name="", no_browser=True)
    command = [sys.executable, *dev._server(asked, ["127.0.0.1"])]
    told = {**os.environ, "SLM_SHARE": "1", "SLM_WORKSPACE": str(here.root)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=told, stdout=log, stderr=log)
    started = Server(port, here, process)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError):
                if started.lives():
                    break
            time.sleep(0.1)
        yield started
        assert started.lives()
        assert "Traceback" not in (folder / "log").read_text(errors="replace")
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def ada(server: Server) -> dict[str, str]:
    return server.cookie("Ada")


BEHIND = (
    *("/", "/model?run=x", "/static/index.html", "/favicon.png", "/media/abc.png", "/take-home"),
    *("/look", "/_stcore/host-config", "/_stcore/metrics", "/_stcore/script-health-check"),
    *("/_stcore/upload_file/a/b", "/_stcore/bidi-components/x/y.js", "/component/x/index.html"),
    *("/app/static/x", "/_stcore/agent", "/oauth2callback", "/auth/login", "/auth/logout"),
    *("/join/../static/index.html", "/JOIN", "/join/", "/_stcore/health/", "/_stcore/Health"),
    *("//join", "/%6aoin/x", "/_stcore/health/../host-config", "/_stcore/health%2f..%2fmetrics"),
)


@pytest.mark.parametrize("path", BEHIND)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_without_a_pass_no_path_is_answered(server: Server, path: str, method: str):
    status, headers, body = server.ask(path, method, Accept="*/*")
    assert status in {400, 403, 404, 405} and len(body) < 200
    assert "access-control-allow-origin" not in {name.lower() for name in headers}


TRAVERSALS = (
    *("/../dev.py", "/..%2fdev.py", "/%2e%2e/%2e%2e/dev.py", "/..%5cdev.py", "/..\\dev.py"),
    *("/%252e%252e%252fdev.py", "/....//dev.py", "/static/../../../../../etc/passwd"),
    *("/static/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "/static//etc/passwd", "//etc/passwd"),
    *("/static/%2fetc%2fpasswd", "/media/..%2f..%2fprivate.txt", "/media//etc/passwd"),
    *("/component/..%2f..%2fdev.py", "/component/x/..%2f..%2f..%2fetc/passwd"),
    *("/_stcore/bidi-components/..%2fdev.py", "/_stcore/bidi-components/a/../../../../etc/passwd"),
    *("/app/static/..%2fdev.py", "/app/static/workspace/private.txt", "/private.txt"),
    *("/workspace/private.txt", "/workshop/room.json", "/workshop/cookie.key", "/dev.py"),
    *("/C:/Windows/win.ini", "/C:%5CWindows%5Cwin.ini", "/%5c%5cevil.test%5cshare"),
    *(
        "//evil.test/share",
        "/\\\\evil.test\\share",
        "/file:///etc/passwd",
        "/%00",
        "/dev.py%00.png",
    ),
    *("/CON", "/NUL.txt", "/aux/../dev.py", "/.git/config", "/.streamlit/config.toml"),
    *("/.streamlit/secrets.toml", "/%ff%fe", "/%c0%ae%c0%ae/dev.py", "/" + "a" * 10_000),
    *("/" + "../" * 2_000 + "etc/passwd", "/" + quote("‮moc.live"), "/a;/../../dev.py"),
)


@pytest.mark.parametrize("path", TRAVERSALS, ids=lambda path: path[:50])
def test_no_path_leads_out_of_what_is_served(server: Server, ada: dict[str, str], path: str):
    status, headers, body = server.ask(path, **ada)
    text = body.decode(errors="replace")
    assert not any(secret in text for secret in SECRETS)
    assert status in {200, 400, 403, 404, 414, 307, 308}
    if status == 200:  # the page of the app, which then says that there is no such page
        assert '<div id="root"></div>' in text
    if status in {307, 308}:
        assert headers.get("location", "").startswith(("/", f"http://127.0.0.1:{server.port}/"))
        assert not headers["location"].startswith(("//", "/\\"))


COOKIES = {
    "none": lambda good, server: "",
    "empty": lambda good, server: "=",
    "another signature": lambda good, server: good[:-4] + "0000",
    "no signature": lambda good, server: good.rpartition(".")[0],
    "the presenter's id": lambda good, server: _with(good, 1, "local"),
    "somebody else's id": lambda good, server: _with(good, 1, _id_of(server, "Ben")),
    "a later end": lambda good, server: _with(good, 2, "99999999999"),
    "an id that climbs": lambda good, server: _with(good, 1, "..%2f..%2froom"),
    "old": lambda good, server: _issued(server, "Ada", now=time.time() - passes.VALID_SECONDS - 9),
    "of another room": lambda good, server: _issued(server, "Ada", id="another"),
    "of who was taken off": lambda good, server: _taken_off(server),
    "8 kB": lambda good, server: good + "0" * 8_000,
    "letters of another script": lambda good, server: good.replace("1", "١").encode().decode("l1"),
    "quoted": lambda good, server: f'"{good}x"',
    "two": lambda good, server: f"x; {room.read(server.workspace).cookie_name}=y",
}


def _with(good: str, place: int, value: str) -> str:
    parts = good.split(".")
    parts[place] = value
    return ".".join(parts)


def _id_of(server: Server, name: str) -> str:
    server.cookie(name)
    return next(p.id for p in people.list_people(server.workspace) if p.name == name)


def _issued(server: Server, name: str, now: float | None = None, **other: str) -> str:
    here = room.read(server.workspace).replace(**other)
    person = people.find(server.workspace, _id_of(server, name))
    assert person is not None
    return passes.issue(server.workspace, here, person, now)


def _taken_off(server: Server) -> str:
    cookie = _issued(server, "Eve")
    people.take_off(server.workspace, _id_of(server, "Eve"))
    return cookie


@pytest.mark.parametrize("kind", COOKIES)
def test_a_cookie_that_is_not_ones_own_opens_nothing(server: Server, kind: str):
    name = room.read(server.workspace).cookie_name
    value = COOKIES[kind](_issued(server, "Ada"), server)
    asked = {"Cookie": f"{name}={value}", "Accept": "*/*"}
    assert server.ask("/_stcore/host-config", **asked)[0] in {400, 403, 431}
    assert _handshake(server, f"http://127.0.0.1:{server.port}", asked) in {400, 403, 431}


def test_the_same_question_with_ones_own_cookie_is_answered(server: Server, ada: dict[str, str]):
    assert server.ask("/_stcore/host-config", **ada)[0] == 200
    assert _handshake(server, f"http://127.0.0.1:{server.port}", ada) == 101


def _handshake(server: Server, origin: str | None, headers: dict[str, str], host: str = "") -> int:
    """The status with which the server answers the opening of a websocket."""
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host or f'127.0.0.1:{server.port}'}",
        *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        *([f"Origin: {origin}"] if origin is not None else []),
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return int(wire.recv(200).split(b" ")[1])


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.test", "https://127.0.0.1.evil.test", "http://evil.test:8501", "null", ""),
        *("file://", "http://127.0.0.1:1", "http://user@evil.test", "http://[", "javascript:1"),
    ],
)
def test_no_page_of_another_site_opens_a_socket(server: Server, ada: dict[str, str], origin: str):
    assert _handshake(server, origin, ada) == 403


HOSTS = ("evil.test", "evil.test:8501", "127.0.0.1.evil.test", "", "[", "127.0.0.1@evil.test")


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_is_not_the_servers_is_refused(server: Server, ada: dict[str, str], host: str):
    """A site whose name was turned to this machine (DNS rebinding) says its own name."""
    assert server.ask("/", host=host, **ada)[0] in {400, 421}
    assert server.ask("/join", host=host)[0] in {400, 421}
    if host:
        assert _handshake(server, f"http://{host}", ada, host) in {400, 403}


def test_a_name_in_other_headers_changes_nothing(server: Server, ada: dict[str, str]):
    asked = {"X_Forwarded_Host": "evil.test", "X_Original_URL": "/join", "Forwarded": "host=e"}
    status, headers, body = server.ask("/_stcore/host-config", **ada, **asked)
    assert status == 200 and b"evil.test" not in body
    status, headers, _ = server.ask("/model", Accept="text/html", **asked)
    assert (status, headers["location"]) == (303, "/join?next=%2Fmodel")


@pytest.mark.parametrize("path", ["/join", "/look"])
def test_a_form_of_another_site_is_refused(server: Server, ada: dict[str, str], path: str):
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    for asked in (
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
    ):
        assert server.ask(path, "POST", b"address=/model", **ada, **kind, **asked)[0] == 403


@dataclass
class Visit:
    """An open page of somebody: its socket, its name, and what protects its uploads."""

    session: str
    headers: dict[str, str]


@pytest.fixture(scope="module")
def visit(server: Server, ada: dict[str, str]) -> Iterator[Visit]:
    _, headers, _ = server.ask("/_stcore/health", **ada)
    given = {name.lower(): value for name, value in headers.items()}
    xsrf = given["set-cookie"].split(";")[0].removeprefix("_streamlit_xsrf=")
    cookies = {"Cookie": f"{ada['Cookie']}; _streamlit_xsrf={xsrf}"}
    url = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    told = {"Origin": f"http://127.0.0.1:{server.port}", **cookies}
    with connect(url, additional_headers=told, subprotocols=["streamlit", xsrf]) as wire:
        again = BackMsg()
        again.rerun_script.query_string = ""
        wire.send(again.SerializeToString())
        while True:
            heard = ForwardMsg()
            heard.ParseFromString(wire.recv(timeout=60))
            if heard.HasField("new_session"):
                break
        yield Visit(heard.new_session.initialize.session_id, {**cookies, "X_Xsrftoken": xsrf})


def _form(content: bytes) -> tuple[dict[str, str], bytes]:
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    return {"Content_Type": "multipart/form-data; boundary=x"}, part + content + b"\r\n--x--\r\n"


def test_a_file_is_taken_from_the_page_that_is_open_and_from_no_other(server: Server, visit: Visit):
    kind, body = _form(b"once upon a time")
    path = f"/_stcore/upload_file/{visit.session}/a"
    assert server.ask(path, "PUT", body, **visit.headers, **kind)[0] == 204
    forged = {**visit.headers, "X_Xsrftoken": "2|00000000|" + "0" * 32 + "|1"}
    assert server.ask(path, "PUT", body, **forged, **kind)[0] == 403
    without = {"Cookie": visit.headers["Cookie"]}
    for method in ("PUT", "DELETE"):
        assert server.ask(path, method, body, **without, **kind)[0] == 403
    for session in ("0" * 36, "..%2f..", "%00", "a" * 5_000):
        other = f"/_stcore/upload_file/{session}/a"
        assert server.ask(other, "PUT", body, **visit.headers, **kind)[0] in {400, 404}


def test_a_file_over_the_limit_is_refused_before_it_is_read_and_while_it_is(
    server: Server, visit: Visit
):
    path = f"/_stcore/upload_file/{visit.session}/large"
    kind, head = _form(b"")
    told = {"Content_Length": str(26 * MB)}
    assert server.ask(path, "PUT", (b"",), **visit.headers, **kind, **told)[0] == 413
    block = b"x" * MB
    chunk = f"{len(block):x}\r\n".encode() + block + b"\r\n"
    begin = head.removesuffix(b"\r\n--x--\r\n")
    blocks = (f"{len(begin):x}\r\n".encode() + begin + b"\r\n", *(chunk for _ in range(40)))
    chunked = {"Transfer_Encoding": "chunked"}
    assert server.ask(path, "PUT", blocks, **visit.headers, **kind, **chunked)[0] == 413
    for length in ("-1", "many", "1, 2"):
        bad = {"Content_Length": length}
        with suppress(http.client.HTTPException, ConnectionError):
            assert server.ask(path, "PUT", (b"",), **visit.headers, **kind, **bad)[0] == 400


RANGES = (
    *("bytes=0-9", "bytes=-5", "bytes=5-", "bytes=9-0", "bytes=0-99999999999999999999"),
    *("bytes=99999999-", "bytes=--1", "bytes=a-b", "bytes=", "lines=0-9", "bytes=0-,0-,0-"),
    "bytes=" + ",".join(f"{n}-{n + 1}" for n in range(0, 12_000, 3)),
    "bytes=" + "0-," * 5_000,
)


@pytest.mark.parametrize("asked", RANGES, ids=lambda asked: asked[:20])
def test_parts_of_a_static_file_are_given_or_refused_at_once(
    server: Server, ada: dict[str, str], asked: str
):
    begun = time.monotonic()
    status, _, body = server.ask("/favicon.png", Range=asked, **ada)
    assert status in {200, 206, 400, 416, 431}
    assert len(body) < 500_000 and time.monotonic() - begun < 30


def test_what_one_takes_home_is_ones_own_whatever_is_asked(server: Server, ada: dict[str, str]):
    here = server.workspace
    here.runs.open_folder("the presenter's", {})
    ben = server.cookie("Ben")
    run = here.acting_as(_id_of(server, "Ben")).runs.open_folder("Ben's", {})
    for of in ("local", "../..", "..%2f..%2f", "%00", _id_of(server, "Ada"), "a" * 5_000):
        status, _, body = server.ask(f"/take-home?of={of}", **ben)
        assert status == 200
        inside = zipfile.ZipFile(io.BytesIO(body)).namelist()
        assert inside == ["take-home.json", f"runs/{run.id}/manifest.json"]
        status, _, body = server.ask(f"/take-home?of={of}", **ada)
        assert status == 404 and b"nothing to take home yet" in body


def test_wrong_codes_are_counted_by_who_sent_them_also_behind_a_proxy(server: Server):
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    for _ in range(10):
        status, _, body = server.ask(
            "/join", "POST", b"code=AAAAAA&name=Mallory", X_Forwarded_For="10.9.9.9", **kind
        )
        assert status == 403 and b"not the code" in body
    for sender, told in (("10.9.9.9", b"many wrong tries"), ("10.9.9.8", b"not the code")):
        _, _, body = server.ask(
            "/join", "POST", b"code=AAAAAA&name=Mallory", X_Forwarded_For=sender, **kind
        )
        assert told in body


def test_every_page_tells_the_browser_what_it_may_load(server: Server, ada: dict[str, str]):
    _, headers, _ = server.ask("/", Accept="text/html", **ada)
    told = {name.lower(): value for name, value in headers.items()}
    policy = told["content-security-policy"]
    assert "img-src 'self' data: blob:" in policy and "frame-ancestors 'self'" in policy
    assert "connect-src 'self'" in policy and "object-src 'none'" in policy
    assert told["x-content-type-options"] == "nosniff"
    assert told["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in told


@pytest.mark.parametrize(
    "request_",
    [
        *(b"GET / HTTP/9.9\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"A" * 200_000),
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"POST /join HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /model HTTP/1.1\r\n\r\n",
        b"GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        b"CONNECT evil.test:80 HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:24]),
)
def test_what_is_no_request_is_no_harm(server: Server, request_: bytes):
    place = ("127.0.0.1", server.port)
    with socket.create_connection(place, timeout=30) as wire, suppress(OSError):
        wire.sendall(request_)
        wire.shutdown(socket.SHUT_WR)
        answer = wire.recv(300)
        assert not answer or answer.split(b" ")[1] in {b"400", b"403", b"404", b"405", b"421"}
    assert server.lives()


def test_a_stranger_gets_no_socket(server: Server):
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{server.port}/_stcore/stream").close()
