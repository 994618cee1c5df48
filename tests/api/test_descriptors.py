"""File descriptors, with limits the test sets."""

from __future__ import annotations

import resource

import pytest

from express.api.descriptors import room_for_connections

UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "room", "raised"),
    [
        (1_024, 4_096, 100, 100, None),
        (1_024, 4_096, 2_000, 2_000, 2_256),
        (1_024, 4_096, 10_000, 3_840, 4_096),
        (1_024, UNLIMITED, 10_000, 10_000, 10_256),
        (UNLIMITED, UNLIMITED, 10_000, 10_000, None),
        (100, 100, 10, 1, 100),
    ],
)
def test_as_many_as_the_system_allows(
    soft: int, hard: int, wanted: int, room: int, raised: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: asked.append(limits[0]))
    assert room_for_connections(wanted) == room
    assert asked == ([] if raised is None else [raised])


def test_a_system_that_refuses_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(kind: int, limits: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1_024, UNLIMITED))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert room_for_connections(10_000) == 768
