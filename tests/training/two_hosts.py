"""Two machines on one: network namespaces joined by a cable, or else two loopback addresses.

Linux, and for the namespaces the right to make them.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

NETWORK = "10.77.41"


@dataclass(frozen=True)
class Host:
    """How a command is run there, its address, and the network device that leads to the other."""

    prefix: tuple[str, ...]
    address: str
    device: str


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts that reach each other and nothing else."""
    names = ("slm-a", "slm-b")
    commands = [f"ip netns add {name}" for name in names]
    commands += [f"ip link add veth0 netns {names[0]} type veth peer name veth0 netns {names[1]}"]
    for number, name in enumerate(names, start=1):
        commands += [
            f"ip -n {name} address add {NETWORK}.{number}/24 dev veth0",
            f"ip -n {name} link set veth0 up",
            f"ip -n {name} link set lo up",
        ]
    try:
        if sys.platform == "linux" and all(_succeeds(command) for command in commands):
            first, second = (
                Host(("ip", "netns", "exec", name), f"{NETWORK}.{number}", "veth0")
                for number, name in enumerate(names, start=1)
            )
            yield first, second
        elif sys.platform == "linux":
            yield Host((), "127.0.0.2", "lo"), Host((), "127.0.0.3", "lo")
        else:
            pytest.skip("two hosts on one machine need Linux")
    finally:
        for name in names:
            _succeeds(f"ip netns delete {name}")


def _succeeds(command: str) -> bool:
    try:
        return subprocess.run(command.split(), capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
