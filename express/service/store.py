"""Where machines and executions are kept: an interface, and the one store there is so far, memory.

All calls return at once; a store that writes to a disk does so behind them. Records are changed by the service and
handed over again (`save_machine`, `close_execution`) when that is done, so a store may keep copies.

Memory is bounded: running executions by the limits of their Runtime, ended ones by number and by the characters of
their texts. The oldest go first. Express executions have a shelf of their own, so that a flood of them drives out no
Standard execution.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.service.machines import StateMachine
    from express.service.records import ExecutionRecord

#: Ended executions remembered: Standard ones (AWS: 90 days), and recent Express ones (AWS: none).
STANDARD_REMEMBERED: Final = 10_000
EXPRESS_REMEMBERED: Final = 1_000
#: Characters of input, output and cause in all ended executions of a type.
CHARACTERS_REMEMBERED: Final = 128 * 1024 * 1024


class Store(Protocol):
    """Keeps machines by ARN and executions by ARN."""

    def machine(self, arn: str) -> StateMachine | None: ...

    def machines(self) -> Iterable[StateMachine]:
        """All machines in the order of their ARNs."""
        ...

    def save_machine(self, machine: StateMachine) -> None: ...

    def delete_machine(self, arn: str) -> None:
        """Forget a machine and its executions."""
        ...

    def execution(self, arn: str) -> ExecutionRecord | None: ...

    def executions(self, machine_arn: str) -> Iterable[ExecutionRecord]:
        """The executions of a machine, newest first."""
        ...

    def open_execution(self, record: ExecutionRecord) -> None:
        """An execution has started."""
        ...

    def close_execution(self, record: ExecutionRecord) -> None:
        """It has ended: from now on it may be forgotten."""
        ...


class MemoryStore:
    """Everything in this process, gone with it."""

    def __init__(
        self,
        standard_remembered: int = STANDARD_REMEMBERED,
        express_remembered: int = EXPRESS_REMEMBERED,
        characters_remembered: int = CHARACTERS_REMEMBERED,
    ) -> None:
        self._machines: dict[str, StateMachine] = {}
        #: By machine, then by ARN, in the order of their start.
        self._executions: dict[str, dict[str, ExecutionRecord]] = {}
        self._shelves = {
            "STANDARD": _Shelf(standard_remembered, characters_remembered),
            "EXPRESS": _Shelf(express_remembered, characters_remembered),
        }
        self._by_arn: dict[str, ExecutionRecord] = {}

    def machine(self, arn: str) -> StateMachine | None:
        return self._machines.get(arn)

    def machines(self) -> Iterable[StateMachine]:
        return [self._machines[arn] for arn in sorted(self._machines)]

    def save_machine(self, machine: StateMachine) -> None:
        self._machines[machine.arn] = machine

    def delete_machine(self, arn: str) -> None:
        self._machines.pop(arn, None)
        for execution_arn in self._executions.pop(arn, ()):
            self._by_arn.pop(execution_arn, None)

    def execution(self, arn: str) -> ExecutionRecord | None:
        return self._by_arn.get(arn)

    def executions(self, machine_arn: str) -> Iterable[ExecutionRecord]:
        return reversed(list(self._executions.get(machine_arn, {}).values()))

    def open_execution(self, record: ExecutionRecord) -> None:
        self._by_arn[record.arn] = record
        of_machine = self._executions.get(record.machine_arn)
        if of_machine is None:
            of_machine = self._executions[record.machine_arn] = {}
        of_machine[record.arn] = record

    def close_execution(self, record: ExecutionRecord) -> None:
        if record.arn not in self._by_arn:
            return  # its machine has been deleted
        for forgotten in self._shelves[record.type].put(record):
            self._forget(forgotten)

    def _forget(self, record: ExecutionRecord) -> None:
        if self._by_arn.get(record.arn) is record:
            del self._by_arn[record.arn]
            del self._executions[record.machine_arn][record.arn]


class _Shelf:
    """Ended executions in the order of their end, as many as fit."""

    def __init__(self, size: int, characters: int) -> None:
        self._size = size
        self._limit = characters
        self._characters = 0
        self._records: deque[ExecutionRecord] = deque()

    def put(self, record: ExecutionRecord) -> list[ExecutionRecord]:
        """Add one; those that have to make room for it."""
        self._records.append(record)
        self._characters += record.characters
        forgotten = []
        while self._records and (len(self._records) > self._size or self._characters > self._limit):
            oldest = self._records.popleft()
            self._characters -= oldest.characters
            forgotten.append(oldest)
        return forgotten
