"""The sockets of the workers: one address, and nobody else's."""

from __future__ import annotations

import socket

import pytest

from express.api.workers.sockets import listening_sockets


def test_all_listen_at_one_address() -> None:
    sockets = listening_sockets("127.0.0.1", 0, 3)
    (address,) = {one.getsockname() for one in sockets}
    assert address[1] > 0
    for _ in range(20):
        socket.create_connection(address).close()
    for one in sockets:
        one.close()


@pytest.mark.parametrize("count", [1, 3])
def test_an_address_that_others_would_share_is_taken(count: int) -> None:
    sockets = listening_sockets("127.0.0.1", 0, count)
    with pytest.raises(OSError, match="in use"):
        listening_sockets("127.0.0.1", sockets[0].getsockname()[1], count)
    for one in sockets:
        one.close()


def test_a_name_with_addresses_of_both_kinds_is_its_old_one() -> None:
    (one,) = listening_sockets("localhost", 0, 1)
    assert one.getsockname()[0] == "127.0.0.1"
    one.close()


def test_a_host_that_is_not_here() -> None:
    with pytest.raises(OSError, match="assign"):
        listening_sockets("192.0.2.1", 0, 2)
