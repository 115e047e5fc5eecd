"""The server with many streams at once: tokens a second of all, and the first token of each.

    python benchmarks/server_streams.py [--streams 16] [--new 160] [--rounds 5]

`python -m slm serve` on the demo run, in a process of its own; the clients are in this one, so
both share the cores. One stream alone, and many that ask at the same moment, in turn, round by
round; each has a prompt and a seed of its own and a fixed number of tokens. The clients read
bytes and parse the last event alone, since what is measured is the server. Told are medians
over the rounds; the first token is told as the 95th of 100, over all streams of all rounds. The
last line is tokens a second of all together, over one alone.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from slm.serving.presence import running
from slm.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
PROMPTS = ("Once upon a time", "The fox", "One day a small bear", "In the garden")
_PATIENCE_SECONDS = 60


def main() -> None:
    """Measure one and many and print the ratio as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--new", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    choice = parser.parse_args()
    with tempfile.TemporaryDirectory() as held, server(Path(held)) as url:
        asyncio.run(measured(url, 2, 40))  # warm
        asyncio.run(measured(url, choice.streams, 40))
        rounds = {1: [], choice.streams: []}
        for _ in range(choice.rounds):  # in turn, so that both meet the same noise
            for streams, heard in rounds.items():
                heard.append(asyncio.run(measured(url, streams, choice.new)))
    rates = {}
    for streams, heard in rounds.items():
        rates[streams] = statistics.median(rate for rate, _ in heard)
        firsts = sorted(second for _, seconds in heard for second in seconds)
        late = firsts[min(len(firsts) - 1, int(0.95 * len(firsts)))]
        print(
            f"{streams:3} at once: {rates[streams]:8.1f} tokens/s, first token after "
            f"{1000 * statistics.median(firsts):.0f} ms (p95 {1000 * late:.0f} ms)"
        )
    print(f"tokens a second of {choice.streams} streams at once, over one alone")
    print(f"ratio: {rates[choice.streams] / rates[1]:.2f}")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a fresh server, which is ended by its process id."""
    workspace = Workspace(folder / "workspace")
    command = [sys.executable, "-m", "slm", "serve", "--run", "Demo", "--port", "0"]
    environment = {**os.environ, "SLM_WORKSPACE": str(workspace.root)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while b"is served at" not in (folder / "log").read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((folder / "log").read_text())
            time.sleep(0.05)
        yield running(workspace)[0].url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


async def measured(url: str, streams: int, new: int) -> tuple[float, list[float]]:
    """Tokens a second of all, and the seconds to each first token."""
    at = urlsplit(url)
    assert at.hostname is not None
    ways = [await asyncio.open_connection(at.hostname, at.port) for _ in range(streams)]
    begin = time.perf_counter()
    heard = await asyncio.gather(
        *(listened(*way, number, new, begin) for number, way in enumerate(ways))
    )
    elapsed = time.perf_counter() - begin
    assert all(count == new for _, count in heard), heard
    return streams * new / elapsed, [first for first, _ in heard]


async def listened(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    number: int,
    new: int,
    begin: float,
) -> tuple[float, int]:
    """Seconds to the first token, and how many tokens the server says it wrote."""
    asked = {
        "model": "Demo",
        "prompt": PROMPTS[number % len(PROMPTS)],
        "seed": number,
        "max_tokens": new,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body = json.dumps(asked).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    first, seen = 0.0, b""
    while block := await reader.read(2**16):
        seen += block
        if not first and b'"text":' in seen:
            first = time.perf_counter() - begin
    writer.close()
    usage = seen.rpartition(b'"usage":')[2].partition(b"}")[0] + b"}"
    return first, int(json.loads(usage)["completion_tokens"])


if __name__ == "__main__":
    main()
