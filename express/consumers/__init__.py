"""Feeding a Runtime from a broker: every message an execution, acknowledged when that has ended.

    source = express.consumers.connect("redis://127.0.0.1:6379/orders?group=billing")
    async with express.Runtime() as runtime:
        await express.consumers.Pump(runtime, workflow, source).run()

`source` says what a broker has to offer, `pump` feeds, `outcomes` says what becomes of a message; each broker is one
file and one extra, imported when it is used.
"""

from __future__ import annotations

from express.consumers.addresses import connect
from express.consumers.memory import DeadLetter, MemoryQueue, MemorySource
from express.consumers.memory_log import MemoryLog, MemoryLogSource
from express.consumers.outcomes import Backoff, Outcomes
from express.consumers.pump import Pump
from express.consumers.source import Message, Source

__all__ = [
    "Backoff",
    "DeadLetter",
    "MemoryLog",
    "MemoryLogSource",
    "MemoryQueue",
    "MemorySource",
    "Message",
    "Outcomes",
    "Pump",
    "Source",
    "connect",
]
