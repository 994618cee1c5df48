"""Mocks: results in place of a state's work, and when one is permitted or required (API reference MockInput).

A Task, Parallel or Map may have a mock; a Parallel or Map must, and so must a Task that waits for more than the answer
of a call. The result of a mock has the form of the work's: an array with an element for each branch or iteration, an
object where a ResultWriter stores a Map's results, and for a Task the answer of the API behind it (`models`). Errors
are as recorded; those not recorded follow the same form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from express.errors import StateError
from express.parsing import parse_json
from express.service.errors import ServiceError, validation
from express.service.testing_states.models import check_result
from express.states.context import RECOVERING
from express.states.parallel import Parallel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.service.testing_states.tested import StateUnderTest
    from express.types import JSON

#: The request's members that require a mock, and AWS's names for them in its errors.
_NEEDS_MOCK: Final = {
    "retrierRetryCount": "RetrierRetryCount",
    "errorCausedByState": "ErrorCausedByState",
    "mapIterationFailureCount": "MapIterationFailureCount",
    "mapItemReaderData": "MapItemReaderData",
}


@dataclass(frozen=True, slots=True)
class Mock:
    """A mocked outcome: `failure` if there is one, else `result`."""

    result: JSON = None
    failure: tuple[str, str | None] | None = None

    def outcome(self) -> JSON:
        """The mocked result. Raises StateError for a mocked failure."""
        if self.failure is not None:
            raise StateError(*self.failure)
        return self.result


def check_options(request: Mapping[str, Any]) -> None:
    """Check that the members of a request fit together, whatever its state. Raises ServiceError ValidationException."""
    mock = request.get("mock")
    if mock is None:
        for member, name in _NEEDS_MOCK.items():
            if member in request.get("stateConfiguration", {}):
                raise validation(f"TestState does not support {name} when a mock is not specified.")
        if "context" in request:
            raise validation("TestState does not support Context when a mock is not specified.")
        return
    if ("result" in mock) == ("errorOutput" in mock):
        raise validation("A test mock should have only one of the following fields: [result, errorOutput].")
    if "error" not in mock.get("errorOutput", {"error": ""}):
        raise validation("A mocked errorOutput must have an error.")
    if request.get("revealSecrets"):
        raise validation("TestState does not support RevealSecrets when a mock is specified.")


def read_mock(request: Mapping[str, Any], state: StateUnderTest) -> Mock | None:
    """The mock of a request, if it has one. Raises ServiceError where the state must not have one, or needs one."""
    mock = request.get("mock")
    if mock is None:
        _check_unmocked(state, has_role="roleArn" in request)
        return None
    if state.type not in RECOVERING:
        raise validation(f"State type '{state.type}' is not supported when a mock is specified")
    output = mock.get("errorOutput")
    if output is not None:
        return Mock(failure=(output["error"], output.get("cause")))
    try:
        result = parse_json(mock["result"].encode())
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise validation("Mocked result must be valid JSON") from None
    _check_form(state, result)
    mode = mock.get("fieldValidationMode", "STRICT")
    if mode != "NONE" and state.resource is not None:
        check_result(state.resource, result, strict=mode == "STRICT")
    return Mock(result)


def _check_unmocked(state: StateUnderTest, *, has_role: bool) -> None:
    if state.type in ("Map", "Parallel"):
        raise _unsupported(
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]"
        )
    resource = state.resource
    if resource is None:
        return
    if resource.kind == "activity":
        raise _unsupported("TestState API does not support Activity tasks when a mock is not specified.")
    if resource.pattern:
        raise _unsupported(
            f"TestState API does not support the '{resource.pattern.removesuffix(':2')}' service integration pattern "
            "when a mock is not specified."
        )
    if not has_role:
        raise validation("RoleArn must be specified when testing a Task state")


def _unsupported(message: str) -> ServiceError:
    return ServiceError("InvalidDefinition", message)


def _check_form(state: StateUnderTest, result: JSON) -> None:
    """Check the form of the result of a Parallel or Map (recorded)."""
    if state.type == "Map" and "Resource" in state.fields.get("ResultWriter", {}):
        if not isinstance(result, dict):
            raise validation("Mocked result must be a JSON object.")
    elif state.type in ("Map", "Parallel") and not isinstance(result, list):
        raise validation("Mocked result must be an array.")
    if isinstance(state.node, Parallel) and len(result) != len(state.node.nested):
        raise validation("Mocked result must contain the same number of items as number of Parallel branches.")
