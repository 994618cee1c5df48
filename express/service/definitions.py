"""Definitions in the service: compiled for a machine, or only validated.

Both use the compiler's rules: CreateStateMachine refuses what `check` reports as an error, and
ValidateStateMachineDefinition returns the report itself. As at AWS, a resource without a handler is no error of the
definition: the task fails when it is reached.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from express.compiler import NO_MOCKS, check, compile_document
from express.definition.document import read_definition
from express.errors import DefinitionError
from express.service.errors import invalid_definition
from express.service.variables import variable_references
from express.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from express.definition.document import Document
    from express.states.state import Handler, Resolver
    from express.tasks import MockedCase
    from express.types import Diagnostic, MachineType

#: Definitions longer than this many characters are compiled in a thread, so that they do not block the event loop.
_LONG: Final = 16_384
#: Diagnostics in one answer (API reference, ValidateStateMachineDefinition: `maxResults`).
MAX_DIAGNOSTICS: Final = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """The machine for which a definition is compiled."""

    name: str
    arn: str
    role_arn: str
    type: MachineType


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled definition, and the variables that each of its states reads."""

    workflow: Workflow
    variables: dict[str, list[str]]


async def compile_definition(text: str, identity: Identity, tasks: Resolver) -> Compiled:
    """Compile a definition with the handlers of `tasks`. Raises ServiceError InvalidDefinition with its errors."""
    try:
        if len(text) > _LONG:
            return await asyncio.to_thread(_compile, text, identity, tasks)
        return _compile(text, identity, tasks)
    except DefinitionError as error:
        raise invalid_definition(error.problems) from None


def _compile(text: str, identity: Identity, tasks: Resolver) -> Compiled:
    document = read_definition(text)
    return Compiled(_workflow(document, identity, tasks, NO_MOCKS), variable_references(document.value))


def compile_mocked(text: str, identity: Identity, tasks: Resolver, case: MockedCase) -> Workflow:
    """Compile a definition again, with the states of a test case mocked.

    Raises InvalidMocks for states the definition does not have.
    """
    document = read_definition(text)
    case.check(document.value)
    return _workflow(document, identity, tasks, case.handlers)


def _workflow(document: Document, identity: Identity, tasks: Resolver, mocks: Mapping[str, Handler]) -> Workflow:
    return Workflow(
        compile_document(
            document,
            type=identity.type,
            resolver=tasks,
            mocks=mocks,
            fail_unresolved=False,
            name=identity.name,
            arn=identity.arn,
            role_arn=identity.role_arn,
        )
    )


async def validate_definition(
    text: str, machine_type: MachineType, *, severity: str, max_results: int | None
) -> dict[str, Any]:
    """The answer of ValidateStateMachineDefinition.

    severity: `ERROR` omits warnings, `WARNING` does not. max_results: 0 or None for the maximum, `MAX_DIAGNOSTICS`.
    """
    if len(text) > _LONG:
        problems = await asyncio.to_thread(_problems, text, machine_type)
    else:
        problems = _problems(text, machine_type)
    shown = [problem for problem in problems if severity == "WARNING" or problem.severity == "ERROR"]
    limit = max_results or MAX_DIAGNOSTICS
    return {
        "result": "FAIL" if any(problem.severity == "ERROR" for problem in problems) else "OK",
        "diagnostics": [_diagnostic(problem) for problem in shown[:limit]],
        "truncated": len(shown) > limit,
    }


def _problems(text: str, machine_type: MachineType) -> Sequence[Diagnostic]:
    try:
        return check(read_definition(text), type=machine_type)
    except DefinitionError as error:
        return error.problems


def _diagnostic(problem: Diagnostic) -> dict[str, str]:
    entry = {"severity": problem.severity, "code": problem.code, "message": problem.message}
    return entry if problem.location is None else {**entry, "location": problem.location}
