"""Which Host headers are answered."""

from __future__ import annotations

import pytest

from express.api import HostPolicy

ALLOWED = [
    "localhost",
    "LocalHost:8083",
    "localhost.",
    "127.0.0.1",
    "127.0.0.1:8083",
    "127.8.9.1",
    "[::1]",
    "[::1]:8083",
    "states.localhost",
    "sync-localhost:8083",
    "sync-127.0.0.1:8083",
    "express.internal",
    "sync-express.internal:80",
]
REFUSED = [
    "",
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "sync-evil.example",
    "sync-sync-localhost",
    "127.0.0.1:8083@evil.example",
    "evil.example/localhost",
    "[::2]",
    "::1",
    "localhost:80:80",
    "0.0.0.0",
    "\x00localhost",
    "xlocalhost",
]


@pytest.mark.parametrize("host", ALLOWED)
def test_allowed(host: str) -> None:
    policy = HostPolicy(["Express.Internal"])
    assert policy.allows(host.encode())
    assert policy.allows(host.encode())


@pytest.mark.parametrize("host", REFUSED)
def test_refused(host: str) -> None:
    policy = HostPolicy(["express.internal"])
    assert not policy.allows(host.encode())
    assert not policy.allows(host.encode())


def test_a_star_allows_every_name_but_no_nonsense() -> None:
    policy = HostPolicy(["*"])
    assert policy.allows(b"anything.example:1")
    assert not policy.allows(b"two words")


def test_verdicts_are_remembered_within_bounds() -> None:
    policy = HostPolicy()
    for number in range(1000):
        assert not policy.allows(f"host-{number}.example".encode())
    assert policy.allows(b"localhost")
