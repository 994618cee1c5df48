"""Small machines to run, the ways to run them, and what must be left afterwards: nothing.

A definition is put together from `machine` and one function for each state type that needs more than a dict; handlers
are given by name. `run_clean` is `run_virtual` for suspicious people: it fails when a task, a timer or an exception
nobody looked at survives.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import express
from express.program import Frame, Run
from express.testing import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from express.types import JSON

T = TypeVar("T")

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
SECOND = 1_000_000_000
#: More seconds than any test lets pass.
AGES = 9_999

State: TypeAlias = "dict[str, Any]"
Handler: TypeAlias = "Callable[..., Any]"

# --------------------------------------------------------------------------------------------------------------
# definitions


def state(type: str, **fields: Any) -> State:  # noqa: A002 - ASL's own word for it
    """A state; it ends its scope unless told to go on."""
    ends = type in ("Succeed", "Fail", "Choice") or "Next" in fields
    return {"Type": type, **fields} if ends else {"Type": type, **fields, "End": True}


def task(function: str, **fields: Any) -> State:
    return state("Task", Resource=FUNCTION + function, **fields)


def wait(seconds: int, **fields: Any) -> State:
    return state("Wait", Seconds=seconds, **fields)


def parallel(*branches: dict[str, Any], **fields: Any) -> State:
    return state("Parallel", Branches=list(branches), **fields)


def each(processor: dict[str, Any], **fields: Any) -> State:
    """A Map."""
    return state("Map", ItemProcessor=processor, **fields)


def machine(**states: State) -> dict[str, Any]:
    """A `States` object that starts at the first of its states."""
    return {"StartAt": next(iter(states)), "States": states}


def catching(*errors: str, to: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"ErrorEquals": list(errors), "Next": to, **fields}]


def endless(name: str) -> dict[str, Any]:
    """States that go round for ever and never wait; Choice is there to let AWS see a way out."""
    out = f"{name}Out"
    choice = state("Choice", Choices=[{"Variable": "$$.State.Name", "IsNull": True, "Next": out}], Default=name)
    return machine(**{name: state("Pass", Next=f"{name}Again"), f"{name}Again": choice, out: state("Succeed")})


def compiled(
    definition: dict[str, Any], options: dict[str, Any] | None = None, **handlers: Handler
) -> express.Workflow:
    """The workflow, each handler registered under its name with the same options."""
    tasks = express.Tasks()
    for name, handler in handlers.items():
        tasks.add(name, handler, **(options or {}))
    return express.compile(definition, tasks)


def calling(handler: Handler, options: dict[str, Any] | None = None, **fields: Any) -> express.Workflow:
    """A machine of one Task, `Work`."""
    return compiled(machine(Work=task("work", **fields)), options, work=handler)


# --------------------------------------------------------------------------------------------------------------
# ways to run them


async def through_execute(runtime: express.Runtime, workflow: express.Workflow, event: JSON) -> express.Result:
    return await runtime.execute(workflow, event)


async def through_start(runtime: express.Runtime, workflow: express.Workflow, event: JSON) -> express.Result:
    return await (await runtime.start(workflow, event))


async def through_map(runtime: express.Runtime, workflow: express.Workflow, event: JSON) -> express.Result:
    [result] = [result async for result in runtime.map(workflow, [event])]
    return result


async def through_unordered_map(runtime: express.Runtime, workflow: express.Workflow, event: JSON) -> express.Result:
    [result] = [result async for result in runtime.map(workflow, [event], ordered=False)]
    return result


Way: TypeAlias = "Callable[[express.Runtime, express.Workflow, JSON], Awaitable[express.Result]]"
WAYS: tuple[Way, ...] = (through_execute, through_start, through_map, through_unordered_map)


async def executed(workflow: express.Workflow, event: JSON = None, **limits: Any) -> express.Result:
    async with express.Runtime(**limits) as runtime:
        return await runtime.execute(workflow, event)


async def turns(count: int = 3) -> None:
    """Let the loop turn: whatever is ready gets its chance, and no time passes."""
    for _ in range(count):
        await asyncio.sleep(0)


# --------------------------------------------------------------------------------------------------------------
# what must be left


def run_clean(main: Coroutine[Any, Any, T], *, tick_ns: int = 0) -> T:
    """`run_virtual`, and nothing left behind on the loop: no task, no timer, no exception that nobody took."""
    complaints: list[dict[str, Any]] = []
    with closing(VirtualTimeLoop(tick_ns=tick_ns)) as loop:
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        try:
            result = loop.run_until_complete(main)
            loop.run_until_complete(loop.shutdown_asyncgens())
            tasks = asyncio.all_tasks(loop)
            timers = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        finally:
            # What is left would only confuse the tests after this one.
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(turns())
    assert not tasks, tasks
    assert not timers, timers
    assert not complaints, complaints
    return result


def live() -> Counter[str]:
    """How many executions and frames there are in memory, but for those that workflows keep for their next execution."""
    frames = [thing for thing in gc.get_objects() if isinstance(thing, Frame)]
    return Counter(type(frame).__name__ for frame in frames if not (isinstance(frame, Run) and is_spare(frame)))


def is_spare(run: Run) -> bool:
    return run.machine.spare is run


@contextmanager
def reference_counting_alone() -> Iterator[None]:
    """Executions that end inside must be freed without the garbage collector."""
    gc.collect()
    before = live()
    gc.disable()
    try:
        yield
        assert live() - before == Counter()
    finally:
        gc.enable()
        gc.collect()
