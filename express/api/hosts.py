"""Which Host headers the endpoint answers.

A web page can make a domain name resolve to 127.0.0.1 and then send requests to any local server (DNS rebinding); such
requests carry that name in the Host header. So only loopback names are answered, and those the user has allowed. The
SDKs put `sync-` before the host of StartSyncExecution and TestState (botocore's `hostPrefix`), so each name is also
answered with that prefix.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from express.service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.api.messages import Request

#: The SDKs' prefix for synchronous actions.
PREFIX: Final = "sync-"

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\[\]:/@\s]+)(?::\d*)?\Z")
_LOOPBACK: Final = re.compile(r"localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\]")
#: The upper bound of the cache of verdicts by Host header; clients send the same few.
_REMEMBERED: Final = 256


class HostPolicy:
    """allowed: further names to answer, without port; `*` for all."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)
        self._verdicts: dict[bytes, bool] = {}

    def allows(self, host: bytes) -> bool:
        """Whether a request with this Host header is answered."""
        verdict = self._verdicts.get(host)
        if verdict is None:
            verdict = self._judge(host)
            if len(self._verdicts) < _REMEMBERED:
                self._verdicts[host] = verdict
        return verdict

    def _judge(self, host: bytes) -> bool:
        match = _HOST.match(host.decode("latin-1").lower())
        if match is None:
            return False
        name = match["name"].removesuffix(".")
        return any(map(self._is_allowed, (name, name.removeprefix(PREFIX))))

    def _is_allowed(self, name: str) -> bool:
        return "*" in self._allowed or name in self._allowed or _LOOPBACK.fullmatch(name) is not None


def foreign_host(request: Request) -> ServiceError:
    """The refusal of a request whose Host header is not allowed."""
    name = request.headers.get(b"host", b"").decode("latin-1")
    return ServiceError("AccessDeniedException", f"This endpoint does not answer to the host '{name}'.", 403)
