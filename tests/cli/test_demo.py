"""`express demo` and its sample: the events, the workflow, the report, and the commands it suggests."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.cli import main
from express.cli.samples import ORDER_DEFINITION, ORDER_TASKS
from express.cli.samples.events import order_events
from express.cli.samples.order import tasks
from tests.cli.test_streams import shell

if TYPE_CHECKING:
    from pathlib import Path

#: So many events from the start meet no busy payment service, whose retry waits a real second.
QUICK = 150


def events(count: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in order_events(count)]


def is_busy(event: dict[str, Any]) -> bool:
    token: str = event["payment"]["token"]
    return token.startswith("tok_busy")


def test_events_are_the_same_every_time_and_different_for_another_seed() -> None:
    assert [*order_events(50)] == [*order_events(50)]
    assert [*order_events(50)] != [*order_events(50, seed=1)]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in order_events(50))


def test_every_fate_is_among_the_events() -> None:
    tokens = Counter(event["payment"]["token"].rpartition("_")[0] for event in events(10_000))
    assert 50 <= tokens["tok_busy"] <= 150
    assert 120 <= tokens["tok_declined"] <= 280
    assert not any(map(is_busy, events(QUICK)))


def test_the_sample_has_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(ORDER_DEFINITION), "--tasks", ORDER_TASKS]) == 0


ORDER: dict[str, Any] = {
    "order_id": "o-1",
    "customer": {"name": "ada", "email": "ada@example.com", "orders": 3},
    "items": [{"sku": "mug", "qty": 2, "price": 12.5}, {"sku": "kettle", "qty": 1, "price": 89.0}],
    "total": 114.0,
    "payment": {"method": "card", "token": "tok_1"},
    "priority": "standard",
}


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        pytest.param({}, "SUCCEEDED", {
            "order_id": "o-1", "state": "COMPLETED", "total": 114.0, "reservations": 2,
            "shipment": {"carrier": "post", "parcel": "P-o-1"}, "receipt": "mail-o-1",
        }, id="shipped by post"),
        pytest.param({"priority": "express"}, "SUCCEEDED", {
            "order_id": "o-1", "state": "COMPLETED", "total": 114.0, "reservations": 2,
            "shipment": {"carrier": "courier", "parcel": "C-o-1"}, "receipt": "mail-o-1",
        }, id="shipped by courier"),
        pytest.param({"payment": {"method": "card", "token": "tok_declined_1"}}, "SUCCEEDED",
            {"order_id": "o-1", "state": "DECLINED", "reason": "PaymentDeclined"}, id="declined"),
        pytest.param({"items": []}, "FAILED", "InvalidOrder", id="no items"),
        pytest.param({"total": 115.0}, "FAILED", "InvalidOrder", id="wrong total"),
        pytest.param({
            "items": [{"sku": "espresso-machine", "qty": 2, "price": 1190.0}], "total": 2380.0,
            "customer": {"name": "ada", "email": "ada@example.com", "orders": 0},
        }, "FAILED", "FraudSuspected", id="large and unknown"),
    ],
)  # fmt: skip
def test_the_paths_of_the_sample(changes: dict[str, Any], status: str, expected: object) -> None:
    result = express.compile(ORDER_DEFINITION, tasks).run({**ORDER, **changes})
    assert result.status == status
    assert (result.output if status == "SUCCEEDED" else result.error) == expected


@pytest.mark.slow
def test_a_busy_payment_service_is_tried_again() -> None:
    busy = {**ORDER, "payment": {"method": "card", "token": "tok_busy_1"}}
    result = express.compile(ORDER_DEFINITION, tasks).run(busy)
    assert result.unwrap()["state"] == "COMPLETED"
    assert 1_000 <= result.billing.duration_ms < 3_000


def test_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TERM", "dumb")
    kept = tmp_path / "orders.jsonl"
    assert main(["demo", "--events", str(QUICK), "--keep", str(kept)]) == 0
    captured = capsys.readouterr()
    assert kept.read_bytes() == b"".join(order_events(QUICK))
    lines = [" ".join(line.split()) for line in captured.out.splitlines()]
    counts = {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith(("SUCCEEDED", "FAILED"))}
    assert sum(counts.values()) == QUICK
    for expected in ("executions 150 in", "latency p99.9", "Express $0.0002", "Standard $0.0", "billed memory 64 MB"):
        assert any(line.startswith(expected) for line in lines), expected
    assert f"express check {ORDER_DEFINITION}" in lines
    assert f"Writing 150 order events to {kept} ..." in captured.err
    assert "\x1b" not in captured.out + captured.err


@pytest.mark.slow
def test_a_standard_workflow_would_pay_for_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that meets a busy payment service takes the way of any other, and one step of it twice."""
    count = next(number for number, event in enumerate(events(1_000), 1) if is_busy(event))
    billed: list[int] = []
    monkeypatch.setattr(
        "express.cli.report.print_report", lambda tally, *, seconds, transitions: billed.append(transitions)
    )
    assert main(["demo", "--events", str(count)]) == 0
    idle = [line.replace(b"tok_busy", b"tok") for line in order_events(count)]
    monkeypatch.setattr("express.cli.samples.events.order_events", lambda count: idle)
    assert main(["demo", "--events", str(count)]) == 0
    assert billed[0] == billed[1] + 1


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["", "--keep 'my orders.jsonl'"], ids=["anew", "kept"])
def test_the_suggested_commands_work_one_after_the_other(tmp_path: Path, keep: str) -> None:
    suggested = (
        shell(f"$express demo --events {QUICK} {keep}", tmp_path).stdout.partition("Try next:\n")[2].splitlines()
    )
    commands = [line.strip() for line in suggested if "express" in line]
    assert len(commands) == (4 if keep else 5)
    for command in commands:
        done = shell(f'express() {{ $express "$@"; }}; set -o pipefail; {command}', tmp_path)
        # Some of the thousand orders are refused.
        assert done.returncode == ("--output" in command and not keep), (command, done.stderr)
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == (QUICK if keep else 1_000)
    assert "By workflow" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--events", "0"], "'0' is not a whole number of 1 or more"),
        (["--keep", "no/where.jsonl"], "cannot write no/where.jsonl: No such file or directory"),
    ],
)
def test_what_cannot_be_done(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["demo", *arguments]) == 2
    assert message in capsys.readouterr().err
