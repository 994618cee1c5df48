"""Colour and movement: who gets them."""

from __future__ import annotations

import io

import pytest

from express.cli.terminal import is_live, wants_color


@pytest.mark.parametrize(
    ("terminal", "environment", "live", "color"),
    [
        (True, {"TERM": "xterm"}, True, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True, True),
        (True, {"TERM": "dumb"}, False, False),
        (False, {"TERM": "xterm"}, False, False),
    ],
)
def test_terminals(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], live: bool, color: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    assert (is_live(stream), wants_color(stream)) == (live, color)
