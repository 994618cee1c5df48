"""The machine a benchmark ran on.

It is printed above every table and kept in every JSON file, because a figure means nothing without it.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version


def describe() -> dict[str, str | int | float]:
    """Interpreter, event loop and machine; `load` is the average number of runnable processes of the last minute."""
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "uvloop": _version("uvloop"),
        "orjson": _version("orjson"),
        "cpus": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 2),
    }


def headline() -> str:
    return ", ".join(f"{name} {value}" for name, value in describe().items())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def resident_bytes() -> int:
    """Resident memory of this process now, from Linux's `/proc/self/statm`."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
