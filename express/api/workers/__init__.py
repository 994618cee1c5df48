"""`--workers N`: several processes behind one port, and answers as if they were one.

Theory of operation. The first process is the *owner*. It holds everything the API can tell: machines, versions,
aliases, tags, Standard executions, activities, task tokens. It starts the *workers*, and only they listen on the port.
A worker answers by itself what needs no more than a machine, and that is what load consists of: StartSyncExecution,
StartExecution, ValidateStateMachineDefinition. Everything else it hands to the owner, as the HTTP request it is, over a
Unix socket (`forwarding`); the owner is an ordinary Server there. A Standard execution, whether a client or another
execution starts it, is started by the owner in the same way.

Machines are replicated (`express.service.replication`). The owner answers no request before all workers have every
change made up to then, so whoever has been told that a machine is there, or gone, or different, finds it so whichever
worker he talks to next. A worker begins to listen when it has all machines. Express executions are remembered by
nobody, as with `--strict-aws`: each would be known to one worker.

Each worker has a channel to the owner (`channel`): changes come in on it, and are acknowledged one by one. Its end
tells either side of the other's death. A worker that dies is replaced, and so is one that does not take a change for
half a minute, for its answers would be wrong; with its owner a worker ends at once. On Linux each worker has a
listening socket of its own, and the kernel spreads connections over them; elsewhere they share one (`sockets`). The
owner keeps these sockets open: connections that wait for a worker that died are answered by its successor.

The limit of executions at once holds in each worker.
"""

from __future__ import annotations

from express.api.workers.owner import Owner
from express.api.workers.worker import Plan

__all__ = ["Owner", "Plan"]
