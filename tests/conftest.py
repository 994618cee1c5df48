"""Fixtures for the whole suite."""

from __future__ import annotations

import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from express.testing import VirtualTimeLoop
from tests.hurry import Hurry, set_in

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure() -> None:
    """Let the processes that tests start get their signals, although `nohup` or a shell makes this one ignore some.

    What is ignored is inherited; what is handled has its default effect in another program.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, lambda *_: None)


@pytest.fixture
def virtual_loop() -> Iterator[VirtualTimeLoop]:
    """A loop in virtual time, for tests that drive it themselves; `run_virtual` is enough for the others."""
    with closing(VirtualTimeLoop()) as loop:
        yield loop


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Hurry:
    """Whatever can be worked out elsewhere is."""
    return set_in(monkeypatch)
