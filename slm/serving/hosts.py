"""Which names a client may call the server by.

A page in a browser can give its own name the address of this machine (DNS rebinding) and then
reads what a server there answers. The `Host` header still says the page's name; so what is
neither an address nor a name of this machine is refused.
"""

import ipaddress
import socket
from collections.abc import Iterable

_LOCAL_NAMES = frozenset({"localhost"})


def is_local(host: str) -> bool:
    """Whether only this machine reaches that address.

    >>> is_local("127.0.0.1"), is_local("::1"), is_local("localhost"), is_local("0.0.0.0")
    (True, True, True, False)
    """
    address = _address(host)
    return host.lower() in _LOCAL_NAMES if address is None else address.is_loopback


def name_in(header: str) -> str:
    """The name or address in a `Host` header, in small letters, without the port.

    >>> name_in("LocalHost:8000"), name_in("[::1]:8000"), name_in("10.0.0.5")
    ('localhost', '::1', '10.0.0.5')
    """
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if name.count(":") == 1 else name


class KnownHosts:
    """Answers whether a `Host` header names this server."""

    def __init__(self, listens_on: str, also: Iterable[str] = ()) -> None:
        self._only_local = is_local(listens_on)
        self._names = _LOCAL_NAMES | {name.strip().lower() for name in also}
        if not self._only_local:
            own = socket.gethostname().lower()
            self._names |= {own, own.partition(".")[0], listens_on.lower()}

    def knows(self, header: str) -> bool:
        """Whether a request with this header is meant for us."""
        name = name_in(header)
        address = _address(name)
        if name in self._names:
            return True
        return address is not None and (address.is_loopback or not self._only_local)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
