"""The outcome of an execution. A failed execution is a Result like any other, never an exception (law 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from express.errors import ExecutionFailed
from express.metering import Billing

if TYPE_CHECKING:
    from express.types import JSON, Status


class Names:
    """Generated execution names, made on demand: UUIDs with a common random head and a counter as their tail."""

    __slots__ = ("_head", "_other_head")

    def __init__(self, head: int) -> None:
        digits = f"{head & ((1 << 80) - 1):020x}"
        # The fixed digits mean version 4, variant 1, which AWS generates too.
        self._head = f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-"
        self._other_head = f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-b{digits[15:18]}-"

    def name(self, sequence: int) -> str:
        return f"{self._head}{sequence:012x}"

    def unique(self, sequence: int) -> str:
        """The id after the name in the ARN of an Express execution, which differs from that name (recorded)."""
        return f"{self._other_head}{sequence:012x}"


class Result:
    """The end of one execution.

    `status` is SUCCEEDED, FAILED, TIMED_OUT or ABORTED. `output` is the JSON value of a success, None otherwise;
    `error` and `cause` are the names and texts AWS reports, None where it reports none. `index` is that of the
    execution's event in `Runtime.map`, from 0; None for executions started one by one. `duration_ns` (nanoseconds from
    start to end) and `memory_bytes` (the estimate AWS publishes) are what `billing` is made from.
    """

    #: Members known only at the end.
    OUTCOME: ClassVar = ("cause", "duration_ns", "error", "index", "memory_bytes", "output", "status")

    # No `__init__`: code that makes millions of them sets the members directly, which takes half the time.
    __slots__ = (*OUTCOME, "_given_name", "_names")

    status: Status
    output: JSON
    error: str | None
    cause: str | None
    index: int | None
    #: The name given at the start, or the number from which `_names` makes one.
    _given_name: str | int
    _names: Names
    duration_ns: int
    memory_bytes: int

    @classmethod
    def of(
        cls,
        status: Status,
        output: JSON,
        error: str | None,
        cause: str | None,
        name: str | int,
        names: Names,
        duration_ns: int,
        memory_bytes: int,
    ) -> Self:
        """A Result with these members; durations in nanoseconds, memory in bytes."""
        result = cls()
        result.fill(status, output, error, cause, name, names, duration_ns, memory_bytes)
        return result

    def fill(
        self,
        status: Status,
        output: JSON,
        error: str | None,
        cause: str | None,
        name: str | int,
        names: Names,
        duration_ns: int,
        memory_bytes: int,
    ) -> None:
        """Set the members, as in `of`; for the engine."""
        self.status = status
        self.output = output
        self.error = error
        self.cause = cause
        self.index = None
        self._given_name = name
        self._names = names
        self.duration_ns = duration_ns
        self.memory_bytes = memory_bytes

    @property
    def name(self) -> str:
        """The execution's name: the one given, or a generated UUID."""
        name = self._given_name
        return self._names.name(name) if isinstance(name, int) else name

    @property
    def billing(self) -> Billing:
        """The resources it used, and what AWS would charge for them."""
        return Billing(self.duration_ns, self.memory_bytes)

    @property
    def succeeded(self) -> bool:
        """Whether the status is SUCCEEDED: only then is there an output."""
        return self.status == "SUCCEEDED"

    def unwrap(self) -> JSON:
        """The output. Raises ExecutionFailed when the execution did not succeed."""
        if self.status != "SUCCEEDED":
            raise ExecutionFailed(self.status, self.error, self.cause)
        return self.output

    def __repr__(self) -> str:
        if not hasattr(self, "status"):
            return "Result(not filled in)"
        if self.status == "SUCCEEDED":
            return f"Result(SUCCEEDED, output={self.output!r})"
        return f"Result({self.status}, error={self.error!r}, cause={self.cause!r})"
