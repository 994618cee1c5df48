"""Named state machines: revisions, versions, aliases, tags and executions, with AWS's terms and AWS's errors.

It combines the compiler, the Runtime and the task handlers into the operations of the Step Functions API, without HTTP:
`express.api` serves it on a socket.
"""

from __future__ import annotations

from express.service.arns import Account
from express.service.errors import ServiceError
from express.service.service import Service
from express.service.store import MemoryStore, Store

__all__ = ["Account", "MemoryStore", "Service", "ServiceError", "Store"]
