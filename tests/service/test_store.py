"""What memory keeps, and what it forgets."""

from __future__ import annotations

from typing import Any, cast

import pytest

from express.history import Entry
from express.observe import Event
from express.result import Names, Result
from express.service.machines import StateMachine
from express.service.records import ExecutionRecord
from express.service.store import MemoryStore

TYPES = ["STANDARD", "EXPRESS"]


def machine(arn: str, machine_type: Any) -> StateMachine:
    return StateMachine(arn, arn, machine_type, 0.0, cast("Any", None), (), {})


def record(store: MemoryStore, arn: str, machine_type: Any, *, sequence: int, text: str = "{}") -> ExecutionRecord:
    made = ExecutionRecord(machine("m", machine_type).target, arn, arn, sequence, 0.0, text, arn=arn)
    store.open_execution(made)
    return made


def end(store: MemoryStore, made: ExecutionRecord, output: str = "1") -> None:
    made.end(Result.of("SUCCEEDED", 1, None, None, made.name, Names(0), 0, 0), 1.0, output)
    store.close_execution(made)


@pytest.mark.parametrize("machine_type", TYPES)
def test_executions_are_found_newest_first_running_or_not(machine_type: str) -> None:
    store = MemoryStore()
    store.save_machine(machine("m", machine_type))
    records = [record(store, name, machine_type, sequence=number) for number, name in enumerate("abc")]
    end(store, records[1])
    assert [entry.arn for entry in store.executions("m")] == ["c", "b", "a"]
    assert store.execution("b") is records[1]
    assert store.execution("c") is records[2]
    assert store.execution("d") is None
    assert list(store.executions("other")) == []


@pytest.mark.parametrize("machine_type", TYPES)
def test_the_oldest_ended_ones_are_forgotten_running_ones_never(machine_type: str) -> None:
    store = MemoryStore(standard_remembered=2, express_remembered=2)
    store.save_machine(machine("m", machine_type))
    record(store, "running", machine_type, sequence=0)
    for number in range(1, 6):
        end(store, record(store, str(number), machine_type, sequence=number))
    assert [entry.arn for entry in store.executions("m")] == ["5", "4", "running"]
    assert store.execution("3") is None


@pytest.mark.parametrize("machine_type", TYPES)
def test_long_texts_drive_out_more(machine_type: str) -> None:
    store = MemoryStore(characters_remembered=30)
    store.save_machine(machine("m", machine_type))
    for number in range(5):
        end(store, record(store, str(number), machine_type, sequence=number, text="x" * 9), output="y")
    assert [entry.arn for entry in store.executions("m")] == ["4", "3", "2"]
    end(store, record(store, "big", machine_type, sequence=9, text="x" * 25))
    assert [entry.arn for entry in store.executions("m")] == ["big"]
    end(store, record(store, "too big", machine_type, sequence=10, text="x" * 31))
    assert list(store.executions("m")) == []


def test_express_executions_drive_out_no_standard_ones() -> None:
    store = MemoryStore(standard_remembered=1, express_remembered=1)
    store.save_machine(machine("m", "STANDARD"))
    end(store, record(store, "kept", "STANDARD", sequence=0))
    for number in range(5):
        end(store, record(store, str(number), "EXPRESS", sequence=number + 1))
    assert [entry.arn for entry in store.executions("m")] == ["kept"]


@pytest.mark.parametrize("machine_type", TYPES)
def test_a_machine_takes_its_executions_along(machine_type: str) -> None:
    store = MemoryStore()
    store.save_machine(machine("m", machine_type))
    ended, running = (record(store, name, machine_type, sequence=number) for number, name in enumerate("ab"))
    end(store, ended)
    store.delete_machine("m")
    store.delete_machine("m")
    assert store.execution("a") is store.execution("b") is None
    end(store, running)
    assert store.execution("b") is None
    assert list(store.machines()) == []


def test_machines_come_in_the_order_of_their_arns() -> None:
    store = MemoryStore()
    for arn in ("b", "a_", "a1"):
        store.save_machine(machine(arn, "EXPRESS"))
    assert [entry.arn for entry in store.machines()] == ["a1", "a_", "b"]


def visit(size: int, data: Any = None) -> Any:
    """An event as it is written, of so many bytes, or of `data` which takes no more than that."""
    return Entry(Event(2, 0, "PassStateEntered", {}, None if data is None else ("input", data)), 0, size)


@pytest.mark.parametrize("machine_type", TYPES)
def test_long_histories_drive_out_more(machine_type: str) -> None:
    store = MemoryStore(characters_remembered=10_000)
    store.save_machine(machine("m", machine_type))
    for number in range(5):
        made = record(store, str(number), machine_type, sequence=number)
        made.written = [visit(1000), visit(1000)]
        end(store, made)
    assert [entry.arn for entry in store.executions("m")] == ["4", "3", "2"]
    short = record(store, "short", machine_type, sequence=9)
    short.written = []
    end(store, short)
    assert [entry.arn for entry in store.executions("m")] == ["short", "4", "3", "2"]


@pytest.mark.parametrize("machine_type", TYPES)
def test_what_the_engine_cannot_tell_the_size_of_is_measured(machine_type: str) -> None:
    store = MemoryStore(characters_remembered=1_000_000)
    store.save_machine(machine("m", machine_type))
    for number in range(3):
        small = record(store, f"small{number}", machine_type, sequence=number)
        small.written = [visit(1 << 40, "x")] * 1000
        end(store, small)
    assert [entry.arn for entry in store.executions("m")] == ["small2", "small1", "small0"]
    large = record(store, "large", machine_type, sequence=3)
    large.written = [visit(1 << 40, "x" * 250_000)] * 3
    end(store, large)
    assert [entry.arn for entry in store.executions("m")] == ["large"]


def test_an_execution_that_goes_on_is_not_forgotten() -> None:
    store = MemoryStore(standard_remembered=1)
    store.save_machine(machine("m", "STANDARD"))
    redriven = record(store, "redriven", "STANDARD", sequence=0)
    end(store, redriven)
    store.reopen_execution(redriven)
    for number in range(1, 4):
        end(store, record(store, str(number), "STANDARD", sequence=number))
    assert [entry.arn for entry in store.executions("m")] == ["3", "redriven"]
    end(store, redriven)
    assert [entry.arn for entry in store.executions("m")] == ["redriven"]
