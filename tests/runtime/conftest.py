"""A test of the runtime that hangs must fail, not hang the suite."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: Real seconds; the slowest test here takes three.
PATIENCE = 60


class Hung(BaseException):
    """Not an Exception, so that nobody on the way takes it for a failure of a handler."""


@pytest.fixture(autouse=True)
def _impatience() -> Iterator[None]:
    def give_up(signal_number: int, frame: FrameType | None) -> None:
        raise Hung(f"still running after {PATIENCE} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
