"""File descriptors: every connection takes one, and the default limit of a process is low."""

from __future__ import annotations

from typing import Final

#: Descriptors a process needs besides connections: sockets, pipes, files of handlers.
_RESERVED: Final = 256
#: The upper bound where the `resource` module is missing.
_FEW: Final = 512


def room_for_connections(wanted: int) -> int:
    """Raise the process's limit of open files for `wanted` connections; returns how many it then allows."""
    try:
        import resource
    except ImportError:
        return min(wanted, _FEW)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    needed = wanted + _RESERVED
    if soft != unlimited and soft < needed:
        raised = needed if hard == unlimited else min(needed, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
        except (OSError, ValueError):
            # macOS refuses more than the kernel's own limit, which getrlimit does not report.
            pass
    return wanted if soft == unlimited else max(min(wanted, soft - _RESERVED), 1)
