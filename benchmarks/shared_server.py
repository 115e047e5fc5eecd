"""The shared server in a process of its own, as a class finds it; killed and started again too."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_SECONDS = 120.0


class SharedServer:
    """The app behind its door, on a port of this computer."""

    def __init__(self, workspace: Path, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.workspace, self.log = workspace, log
        self.down, self.deaths = True, 0
        self.url = f"http://127.0.0.1:{self.port}"
        self._seconds_of_dead = 0.0

    def start(self) -> None:
        """Serve, and come back when it answers. Its log goes on where it was."""
        command = [sys.executable, "-m", "streamlit", "run", "share.py"]
        command += ["--server.port", str(self.port), "--server.address", "127.0.0.1"]
        command += ["--server.maxUploadSize", "25", "--server.allowedHosts", "127.0.0.1"]
        told = {"SLM_WORKSPACE": str(self.workspace), "SLM_SHARE": "1"}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **told}, stdout=output, stderr=output
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit(f"No server: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        self.down = False

    def kill(self) -> None:
        """End it as a power cut would: no word to anybody."""
        self.down = True
        self.deaths += 1
        self._seconds_of_dead += self.processor_seconds()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it as Ctrl+C does."""
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def memory(self) -> float:
        """MB that the server holds, without the jobs; 0 while it is down."""
        try:
            return 0.0 if self.down else psutil.Process(self._process.pid).memory_info().rss / 1e6
        except psutil.NoSuchProcess:
            return 0.0

    def processor_seconds(self) -> float:
        """What it took of the processor since the beginning, all its processes."""
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.NoSuchProcess:
            return self._seconds_of_dead
        return self._seconds_of_dead + float(times.user + times.system)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                return True
        except OSError:
            return False
