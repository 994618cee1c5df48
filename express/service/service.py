"""Named machines and their executions behind one object: what an endpoint serves and an application may embed.

async with Service(tasks) as service:
    machine, _ = await service.catalogue.create({"name": "orders", "definition": text, "roleArn": role})
    record = await service.executions.start(machine.arn, None, '{"order_id": "1"}', None)
"""

from __future__ import annotations

import random as randomness
from typing import TYPE_CHECKING, Final, Self

from express.runtime import Runtime
from express.service.aliases import Aliases
from express.service.arns import Account
from express.service.catalogue import Catalogue
from express.service.executions import Executions
from express.service.pages import Pager
from express.service.store import MemoryStore
from express.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from express.observe import Observer
    from express.service.store import Store

#: A Standard execution may take a year (AWS guide "Service quotas"), in seconds.
YEAR: Final = 365 * 24 * 60 * 60
#: Executions of each type running at once.
MAX_IN_FLIGHT: Final = 10_000

_MILLISECOND: Final = 1_000_000


class Service:
    """tasks: who does the work of the machines. account: where the machines pretend to be. extended: remember recent
    Express executions. max_in_flight: executions of each type at once. observers: see every execution.

    Use it as an asynchronous context manager; leaving it waits `drain_timeout` seconds for executions, then aborts
    what is left.
    """

    def __init__(
        self,
        tasks: Tasks | None = None,
        *,
        account: Account | None = None,
        store: Store | None = None,
        extended: bool = True,
        max_in_flight: int = MAX_IN_FLIGHT,
        observers: Iterable[Observer] = (),
        drain_timeout: float = 25.0,
        random: randomness.Random | None = None,
    ) -> None:
        observers = tuple(observers)
        self._express = Runtime(max_in_flight, observers=observers, drain_timeout=drain_timeout)
        self._standard = Runtime(
            max_in_flight, execution_timeout=YEAR, observers=observers, drain_timeout=drain_timeout
        )
        self._drain_timeout = drain_timeout
        self.account = Account() if account is None else account
        store = MemoryStore() if store is None else store
        chance = randomness.Random() if random is None else random
        self.catalogue = Catalogue(store, self.account, Tasks() if tasks is None else tasks, self.now, chance)
        self.aliases = Aliases(store, self.catalogue, self.now)
        self.executions = Executions(store, self.catalogue, self._express, self._standard, extended=extended)
        self.pager = Pager(self.now)

    def now(self) -> float:
        """Seconds since the epoch, in whole milliseconds, as the API writes times."""
        return self._express.time_ns() // _MILLISECOND / 1000

    async def __aenter__(self) -> Self:
        await self._express.__aenter__()
        await self._standard.__aenter__()
        self.executions.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(0 if kind is not None else self._drain_timeout)

    async def close(self, drain: float) -> None:
        """Start nothing more; give running executions `drain` seconds to end, then abort the rest."""
        await self.executions.close()
        started = self._express.monotonic_ns()
        await self._express.close(drain)
        spent = (self._express.monotonic_ns() - started) / 1e9
        await self._standard.close(max(drain - spent, 0))
        await self.executions.settle()
