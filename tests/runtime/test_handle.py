"""A started execution tells those who ask for it that it has ended."""

from __future__ import annotations

import asyncio
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
