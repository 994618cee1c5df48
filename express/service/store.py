"""Storage of machines and executions: the interface, and its only implementation so far, in memory.

All calls return at once; a store that writes to a disk does so in the background. The service changes records and then
hands them over again (`save_machine`, `close_execution`), so a store may keep copies.

Memory is bounded: running executions by the limits of their Runtime, ended ones by number and by the characters of
their texts and histories. The oldest are evicted first. Express executions have a shelf of their own, so that many of
them evict no Standard execution.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

from express.history import weigh

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.service.machines import StateMachine
    from express.service.records import ExecutionRecord
    from express.types import MachineType

#: Ended executions kept: Standard ones (AWS: 90 days), and recent Express ones (AWS: none).
STANDARD_REMEMBERED: Final = 10_000
EXPRESS_REMEMBERED: Final = 1_000
#: Characters of input, output, cause and history in all ended executions of a type.
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
        """Add an execution that has started."""
        ...

    def close_execution(self, record: ExecutionRecord) -> None:
        """Note that an execution has ended: from now on it may be evicted."""
        ...

    def reopen_execution(self, record: ExecutionRecord) -> None:
        """Note that an ended Standard execution continues."""
        ...


class MemoryStore:
    """A store in the memory of this process, which ends with it."""

    def __init__(
        self,
        standard_remembered: int = STANDARD_REMEMBERED,
        express_remembered: int = EXPRESS_REMEMBERED,
        characters_remembered: int = CHARACTERS_REMEMBERED,
    ) -> None:
        self._machines: dict[str, StateMachine] = {}
        self._standard = _StandardExecutions(_Shelf(standard_remembered, characters_remembered))
        self._express = _ExpressExecutions(_Shelf(express_remembered, characters_remembered))

    def machine(self, arn: str) -> StateMachine | None:
        return self._machines.get(arn)

    def machines(self) -> Iterable[StateMachine]:
        return [self._machines[arn] for arn in sorted(self._machines)]

    def save_machine(self, machine: StateMachine) -> None:
        self._machines[machine.arn] = machine

    def delete_machine(self, arn: str) -> None:
        machine = self._machines.pop(arn, None)
        if machine is not None:
            self._executions(machine.type).forget(arn)

    def execution(self, arn: str) -> ExecutionRecord | None:
        record = self._standard.find(arn)
        # Every named start of a Standard execution looks up an ARN that is usually unused, which must not cost a search
        # of the Express executions.
        return self._express.find(arn) if record is None and ":execution:" not in arn else record

    def executions(self, machine_arn: str) -> Iterable[ExecutionRecord]:
        machine = self._machines.get(machine_arn)
        return () if machine is None else self._executions(machine.type).of(machine_arn)

    def open_execution(self, record: ExecutionRecord) -> None:
        (self._standard if record.target.machine.type == "STANDARD" else self._express).open(record)

    def close_execution(self, record: ExecutionRecord) -> None:
        (self._standard if record.target.machine.type == "STANDARD" else self._express).close(record)

    def reopen_execution(self, record: ExecutionRecord) -> None:
        self._standard.reopen(record)

    def _executions(self, machine_type: MachineType) -> _StandardExecutions | _ExpressExecutions:
        return self._standard if machine_type == "STANDARD" else self._express


class _Shelf:
    """Ended executions in the order of their end, bounded by number and by the characters they take."""

    def __init__(self, size: int, characters: int) -> None:
        self._size = size
        self._limit = characters
        self._characters = 0
        self.records: deque[ExecutionRecord] = deque()

    def put(self, record: ExecutionRecord) -> list[ExecutionRecord]:
        """Add a record; the oldest are removed to make room for it, and returned."""
        output, cause, written = record.output, record.cause, record.written
        characters = len(record.input)
        if output is not None:
            characters += len(output)
        if cause is not None:
            characters += len(cause)
        if written:
            characters += weigh(written)
        record.characters = characters
        records = self.records
        records.append(record)
        characters += self._characters
        forgotten = []
        while characters > self._limit or len(records) > self._size:
            oldest = records.popleft()
            characters -= oldest.characters
            forgotten.append(oldest)
        self._characters = characters
        return forgotten

    def take(self, record: ExecutionRecord) -> None:
        """Remove a record before it is evicted."""
        index = next(index for index, other in enumerate(self.records) if other is record)
        self._characters -= record.characters
        del self.records[index]

    def forget(self, machine_arn: str) -> None:
        self._characters -= sum(record.characters for record in self.records if record.machine_arn == machine_arn)
        self.records = deque(record for record in self.records if record.machine_arn != machine_arn)


class _StandardExecutions:
    """Standard executions, indexed by ARN, because every start with a name looks one up."""

    def __init__(self, shelf: _Shelf) -> None:
        self._shelf = shelf
        self._by_arn: dict[str, ExecutionRecord] = {}
        #: By machine, then by ARN, in the order of their start.
        self._by_machine: dict[str, dict[str, ExecutionRecord]] = {}

    def find(self, arn: str) -> ExecutionRecord | None:
        return self._by_arn.get(arn)

    def of(self, machine_arn: str) -> Iterable[ExecutionRecord]:
        return reversed(list(self._by_machine.get(machine_arn, {}).values()))

    def open(self, record: ExecutionRecord) -> None:
        self._by_arn[record.arn] = record
        self._by_machine.setdefault(record.machine_arn, {})[record.arn] = record

    def close(self, record: ExecutionRecord) -> None:
        for forgotten in self._shelf.put(record):
            del self._by_arn[forgotten.arn]
            del self._by_machine[forgotten.machine_arn][forgotten.arn]

    def reopen(self, record: ExecutionRecord) -> None:
        self._shelf.take(record)

    def forget(self, machine_arn: str) -> None:
        self._shelf.forget(machine_arn)
        for arn in self._by_machine.pop(machine_arn, ()):
            del self._by_arn[arn]


class _ExpressExecutions:
    """Express executions, without an index: starts are cheap, and the rare lookup by a developer searches them all."""

    def __init__(self, shelf: _Shelf) -> None:
        self._shelf = shelf
        self._running: set[ExecutionRecord] = set()

    def find(self, arn: str) -> ExecutionRecord | None:
        unique = arn.rpartition(":")[2]
        records = chain(self._running, self._shelf.records)
        return next((record for record in records if record.unique == unique and record.arn == arn), None)

    def of(self, machine_arn: str) -> Iterable[ExecutionRecord]:
        records = chain(self._running, self._shelf.records)
        found = [record for record in records if record.machine_arn == machine_arn]
        return sorted(found, key=lambda record: -record.sequence)

    def open(self, record: ExecutionRecord) -> None:
        self._running.add(record)

    def close(self, record: ExecutionRecord) -> None:
        if record in self._running:
            self._running.remove(record)
            self._shelf.put(record)

    def forget(self, machine_arn: str) -> None:
        self._shelf.forget(machine_arn)
        self._running = {record for record in self._running if record.machine_arn != machine_arn}
