"""Named machines and their executions behind one object, for an endpoint to serve or an application to embed.

async with Service(tasks) as service:
    machine, _ = await service.catalogue.create({"name": "orders", "definition": text, "roleArn": role})
    record = await service.executions.start(machine.arn, None, '{"order_id": "1"}', None)
"""

from __future__ import annotations

import random as randomness
from typing import TYPE_CHECKING, Final, Self

from express.history import Chronicle
from express.runtime import Runtime
from express.service.activities import Activities, ActivityWorkers
from express.service.aliases import Aliases
from express.service.arns import Account
from express.service.callbacks import TaskTokens, add_token_integrations
from express.service.catalogue import Catalogue
from express.service.executions import MAX_OPEN_TIME, Executions
from express.service.integrations import in_order
from express.service.mocking import Mocking
from express.service.nested import add_nested_executions
from express.service.pages import Pager
from express.service.store import MemoryStore
from express.service.testing_states import StateTests
from express.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from express.observe import Observer
    from express.service.store import Store
    from express.tasks.mocks import MockFile

#: The default limit of running executions of each type.
MAX_IN_FLIGHT: Final = 10_000

_MILLISECOND: Final = 1_000_000


class Service:
    """Machines and executions of one endpoint.

    tasks: the task handlers, with the precedence given in `integrations`. account: the account in the machines' ARNs.
    extended: record recent Express executions. max_in_flight: concurrent executions of each type. observers: see every
    execution. mocks: test cases, started as `stateMachineArn#TestCase`.

    Use it as an asynchronous context manager; leaving it waits `drain_timeout` seconds for executions, then aborts
    those that remain.
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
        mocks: MockFile | None = None,
    ) -> None:
        observers = tuple(observers)
        remembering = (*observers, Chronicle()) if extended else observers
        self._express = Runtime(max_in_flight, observers=remembering, drain_timeout=drain_timeout)
        self._standard = Runtime(
            max_in_flight,
            execution_timeout=MAX_OPEN_TIME,
            observers=(*observers, Chronicle(keeps_places=True)),
            drain_timeout=drain_timeout,
        )
        self._drain_timeout = drain_timeout
        self.account = Account() if account is None else account
        store = MemoryStore() if store is None else store
        chance = randomness.Random() if random is None else random
        tasks = Tasks() if tasks is None else tasks
        own = Tasks()
        self.activities = Activities(self.account, self.now)
        self.task_tokens = TaskTokens(self._standard)
        workers = in_order(tasks, ActivityWorkers(self.activities), own)
        mocking = None if mocks is None else Mocking(mocks, workers)
        self.catalogue = Catalogue(store, self.account, workers, self.now, chance, mocking)
        self.aliases = Aliases(store, self.catalogue, self.now)
        self.executions = Executions(store, self.catalogue, self._express, self._standard, extended=extended)
        add_nested_executions(own, self.account, self.executions)
        add_token_integrations(own, self.account, self.task_tokens)
        self.tests = StateTests(self.account, workers)
        self.pager = Pager(self.now)

    @property
    def runtimes(self) -> tuple[Runtime, Runtime]:
        """The Runtimes of Express and of Standard executions."""
        return self._express, self._standard

    def now(self) -> float:
        """Seconds since the epoch, in whole milliseconds, as the API writes times."""
        return self._express.time_ns() // _MILLISECOND / 1000

    async def __aenter__(self) -> Self:
        await self._express.__aenter__()
        await self._standard.__aenter__()
        await self.tests.enter()
        self.executions.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(0 if kind is not None else self._drain_timeout)

    async def close(self, drain: float, *, is_cut_off: bool = False) -> None:
        """Refuse further starts; give running executions `drain` seconds to end, then abort the rest.

        is_cut_off: no client can reach the service any more. Then the wait ends as soon as the remaining executions
        only wait for a worker or for an answer to their token.
        """
        self.activities.close()
        await self.executions.close()
        started = self._express.monotonic_ns()
        await self._express.close(drain)
        spent = (self._express.monotonic_ns() - started) / 1e9
        left = max(drain - spent, 0)
        if is_cut_off:
            await self.executions.until_still(left)
            left = 0
        await self._standard.close(left)
        spent = (self._express.monotonic_ns() - started) / 1e9
        await self.tests.close(max(drain - spent, 0))
        await self.executions.settle()
