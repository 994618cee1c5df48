"""Named state machines: revisions, versions, aliases, tags, executions, in AWS's terms and with AWS's refusals.

It wires the compiler, the Runtime and the tasks into what the Step Functions API is about, and knows no HTTP:
`express.api` puts it on a socket.
"""

from __future__ import annotations

from express.service.arns import Account
from express.service.errors import ServiceError
from express.service.service import Service
from express.service.store import MemoryStore, Store

__all__ = ["Account", "MemoryStore", "Service", "ServiceError", "Store"]
