"""`--workers N`: several processes behind one port that answer as one.

Theory of operation. The first process is the *owner*. It holds the whole state of the API: machines, versions, aliases,
tags, Standard executions, activities, task tokens. It starts the *workers*, and only they listen on the port. A worker
answers by itself the actions that need only a machine, which make up the load: StartSyncExecution, StartExecution,
ValidateStateMachineDefinition. It forwards every other request to the owner as an HTTP request over a Unix socket
(`forwarding`), on which the owner runs an ordinary Server. Standard executions, whether a client or another execution
starts them, are started by the owner in the same way.

Machines are replicated (`express.service.replication`). The owner answers a request only when all workers have every
change made up to then, so a client that has been told of a new, changed or deleted machine sees the same on whichever
worker it talks to next. A worker begins to listen when it has all machines. Express executions are not remembered, as
with `--strict-aws`: each would be known to one worker only.

Each worker has a channel to the owner (`channel`): changes arrive on it and are acknowledged one by one. When one
process dies, the end of the channel tells the other. The owner replaces a worker that dies, and also one that does not
apply a change within half a minute, because its answers would be wrong; a worker ends as soon as its owner does. On
Linux each worker has its own listening socket, and the kernel distributes connections over them; elsewhere they share
one (`sockets`). The owner keeps these sockets open: connections that wait for a worker that died are answered by its
successor.

The limit of concurrent executions applies to each worker.
"""

from __future__ import annotations

from express.api.workers.owner import Owner
from express.api.workers.worker import Plan

__all__ = ["Owner", "Plan"]
