"""`Workflow`, the compiled state machine that `express.compile` returns and a Runtime runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from express.compiler import DEFAULT_ROLE_ARN, NO_MOCKS, compile_document, default_arn
from express.definition.document import load_definition
from express.names import check_name, check_text
from express.runtime import Runtime, run
from express.runtime.runtime import NO_INPUT
from express.tasks import MockedCase, Tasks

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from express.compiler import Definition
    from express.counting import Tally
    from express.observe import Observer
    from express.program import Machine, Step
    from express.result import Result
    from express.types import JSON, MachineType


class Workflow:
    """A compiled state machine, made by `express.compile`; any number of its executions may run at once.

    Run a workflow in one thread only: its counters are plain integers.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._machine = definition.build()
        self._watched: dict[tuple[Observer, ...], Machine] = {}

    @property
    def name(self) -> str:
        """The name: that given to `compile`, or the file's, or `workflow`."""
        return self._definition.name

    @property
    def arn(self) -> str:
        """The ARN of the state machine (`$$.StateMachine.Id`); the region and account of documentation examples."""
        return self._definition.arn

    @property
    def type(self) -> MachineType:
        """EXPRESS or STANDARD."""
        return self._definition.type

    @property
    def tally(self) -> Tally:
        """The counters of its executions so far."""
        return self._machine.tally

    @property
    def state_entries(self) -> dict[str, int]:
        """How often each state was entered so far, nested ones included; a retry is no entry."""
        entries: dict[str, int] = {}
        for step in self._steps():
            entries[step.name] = entries.get(step.name, 0) + step.entries
        return entries

    @property
    def state_transitions(self) -> int:
        """The state transitions so far, as AWS bills them for Standard workflows: every entry and every retry."""
        return sum(step.attempts for step in self._steps())

    def _steps(self) -> Iterator[Step]:
        """Yield the steps of every variant of the machine."""
        for machine in (self._machine, *self._watched.values()):
            yield from machine.all_steps

    def machine(self, observers: tuple[Observer, ...] = ()) -> Machine:
        """The machine to run; a variant instrumented for `observers` is built on first use and cached."""
        if not observers:
            return self._machine
        machine = self._watched.get(observers)
        if machine is None:
            machine = self._watched[observers] = self._definition.build(observers)
            machine.tally = self._machine.tally
        return machine

    def run(self, input: JSON = NO_INPUT, *, name: str | None = None) -> Result:  # noqa: A002
        """Run one execution and block until it ends: for scripts and tests.

        Raises RuntimeError inside a running event loop, which it would block; use `Runtime.execute` there.
        """
        if _in_event_loop():
            raise RuntimeError(
                "Workflow.run cannot be used inside a running event loop; there, "
                "`async with Runtime() as runtime` and `await runtime.execute(workflow, input)` (Runtime.execute)"
            )

        async def main() -> Result:
            async with Runtime(max_in_flight=1) as runtime:
                return await runtime.execute(self, input, name=name)

        return run(main())

    def __repr__(self) -> str:
        return f"<Workflow {self.name!r} {self.type}>"


def compile(  # noqa: A001 - the verb users know
    definition: str | bytes | os.PathLike[str] | dict[str, Any],
    tasks: Tasks | None = None,
    *,
    name: str | None = None,
    type: MachineType = "EXPRESS",  # noqa: A002 - the API's own word for it
    unresolved: Literal["error", "fail-at-run"] = "error",
    arn: str | None = None,
    role_arn: str = DEFAULT_ROLE_ARN,
    mocks: MockedCase | None = None,
) -> Workflow:
    """Compile a definition in the Amazon States Language.

    definition: a path, JSON text, bytes, or a dict.
    tasks: the handlers of its Task states; default: none.
    name: the machine's name; default: the stem of the file, or `workflow`.
    type: `EXPRESS`, which refuses what Express workflows must not use, or `STANDARD`, which does not.
    unresolved: how to treat a Task that no handler matches: `error` refuses the definition, `fail-at-run` lets the
        state fail when it is reached.
    arn, role_arn: what the context object shows as the machine's ARN and role.
    mocks: a test case of a mock configuration (`express.testing.Mocks`); it gives the results of the states it names.

    Raises DefinitionError with every problem of the definition, each with AWS's code, its JSON pointer and its position
    in the text, InvalidMocks for mocked states the definition does not have, and TypeError or ValueError for the other
    arguments.
    """
    _check_tasks(tasks)
    if unresolved not in ("error", "fail-at-run"):
        raise ValueError(f"unresolved must be 'error' or 'fail-at-run', not {unresolved!r}")
    if type not in ("EXPRESS", "STANDARD"):
        raise ValueError(f"type must be 'EXPRESS' or 'STANDARD', not {type!r}")
    for argument, value in (("arn", arn), ("role_arn", role_arn)):
        # A role that is None is null in the context object.
        if value is not None:
            check_text(argument, value)
    document = load_definition(definition)
    chosen = name if name is not None else document.name or "workflow"
    if name is not None:
        check_name(name)
    if mocks is not None:
        if not isinstance(mocks, MockedCase):
            raise TypeError(f"mocks must be a test case of express.testing.Mocks, not a {mocks.__class__.__name__}")
        mocks.check(document.value)
    return Workflow(
        compile_document(
            document,
            type=type,
            resolver=Tasks() if tasks is None else tasks,
            mocks=NO_MOCKS if mocks is None else mocks.handlers,
            fail_unresolved=unresolved == "error",
            name=chosen,
            arn=default_arn(chosen) if arn is None else arn,
            role_arn=role_arn,
        )
    )


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _check_tasks(tasks: object) -> None:
    if tasks is not None and not isinstance(tasks, Tasks):
        raise TypeError(
            f"tasks must be an express.Tasks, not a {type(tasks).__name__}: register handlers with its `task`"
        )
