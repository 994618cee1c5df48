"""What the tests of states share."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from express import payload


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of the longest text that was written, in bytes."""
    found = [0]

    def writing(*arguments: Any) -> bytes:
        text = orjson.dumps(*arguments)
        found[0] = max(found[0], len(text))
        return text

    monkeypatch.setattr(payload, "dumps", writing)
    return found
