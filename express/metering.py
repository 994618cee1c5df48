"""How AWS meters one Express execution: its duration, its memory, and how both are rounded for the bill.

Pure arithmetic over ints; it knows no clock and no runtime. Durations are nanoseconds of a monotonic clock, because
100 ms and one nanosecond are billed as 200 ms and a float of milliseconds would lose that edge. Memory is bytes, and
a megabyte is 1,000,000 of them: the published worked example adds KB to MB as thousandths.

The real memory of an AWS worker is not observable from outside. AWS publishes an estimate for planning, and that
estimate is metered here; on AWS the metric ExpressExecutionMemory is authoritative.

Source: https://aws.amazon.com/step-functions/pricing/, "Express Workflows" and its memory example.
"""

from __future__ import annotations

from express.pricing import execution_cost_usd

#: The memory of every execution before its definition and data.
BASE_MEMORY_BYTES = 50_000_000
#: Duration is billed up to the next 100 ms.
DURATION_STEP_MS = 100
#: Memory is billed up to the next 64 MB.
MEMORY_STEP_MB = 64

_NS_PER_MS = 1_000_000
BYTES_PER_MB = 1_000_000
#: The same two in the units they are measured in.
DURATION_STEP_NS = DURATION_STEP_MS * _NS_PER_MS
MEMORY_STEP_BYTES = MEMORY_STEP_MB * BYTES_PER_MB


def memory_bytes(definition_bytes: int, data_bytes: int, fan_out: int) -> int:
    """Estimate the memory of an execution: 50 MB + definition + data for each Parallel or Map step it ran.

    `fan_out` counts those steps: the branches of Parallel states and the iterations of Map states.
    """
    return BASE_MEMORY_BYTES + definition_bytes + data_bytes * fan_out


def billed_duration_ms(duration_ns: int) -> int:
    """Round a duration up to the next 100 ms; an execution is billed for one step at least."""
    return (
        DURATION_STEP_MS if duration_ns <= DURATION_STEP_NS else -(-duration_ns // DURATION_STEP_NS) * DURATION_STEP_MS
    )


def billed_memory_mb(memory_bytes: int) -> int:
    """Round memory up to the next 64 MB; an execution is billed for one step at least."""
    return (
        MEMORY_STEP_MB if memory_bytes <= MEMORY_STEP_BYTES else -(-memory_bytes // MEMORY_STEP_BYTES) * MEMORY_STEP_MB
    )


def billed_steps(duration_ns: int, memory_bytes: int) -> tuple[int, int]:
    """The billed steps of 100 ms and of 64 MB, whose product is the basis of the bill."""
    return max(-(-duration_ns // DURATION_STEP_NS), 1), max(-(-memory_bytes // MEMORY_STEP_BYTES), 1)


class Billing:
    """The resources one execution used, and what AWS would bill for them.

    Made from two ints when `Result.billing` is read; everything else is derived on demand. `duration_ns` are the
    nanoseconds from start to end, on the Runtime's clock; `memory_bytes` is the estimate of the function of that name.
    """

    __slots__ = ("duration_ns", "memory_bytes")

    def __init__(self, duration_ns: int, memory_bytes: int) -> None:
        self.duration_ns = duration_ns
        self.memory_bytes = memory_bytes

    @property
    def duration_ms(self) -> float:
        """The measured duration in milliseconds, unrounded."""
        return self.duration_ns / _NS_PER_MS

    @property
    def billed_duration_ms(self) -> int:
        """Milliseconds billed: the duration rounded up to 100 ms, one step at least (AWS Step Functions pricing)."""
        return billed_duration_ms(self.duration_ns)

    @property
    def billed_memory_mb(self) -> int:
        """Megabytes billed: the memory rounded up to 64 MB (AWS Step Functions pricing)."""
        return billed_memory_mb(self.memory_bytes)

    @property
    def cost_usd(self) -> float:
        """USD for this execution on AWS: one request and its duration at the first tier."""
        return execution_cost_usd(self.billed_duration_ms, self.billed_memory_mb)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Billing):
            return NotImplemented
        return self.duration_ns == other.duration_ns and self.memory_bytes == other.memory_bytes

    def __hash__(self) -> int:
        return hash((self.duration_ns, self.memory_bytes))

    def __repr__(self) -> str:
        return (
            f"Billing(duration_ms={self.duration_ms:g}, memory_bytes={self.memory_bytes}, "
            f"billed_duration_ms={self.billed_duration_ms}, billed_memory_mb={self.billed_memory_mb}, "
            f"cost_usd={self.cost_usd:.10f})"
        )
