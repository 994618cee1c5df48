"""The context object of a test: built as for any execution, or given in the request.

Recorded: an execution under test is an Express one, its ARN ends in the machine's and the execution's name, and every
Task, Parallel and Map has `State.RetryCount`. A Task that would wait for a callback has a token, which answers no task.
A context object in the request is checked for types and used as given: members that it omits are absent.
"""

from __future__ import annotations

from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final

import orjson

from express.names import execution_arn
from express.parsing import parse_json
from express.service.errors import ServiceError, validation
from express.states.callback import has_token
from express.states.context import RECOVERING, build_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.program import Frame
    from express.service.testing_states.tested import StateUnderTest
    from express.types import JSON

_TOKEN_BYTES: Final = 48
_STRING: Final[tuple[type, str]] = (str, "a string")
_NUMBER: Final[tuple[type, str]] = (int, "a number")
_OBJECT: Final[tuple[type, str]] = (dict, "an object")
#: The members of the context object that have one type (ASL spec "The Context Object").
_MEMBERS: Final[dict[str, dict[str, tuple[type, str]]]] = {
    "Execution": {
        "Id": _STRING,
        "Name": _STRING,
        "RoleArn": _STRING,
        "StartTime": _STRING,
        "RedriveCount": _NUMBER,
        "RedriveTime": _STRING,
    },
    "StateMachine": {"Id": _STRING, "Name": _STRING},
    "State": {"EnteredTime": _STRING, "Name": _STRING, "RetryCount": _NUMBER},
    "Task": {"Token": _STRING},
    "Map": {"Item": _OBJECT},
}


def read_context(text: str, state: StateUnderTest) -> dict[str, JSON]:
    """The context object of a request. Raises ServiceError ValidationException."""
    try:
        given = parse_json(text.encode())
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise _invalid("Context object must be valid JSON") from None
    if not isinstance(given, dict):
        raise _invalid("Context object must be a JSON object")
    for section, members in _MEMBERS.items():
        if section not in given:
            continue
        _check_type(section, given[section], _OBJECT)
        for name, expected in members.items():
            if name in given[section]:
                _check_type(f"{section}.{name}", given[section][name], expected)
    resource = state.resource
    if "Task" in given and (resource is None or not resource.pattern):
        raise _invalid(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
            "service integration pattern"
        )
    return given


def _check_type(place: str, value: JSON, expected: tuple[type, str]) -> None:
    kind, name = expected
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _invalid(f"{place} must be {name}")


def _invalid(detail: str) -> ServiceError:
    return validation(f"Invalid Context object provided: {detail}")


def given_context(given: dict[str, JSON]) -> Callable[[Frame, str | None], dict[str, JSON]]:
    """`Machine.context` of a test whose request gives the context object.

    While a Map selects an item, `Map` holds that item instead of the given one.
    """

    def context(frame: Frame, section: str | None = None) -> dict[str, JSON]:
        whole = given if frame.item is None else {**given, "Map": {"Item": frame.item}}
        if section is None:
            return whole
        return {section: whole[section]} if section in whole else {}

    return context


def made_context(state: StateUnderTest, retries: int) -> Callable[[Frame, str | None], dict[str, JSON]]:
    """`Machine.context` of any other test. `retries`: the number of earlier retries of the state to report."""
    resource = state.resource
    token = {"Token": token_urlsafe(_TOKEN_BYTES)} if resource is not None and has_token(resource) else None

    def context(frame: Frame, section: str | None = None) -> dict[str, JSON]:
        made: dict[str, Any] = build_context(frame, section)
        if "Execution" in made:
            made["Execution"]["Id"] = execution_arn(frame.run.machine.arn, "EXPRESS", frame.run.execution_name)
        if "State" in made and frame.step.type in RECOVERING:
            made["State"]["RetryCount"] = retries
        if token is not None and section in (None, "Task"):
            made["Task"] = token
        return made

    return context
