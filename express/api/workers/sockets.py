"""The sockets the workers listen on: one port, with a socket per worker where the system distributes connections."""

from __future__ import annotations

import socket
import sys
from typing import Final

#: Linux distributes connections over sockets that share a port; other systems give them all to one of the sockets.
_SPREADS: Final = sys.platform == "linux"
#: The listen backlog: connections the kernel queues.
BACKLOG: Final = 4096


def listening_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """A listening socket for each of `count` workers, all at one address. Port 0 takes a free one.

    Raises OSError when the address cannot be bound, even if the sockets that listen there would share it.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A name such as `localhost` may have IPv6 and IPv4 addresses: clients try IPv4 in any case.
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    first = _bound(family, address)
    if not _SPREADS:
        first.listen(BACKLOG)
        return [first] * count
    address = first.getsockname()
    first.close()
    sockets = [_bound(family, address, shared=True) for _ in range(count)]
    for one in sockets:
        one.listen(BACKLOG)
    return sockets


def _bound(family: int, address: tuple[object, ...], *, shared: bool = False) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    except OSError:
        one.close()
        raise
    one.setblocking(False)
    return one
