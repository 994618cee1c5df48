"""Results: what they hold, what they say, and that nothing in them is made before somebody asks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.metering import Billing
from express.result import Names, Result
from tests.runtime.machines import executed, machine, run_clean, state

if TYPE_CHECKING:
    from express.types import JSON, Status

NAMES = Names(0x123456789ABCDEF01234)


def result(status: Status = "SUCCEEDED", output: JSON = None, **fields: Any) -> Result:
    return Result.of(
        status,
        output,
        fields.get("error"),
        fields.get("cause"),
        fields.get("name", 1),
        NAMES,
        fields.get("duration_ns", 0),
        fields.get("memory_bytes", 50_000_000),
    )


def test_generated_names_are_version_4_uuids_in_a_row() -> None:
    made = [NAMES.name(sequence) for sequence in (1, 2, 255, 2**48 - 1)]
    assert made == [
        "12345678-9abc-4def-a012-000000000001",
        "12345678-9abc-4def-a012-000000000002",
        "12345678-9abc-4def-a012-0000000000ff",
        "12345678-9abc-4def-a012-ffffffffffff",
    ]


@pytest.mark.parametrize("head", [0, 1, 2**80 - 1, 2**80, 2**200 + 5])
def test_any_head_makes_a_uuid(head: int) -> None:
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", Names(head).name(7))


@pytest.mark.parametrize(("name", "expected"), [("given", "given"), (7, NAMES.name(7))])
def test_name(name: str | int, expected: str) -> None:
    assert result(name=name).name == expected


@pytest.mark.parametrize("output", [None, 0, "", [], {}, {"a": [1]}])
def test_unwrap_gives_the_output(output: JSON) -> None:
    made = result(output=output)
    assert made.succeeded
    assert made.unwrap() == output


@pytest.mark.parametrize(
    ("status", "error", "cause", "text"),
    [
        ("FAILED", "X", "c", "FAILED: X: c"),
        ("FAILED", "X", None, "FAILED: X"),
        ("FAILED", None, None, "FAILED"),
        ("TIMED_OUT", "States.Timeout", None, "TIMED_OUT: States.Timeout"),
        ("ABORTED", None, "c", "ABORTED: c"),
    ],
)
def test_unwrap_raises_what_went_wrong(status: Status, error: str | None, cause: str | None, text: str) -> None:
    made = result(status, error=error, cause=cause)
    assert not made.succeeded
    with pytest.raises(express.ExecutionFailed) as raised:
        made.unwrap()
    assert (raised.value.status, raised.value.error, raised.value.cause) == (status, error, cause)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (result(output={"a": 1}), "Result(SUCCEEDED, output={'a': 1})"),
        (result("FAILED", error="X", cause="c"), "Result(FAILED, error='X', cause='c')"),
        (result("ABORTED"), "Result(ABORTED, error=None, cause=None)"),
    ],
)
def test_repr(made: Result, expected: str) -> None:
    assert repr(made) == expected


def test_billing() -> None:
    made = result(duration_ns=100_000_001, memory_bytes=64_000_001)
    assert made.billing == Billing(100_000_001, 64_000_001)
    assert made.billing.duration_ms == 100.000001
    assert (made.billing.billed_duration_ms, made.billing.billed_memory_mb) == (200, 128)
    assert made.billing.cost_usd > 0


def test_only_a_stream_gives_an_index() -> None:
    assert run_clean(executed(express.compile(machine(A=state("Pass"))))).index is None
