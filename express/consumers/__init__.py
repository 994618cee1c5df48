"""Feed a Runtime from a broker: each message starts an execution and is acknowledged when the execution has ended.

    source = express.consumers.connect("redis://127.0.0.1:6379/orders?group=billing")
    async with express.Runtime() as runtime:
        await express.consumers.Pump(runtime, workflow, source).run()

`source` defines what a broker provides, `pump` moves the messages, `outcomes` decides what becomes of each. Every
broker is one module with its own extra, imported on first use.
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
