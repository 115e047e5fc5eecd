"""A room that asks an identity provider who people are; needs Authlib, which is optional."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from slm.workshop import people, room
from slm.workspace import Workspace
from tests.browser.app_server import PATIENCE_MS, settled
from tests.workshop.fake_provider import CLIENT, provider

pytest.importorskip("authlib")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SECRETS = """[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "{secret}"
client_id = "{client}"
client_secret = "not asked"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


def test_who_came_in_logs_in_and_is_called_as_the_provider_calls_them(
    browser: Browser, tmp_path: Path
):
    here = Workspace(tmp_path / "workspace")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = f"http://localhost:{port}"
    opened, _, _ = room.open_room(here, (app,), ("localhost",))
    with provider({"sub": "17", "name": "Ada <b>Lovelace</b>"}) as url:
        told = SECRETS.format(app=app, secret="s" * 40, client=CLIENT, provider=url)
        (tmp_path / "secrets.toml").write_text(told)
        command = [sys.executable, "-m", "streamlit", "run", "share.py", "--server.port", str(port)]
        command += ["--secrets.files", str(tmp_path / "secrets.toml")]
        command += ["--server.allowedHosts", "localhost"]
        environment = {"SLM_SHARE": "1", "SLM_WORKSPACE": str(here.root)}
        with (tmp_path / "log").open("wb") as log:
            server = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=log
            )
        try:
            deadline = time.monotonic() + PATIENCE_MS / 1000
            while time.monotonic() < deadline:
                with suppress(OSError), urllib.request.urlopen(f"{app}/_stcore/health"):
                    break
                time.sleep(0.2)
            page = browser.new_page()
            page.goto(f"{app}/auth/login")
            assert "/join" in page.url  # a login alone opens nothing
            page.goto(f"{app}/join?next=/workshop")
            page.fill("input[name=code]", opened.spoken_code)
            page.fill("input[name=name]", "typed")
            page.get_by_role("button", name="Come in").click()
            expect(page.get_by_text("this room asks who you are")).to_be_visible()
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_test_id("stSidebarNavLink").first).to_be_visible()
            settled(page)
            [person] = people.list_people(here)
            assert person.name == "Ada <b>Lovelace</b>"
            page.goto(f"{app}/workshop")
            settled(page)
            expect(page.get_by_text("Ada <b>Lovelace</b>").first).to_be_visible()
            page.context.close()
        finally:
            server.terminate()
            server.wait(timeout=20)
