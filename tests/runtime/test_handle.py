"""A started execution tells those who ask for it that it has ended."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import TYPE_CHECKING

import pytest

import express
from tests.runtime.machines import compiled, machine, run_clean, state, turns, wait

if TYPE_CHECKING:
    from express.runtime import Execution


@pytest.mark.parametrize("definition", [machine(A=state("Pass")), machine(A=wait(5))], ids=["at once", "later"])
def test_whoever_wants_to_know_is_told_the_result_once(definition: dict[str, object]) -> None:
    told: list[express.Result] = []

    async def main() -> None:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(definition), {"a": 1})
            execution.add_done_callback(told.append)
            execution.add_done_callback(told.append)
            assert told == []
            result = await execution
            await turns()
        assert told == [result, result]

    run_clean(main())


def test_a_callback_that_raises_harms_nobody() -> None:
    complaints: list[str] = []

    async def main() -> express.Result:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: complaints.append(str(context["exception"]))
        )
        async with express.Runtime() as runtime:
            execution: Execution = await runtime.start(compiled(machine(A=wait(5))))
            execution.add_done_callback(lambda _: 1 / 0)
            result = await execution
            await turns()
            return result

    assert run_clean(main()).succeeded
    assert complaints == ["division by zero"]


@pytest.mark.parametrize("definition", [machine(A=state("Pass")), machine(A=wait(5))], ids=["at once", "later"])
def test_what_it_has_come_to_can_be_copied_and_sent_away(definition: dict[str, object]) -> None:
    """It holds on to no Runtime: a Result goes to another process, and outlives what has made it."""

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(definition), {"a": 1})
            waiting = [asyncio.ensure_future(execution) for _ in range(2)]
            execution.add_done_callback(lambda _: None)
            await turns()
            await asyncio.gather(*waiting)
            await turns()
            return await execution

    result = run_clean(main())
    for twin in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert (twin.status, twin.output, twin.name) == ("SUCCEEDED", {"a": 1}, result.name)
        assert twin.billing == result.billing


@pytest.mark.parametrize("member", ["status", "output", "index", "succeeded", "billing"])
def test_what_is_not_known_yet(member: str) -> None:
    async def main() -> None:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(machine(A=wait(5))))
            with pytest.raises(AttributeError, match=rf"^{member}: the execution {execution.name} has not ended yet"):
                getattr(execution, member)
            with pytest.raises(AttributeError, match=r"^Execution has no attribute 'nonsense'"):
                _ = execution.nonsense  # type: ignore[attr-defined]
            await execution

    run_clean(main())
