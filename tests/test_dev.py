"""What dev.py starts: for this computer alone, unless the app is shared."""

import argparse
import importlib.util
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from slm.workshop import addresses, room
from slm.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
assert _spec is not None and _spec.loader is not None
dev = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(dev)


def _options(**given):
    asked = {"port": 8501, "share": False, "address": "0.0.0.0", "name": "", "no_browser": True}
    return argparse.Namespace(**{**asked, **given})


def _value(command, flag):
    return command[command.index(flag) + 1]


def test_alone_the_server_listens_on_this_computer_only():
    command = dev._server(_options())
    assert command[3] == "app.py"
    assert _value(command, "--server.address") == "127.0.0.1"


def test_shared_it_listens_on_the_network_behind_the_door():
    command = dev._server(_options(share=True, port=9000), ["192.168.1.5", "localhost"])
    assert command[3] == "share.py"
    assert _value(command, "--server.address") == "0.0.0.0"
    assert _value(command, "--server.port") == "9000"
    assert _value(command, "--server.maxUploadSize") == "25"
    assert _value(command, "--server.enableXsrfProtection") == "true"
    assert command.count("--server.allowedHosts") == 2


def test_the_terminal_tells_address_code_key_and_what_is_shared():
    told = dev._room_in_words(
        {
            "qr": "█",
            "addresses": ["http://192.168.1.5:8501"],
            "code": "K7M-4QX",
            "presenter_key": "AAAA-BBBB",
            "presenter_link": "http://localhost:8501/join?ticket=x",
        }
    )
    for words in ("192.168.1.5:8501", "K7M-4QX", "AAAA-BBBB", "works once", "not encrypted"):
        assert words in told


@contextmanager
def _served(options, tmp_path, hosts=(), **environment):
    """The server as dev.py starts it, on a free port; ended by its id."""
    import os

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        options.port = free.getsockname()[1]
    told = {**os.environ, **environment, "SLM_WORKSPACE": str(tmp_path / "workspace")}
    command = [sys.executable, *dev._server(options, hosts)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=told, stdout=log, stderr=log)
    try:
        deadline = monotonic() + 60
        while monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(_health("127.0.0.1", options.port)):
                break
            sleep(0.2)
        yield options.port
    finally:
        server.terminate()
        server.wait(timeout=20)


def _health(host, port):
    return f"http://{host}:{port}/_stcore/health"


def _answers(host, port):
    try:
        with urllib.request.urlopen(_health(host, port), timeout=3):
            return True
    except OSError:
        return False


def _own_address():
    found = addresses.local_addresses()
    if not found:
        pytest.skip("this machine has no address on a network")
    return found[0]


def test_alone_nobody_on_the_network_reaches_it(tmp_path):
    outward = _own_address()
    with _served(_options(), tmp_path) as port:
        assert _answers("127.0.0.1", port)
        assert not _answers(outward, port)


def test_shared_the_network_reaches_the_door_and_nothing_behind_it(tmp_path):
    outward = _own_address()
    here = Workspace(tmp_path / "workspace")
    hosts = (outward, "127.0.0.1")
    room.open_room(here, (f"http://{outward}",), hosts)
    with _served(_options(share=True), tmp_path, hosts, SLM_SHARE="1") as port:
        assert _answers(outward, port)
        asked = urllib.request.Request(f"http://{outward}:{port}/", headers={"Accept": "text/html"})
        with urllib.request.urlopen(asked) as answer:
            assert answer.url.endswith("/join") and b"Come in" in answer.read()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{outward}:{port}/_stcore/host-config")
        assert refused.value.code == 403
        with socket.create_connection((outward, port), timeout=5) as wire:
            wire.sendall(
                f"GET /_stcore/stream HTTP/1.1\r\nHost: {outward}:{port}\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
            )
            assert b" 403 " in wire.recv(200)
