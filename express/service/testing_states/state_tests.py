"""Runs tests of single states, within a limit of concurrent tests and a timeout of five minutes."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final

from express.compiler import DEFAULT_ROLE_ARN
from express.metering import memory_bytes
from express.payload import measure_members
from express.program import NO_VARIABLES, Machine, Program
from express.result import Result
from express.runtime import Runtime
from express.service import errors
from express.service.testing_states.contexts import given_context, made_context
from express.service.testing_states.steps import build_step
from express.service.testing_states.trials import Trial, answer, failure, read_trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.service.arns import Account
    from express.states.state import Resolver

#: Tests running at once.
MAX_TESTS: Final = 100
#: How long the state may take, in seconds (API reference TestState).
_TIMEOUT: Final = 300
#: Definitions longer than this many characters are compiled in a thread, like those of machines.
_LONG: Final = 16_384


class StateTests:
    """Runs tests in a Runtime of its own: observers see no tests, and tests take no capacity from executions.

    account: the account in the tests' ARNs. tasks: finds the handlers of the states that are not mocked.
    """

    def __init__(self, account: Account, tasks: Resolver) -> None:
        self._account = account
        self._tasks = tasks
        self._runtime = Runtime(MAX_TESTS, _TIMEOUT)
        self._closed = False

    async def enter(self) -> None:
        """Bind to the running event loop."""
        await self._runtime.__aenter__()

    async def close(self, drain: float) -> None:
        """Refuse further tests; give running ones `drain` seconds to end, then abort them."""
        self._closed = True
        await self._runtime.close(drain)

    async def test(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a TestState request. Raises ServiceError."""
        if len(request["definition"]) > _LONG or "mock" in request:
            # Reading the model of an API from its file would block the event loop.
            trial = await asyncio.to_thread(read_trial, request, self._tasks)
        else:
            trial = read_trial(request, self._tasks)
        runtime = self._runtime
        if self._closed:
            raise errors.unavailable()
        if runtime.must_wait:
            raise errors.throttled()
        run = runtime.open(self._machine(trial), trial.input)
        if isinstance(run, Result):
            return failure(run)
        run.variables = NO_VARIABLES.assigned(trial.variables, measure_members(trial.variables))
        run.task = asyncio.current_task()
        result = runtime.run_here(run) or await runtime.conduct(run)
        if result.status == "ABORTED":
            raise errors.unavailable()
        return answer(trial, run, result)

    def _machine(self, trial: Trial) -> Machine:
        """A machine of the one state. Its name, like that of its execution, is unique (recorded)."""
        step = build_step(trial.state.node, trial.mock, trial.situation, trial.inspection)
        name, size, given = str(uuid.uuid4()), trial.state.characters, trial.context
        made = made_context(trial.state, trial.situation.retries)
        return Machine(
            name=name,
            arn=self._account.machine_arn(name),
            role_arn=trial.role_arn or DEFAULT_ROLE_ARN,
            type="EXPRESS",
            definition_bytes=size,
            timeout_seconds=None,
            base_memory=memory_bytes(size, 0, 0),
            program=Program(step, (step,), step.blocks),
            context=made if given is None else given_context(given),
            all_steps=(step,),
        )
