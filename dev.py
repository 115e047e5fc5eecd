"""What one types: python dev.py app | test | check | bench | demo | texts | shots.

Uses the standard library alone. It makes `.venv` beside itself, installs the
pinned requirements when they have changed, and runs the rest in there.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import venv
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if sys.platform == "win32" else "bin")
PYTHON = BIN / ("python.exe" if sys.platform == "win32" else "python")
OLDEST_PYTHON = (3, 11)
MOST_TEST_WORKERS = 4
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")


def main() -> int:
    if sys.version_info < OLDEST_PYTHON:
        print(f"SLM Lab needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
        return 2
    options, rest = _parser().parse_known_args()
    if rest and options.command not in {"test", "bench", "app", "demo"}:
        print(f"dev.py {options.command} takes no {' '.join(rest)!r}.")
        return 2
    return int(options.run(options, rest))


def app(options: argparse.Namespace, rest: list[str]) -> int:
    """Install what the app needs, start it, and open it in the browser."""
    _install("requirements.txt")
    url = f"http://localhost:{options.port}"
    environment: dict[str, str] = {}
    hosts: list[str] = []
    opens = url
    if options.share:
        room = _open_room(options)
        if room is None:
            return 1
        environment, hosts = {"SLM_SHARE": "1"}, room["hosts"]
        opens = room["presenter_link"]
        print(_room_in_words(room), flush=True)
    else:
        print(f"SLM Lab opens at {url} . Ctrl+C ends it.", flush=True)
    if not options.no_browser:
        waiting = threading.Thread(target=_open_when_ready, args=(url, opens), daemon=True)
        waiting.start()
    try:
        return _python(*_server(options, hosts), *rest, environment=environment)
    except KeyboardInterrupt:
        return 0


def _server(options: argparse.Namespace, hosts: Sequence[str] = ()) -> list[str]:
    """The command line of the server: for this computer alone, unless it is shared."""
    port = ["--server.port", str(options.port)]
    if not options.share:
        return ["-m", "streamlit", "run", "app.py", "--server.address", "127.0.0.1", *port]
    shared = ["--server.address", options.address, *port, "--server.maxUploadSize", "25"]
    shared += ["--server.enableXsrfProtection", "true", "--server.enableCORS", "true"]
    shared += [part for host in hosts for part in ("--server.allowedHosts", host)]
    return ["-m", "streamlit", "run", "share.py", *shared]


def _open_room(options: argparse.Namespace) -> dict[str, Any] | None:
    """Let the app open the room; None when it could not, which it has said itself."""
    asked = ["--port", str(options.port), "--address", options.address]
    asked += ["--public-name", options.name] if options.name else []
    workspace = os.environ.get("SLM_WORKSPACE", str(ROOT / "workspace"))
    command = ["-m", "slm", "open-room", "--json", "--workspace", workspace, *asked]
    told = subprocess.run([str(PYTHON), *command], cwd=ROOT, stdout=subprocess.PIPE)
    if told.returncode:
        return None
    opened: dict[str, Any] = json.loads(told.stdout)
    return opened


def _room_in_words(room: dict[str, Any]) -> str:
    """What the presenter reads in the terminal."""
    addresses = "\n             ".join(room["addresses"])
    return (
        f"\n{room['qr']}\n\n"
        f"  Address:   {addresses}\n"
        f"  Code:      {room['code']}\n\n"
        f"  Only for you, the presenter:\n"
        f"  Key:       {room['presenter_key']}\n"
        f"  Link:      {room['presenter_link']}  (works once)\n\n"
        "  Shared with whoever has the code: everything in this workspace can be seen; each\n"
        "  changes what is theirs, and you everything. The connection is not encrypted: this is\n"
        "  for a room of people who trust each other, not for the open internet (SECURITY.md).\n"
        "  Ctrl+C ends it; started again, it goes on with the same code and\n"
        "  people, and with another key for you.\n"
    )


def test(options: argparse.Namespace, rest: list[str]) -> int:
    """Check the code, then run the tests; `--all` adds the slow fault and load suites."""
    _install("requirements-dev.txt")
    failed = _check(fix=False)
    if failed:
        return failed
    # Each worker computes on one thread: more of them would wait for each other.
    environment = {"SLM_CHROMIUM": _browser(), "OMP_NUM_THREADS": "1"}
    workers = min(os.cpu_count() or 1, MOST_TEST_WORKERS)
    quick = ["-n", str(workers), "--dist", "loadfile", "-m", "not slow"]
    failed = _python("-m", "pytest", "-q", *quick, *rest, environment=environment)
    if failed or not options.all:
        return failed
    # These look at the clock, or keep all cores busy by themselves.
    return _python("-m", "pytest", "-q", "-m", "slow", *rest, environment=environment)


def check(options: argparse.Namespace, rest: list[str]) -> int:
    """Format, lint and type-check; `--fix` mends what can be mended."""
    del rest
    _install("requirements-dev.txt")
    return _check(fix=options.fix)


def bench(options: argparse.Namespace, rest: list[str]) -> int:
    """Run one benchmark by its name, or list them."""
    _install("requirements-dev.txt")
    found = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
    if options.name not in found:
        print("Benchmarks: " + ", ".join(found))
        return 2 if options.name else 0
    return _python(str(ROOT / "benchmarks" / f"{options.name}.py"), *rest)


def demo(options: argparse.Namespace, rest: list[str]) -> int:
    """Train the shipped demo run anew; demo/ is replaced when all of it is there."""
    del options
    _install("requirements.txt")
    recipe = ["--recipe", "demo", "--source", "tales-with-echoes", "--name", "Demo"]
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "demo"
        failed = _python("-m", "slm", "build", *recipe, "--workspace", str(made), *rest)
        if failed:
            return failed
        for shelf in ("corpora", "tokenizers", "tokens", "runs"):
            shutil.rmtree(ROOT / "demo" / shelf, ignore_errors=True)  # the example race stays
            ignored = shutil.ignore_patterns("*.lock")
            shutil.copytree(made / shelf, ROOT / "demo" / shelf, ignore=ignored)
    return 0


def texts(options: argparse.Namespace, rest: list[str]) -> int:
    """Gather the interface's texts anew in ui/locale/slm_lab.pot, for translators."""
    del options
    _install("requirements.txt")
    return _python("-m", "ui.catalogue", *rest)


def shots(options: argparse.Namespace, rest: list[str]) -> int:
    """Take the README's screenshots anew."""
    del options, rest
    _install("requirements-dev.txt")
    script = str(ROOT / "tests" / "browser" / "shots.py")
    return _python(script, environment={"SLM_CHROMIUM": _browser()})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for function in (app, test, check, bench, demo, texts, shots):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(run=function)
        if function is app:
            command.add_argument("--port", type=int, default=8501, help="port (default 8501)")
            command.add_argument("--no-browser", action="store_true", help="open no browser")
            command.add_argument(
                "--share", action="store_true", help="share it with a room on the local network"
            )
            command.add_argument(
                "--address", default="0.0.0.0", help="with --share: interface (default all)"
            )
            command.add_argument(
                "--name", default="", help="with --share: name by which people reach it"
            )
        if function is test:
            command.add_argument("--all", action="store_true", help="also the slow suites")
        if function is check:
            command.add_argument("--fix", action="store_true", help="mend what can be mended")
        if function is bench:
            command.add_argument("name", nargs="?", help="the benchmark's file name without .py")
    return parser


def _install(requirements: str) -> None:
    """Make .venv and install `requirements`, unless just these are installed already."""
    texts = [(ROOT / name).read_bytes() for name in ("requirements.txt", requirements)]
    wanted = hashlib.sha256(b"".join(texts) + sys.version.encode()).hexdigest()
    stamp = VENV / f"installed-{requirements}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not PYTHON.exists():
        print("Making .venv …", flush=True)
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    print(f"Installing {requirements}: some minutes the first time …", flush=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if _python(*install, "-r", str(ROOT / requirements)):
        raise SystemExit(
            f"Installing {requirements} failed; pip's words are above. "
            "Check the network, then run the same command again: it goes on from there."
        )
    stamp.write_text(wanted)


def _check(fix: bool) -> int:
    lint = [["-m", "ruff", "format", "."], ["-m", "ruff", "check", "--quiet", "--fix", "."]]
    if not fix:
        lint = [["-m", "ruff", "format", "--quiet", "--check", "."], ["-m", "ruff", "check", "."]]
    codes = [_python(*command) for command in [*lint, ["-m", "mypy"]]]
    return max(codes)


def _browser() -> str:
    """The path of a Chromium: one that is here, else Debian's package, else Playwright's own."""
    given = os.environ.get("SLM_CHROMIUM") or _installed_browser()
    if given:
        return given
    if shutil.which("apt-get") and _may_install_packages():
        print("Installing Debian's chromium for the browser tests …", flush=True)
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "check": False}
        subprocess.run([*sudo, "apt-get", "update", "-qq"], **quiet)
        subprocess.run([*sudo, "apt-get", "install", "-y", "-qq", "chromium"], **quiet)
        found = _installed_browser()
        if found:
            return found
    print("Fetching Playwright's own Chromium for the browser tests …", flush=True)
    if _python("-m", "playwright", "install", "chromium"):
        raise SystemExit(
            "No browser for the browser tests: install Chromium or Chrome, or name one in the "
            "environment variable SLM_CHROMIUM, then run the same command again."
        )
    return "playwright"


def _installed_browser() -> str | None:
    places = [shutil.which(name) for name in BROWSERS]
    places += [
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ]
    return next((place for place in places if place and Path(place).exists()), None)


def _may_install_packages() -> bool:
    if os.geteuid() == 0:
        return True
    sudo = shutil.which("sudo")
    return bool(sudo) and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0


def _open_when_ready(url: str, opens: str, patience_seconds: float = 120) -> None:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                webbrowser.open(opens)
                return
        except OSError:
            time.sleep(0.5)


def _python(*arguments: str, environment: dict[str, str] | None = None) -> int:
    command = [str(PYTHON), *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **(environment or {})}).returncode


if __name__ == "__main__":
    sys.exit(main())
