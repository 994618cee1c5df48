"""Executions recorded from AWS, replayed: their histories, event by event."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.histories import Recorder, history_differences
from tests.conformance.replay import Replay
from tests.conformance.test_execution import params, replayed


def history_params() -> list[Any]:
    """The cases this version runs and whose history was recorded."""
    return [param for param in params() if not param.values[0] or "history" in param.values[0]]


@pytest.mark.parametrize("case", history_params())
def test_recorded_history(case: dict[str, Any]) -> None:
    recorder = Recorder()

    replayed(case, Replay(case["tasks"]), recorder)

    assert history_differences(case["history"], recorder.events) == []
    assert len(recorder.events) == recorder.counted + 1, "events written and events counted"
