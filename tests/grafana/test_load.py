"""The shop that the boards are shown with: its workflows do what their events ask for, in fair weather and foul."""

from __future__ import annotations

import random
import socket
import time
from collections import Counter

import pytest

from express import Runtime
from express.testing import run_virtual
from grafana.load import Weather, demands, main

_RUNS = 150

#: How executions may end in all weathers, by workflow.
_ENDS = {
    "orders": {"", "InvalidOrder", "PaymentDeclined", "PaymentServiceUnavailable"},
    "payments": {"", "PaymentServiceUnavailable", "States.Timeout"},
    "thumbnails": {""},
    "readings": {"", "SensorOverheated"},
}


def _run(phase: float) -> dict[str, Counter[str]]:
    """The errors of many executions of each workflow, all at this phase of the period; `` is success."""

    random.seed(7)

    async def main() -> dict[str, Counter[str]]:
        ends = {}
        # A period so long that the phase stays; trouble comes with the last quarter.
        weather = Weather(1e9, time.monotonic() - phase * 1e9)
        async with Runtime() as runtime:
            for demand in demands(weather):
                events = [demand.event() for _ in range(_RUNS)]
                ends[demand.workflow.name] = Counter(
                    [result.error or "" async for result in runtime.map(demand.workflow, events)]
                )
        return ends

    return run_virtual(main())


@pytest.mark.slow
def test_in_fair_weather_nearly_all_succeed() -> None:
    for name, ends in _run(phase=0.5).items():
        assert set(ends) <= _ENDS[name], name
        assert ends[""] > 0.9 * _RUNS, name


@pytest.mark.slow
def test_in_trouble_the_bank_fails_payments() -> None:
    ends = _run(phase=0.9)
    assert ends["payments"]["States.Timeout"] > 0
    assert ends["orders"].total() - ends["orders"][""] > 0
    assert ends["thumbnails"] == {"": _RUNS}


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as refused:
        main(["--port", str(taken.getsockname()[1])])
    assert refused.value.code == 2
    said = capsys.readouterr().err
    assert "Address already in use; --port 0 takes a free one" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("phase", "swell", "trouble"), [(0, 0.5, False), (0.5, 1.5, False), (0.74, 1.031, False), (0.8, 0.845, True)]
)
def test_weather(phase: float, swell: float, trouble: bool) -> None:
    weather = Weather(1e9, time.monotonic() - phase * 1e9)
    assert weather.swell == pytest.approx(swell, abs=1e-3)
    assert weather.trouble is trouble
