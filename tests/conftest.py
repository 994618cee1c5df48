"""Fixtures for the whole suite."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from express.testing import VirtualTimeLoop
from tests.hurry import Hurry, set_in

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def virtual_loop() -> Iterator[VirtualTimeLoop]:
    """A loop in virtual time, for tests that drive it themselves; `run_virtual` is enough for the others."""
    with closing(VirtualTimeLoop()) as loop:
        yield loop


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Hurry:
    """Whatever can be worked out elsewhere is."""
    return set_in(monkeypatch)
