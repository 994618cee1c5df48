"""Searches with a timeout: a slow one is stopped, a short one survives a pause of the machine."""

from __future__ import annotations

from typing import Any

import pytest

from express.expressions.timed_regex import TimedRegex

#: Nothing is known of it, so every search has a timeout.
WILD = TimedRegex("(a|aa)+$", "(a|aa)+$", 0, 0)


def test_a_slow_search_is_stopped() -> None:
    with pytest.raises(TimeoutError):
        WILD.search("a" * 40 + "b")


def test_a_search_that_lost_its_time_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: list[float] = []
    search: Any = WILD._search_timed

    def paused(subject: str, position: int, *, timeout: float) -> Any:
        timeouts.append(timeout)
        if len(timeouts) == 1:
            raise TimeoutError
        return search(subject, position, timeout=timeout)

    monkeypatch.setattr(WILD, "_search_timed", paused)
    assert WILD.search("aaa") is not None
    assert len(timeouts) == 2
    assert sum(timeouts) < 0.01
