"""Where a shared room is found on the local network, also as a QR code for phones.

Knows this machine's interfaces, nothing of who is let in.
"""

import ipaddress
import socket
from urllib.parse import urlencode

import psutil
import segno

_VIRTUAL = ("docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "utun", "tun", "tap")
ANYWHERE = "0.0.0.0"


def local_addresses() -> list[str]:
    """The IPv4 addresses under which this machine is reached, the likeliest first."""
    found = [
        entry.address
        for interface, entries in psutil.net_if_addrs().items()
        for entry in entries
        if entry.family == socket.AF_INET and not interface.lower().startswith(_VIRTUAL)
    ]
    outward = _outward_address()
    usable = [each for each in dict.fromkeys(found) if _is_usable(each)]
    return sorted(usable, key=lambda each: (each != outward, not _is_private(each), each))


def room_urls(port: int, listens_on: str = ANYWHERE, name: str = "") -> tuple[str, ...]:
    """The addresses to type into a browser: by the name that was given, then by numbers.

    >>> room_urls(8501, "192.168.1.5")
    ('http://192.168.1.5:8501',)
    >>> room_urls(8501, "192.168.1.5", "https://class.example.org")
    ('https://class.example.org', 'http://192.168.1.5:8501')
    """
    numbers = local_addresses() if listens_on == ANYWHERE else [listens_on]
    urls = [f"http://{number}:{port}" for number in numbers] or [f"http://127.0.0.1:{port}"]
    if name:
        urls.insert(0, name.rstrip("/") if "://" in name else f"http://{name}:{port}")
    return tuple(urls)


def host_names(urls: tuple[str, ...]) -> tuple[str, ...]:
    """The names that the server answers to; a page that reaches it by another one is refused.

    >>> host_names(("https://class.example.org", "http://192.168.1.5:8501"))
    ('class.example.org', '192.168.1.5', 'localhost', '127.0.0.1')
    """
    named = [url.partition("://")[2].partition("/")[0].rpartition(":") for url in urls]
    hosts = [host if colon else rest for host, colon, rest in named]
    return tuple(dict.fromkeys([*(host.lower() for host in hosts), "localhost", "127.0.0.1"]))


def join_link(url: str, code: str) -> str:
    """The address that a QR code carries: the door, with the code filled in.

    >>> join_link("http://192.168.1.5:8501", "K7M4QX")
    'http://192.168.1.5:8501/join?code=K7M4QX'
    """
    return f"{url}/join?{urlencode({'code': code})}"


def presenter_link(url: str, ticket: str) -> str:
    """The address by which a presenter comes in, once.

    >>> presenter_link("http://192.168.1.5:8501", "k3-x")
    'http://192.168.1.5:8501/join?ticket=k3-x'
    """
    return f"{url}/join?{urlencode({'ticket': ticket})}"


def qr_svg(text: str) -> str:
    """A QR code as SVG, dark on white in both themes, since cameras want it so."""
    svg = segno.make(text, error="m").svg_inline(scale=8, border=3, dark="#000", light="#fff")
    return str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def qr_lines(text: str) -> str:
    """A QR code for a terminal, two rows of squares in a line of characters."""
    rows = [[bool(cell) for cell in row] for row in segno.make(text, error="l").matrix_iter()]
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    shapes = {(True, True): " ", (True, False): "▄", (False, True): "▀", (False, False): "█"}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join(
        "".join(shapes[cells] for cells in zip(upper, lower, strict=True)) for upper, lower in pairs
    )


def _outward_address() -> str:
    """The address that this machine would send from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address kept for documentation
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def _is_usable(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)


def _is_private(address: str) -> bool:
    return ipaddress.ip_address(address).is_private
