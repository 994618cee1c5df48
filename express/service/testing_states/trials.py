"""A TestState request as parsed, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from express.errors import RUNTIME
from express.foreign import NotJSON
from express.parsing import parse_json
from express.payload import text_of
from express.service.arns import check_role_arn
from express.service.errors import validation
from express.service.inputs import read_input
from express.service.testing_states import http_exchange
from express.service.testing_states.contexts import read_context
from express.service.testing_states.inspection import Inspection, inspect
from express.service.testing_states.item_reader import read_item_data
from express.service.testing_states.mocks import Mock, check_options, read_mock
from express.service.testing_states.steps import EXIT, Situation
from express.service.testing_states.tested import StateUnderTest, read_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.errors import StateError
    from express.program import Run
    from express.result import Result
    from express.states.state import Resolver
    from express.types import JSON

_NO_INPUT: Final = "{}"


@dataclass(frozen=True, slots=True)
class Trial:
    """A parsed request. `context` is None where the test builds its own; `level` is the inspectionLevel."""

    state: StateUnderTest
    mock: Mock | None
    situation: Situation
    inspection: Inspection
    input: JSON
    variables: dict[str, JSON]
    context: dict[str, JSON] | None
    role_arn: str | None
    level: str


def read_trial(request: Mapping[str, Any], tasks: Resolver) -> Trial:
    """Parse a request. Raises ServiceError for any error in it."""
    check_options(request)
    if "roleArn" in request:
        check_role_arn(request["roleArn"])
    state = read_state(request["definition"], request.get("stateName"), tasks)
    mock = read_mock(request, state)
    context = read_context(request["context"], state) if "context" in request else None
    inspection = inspect(state)
    value = read_input(request.get("input", _NO_INPUT))
    if state.type == "Fail":
        # A Fail state has no InputPath that could record this stage; AWS shows it all the same (recorded).
        inspection.note("afterInputPath", value)
    return Trial(
        state,
        mock,
        _read_situation(request.get("stateConfiguration", {}), state, inspection),
        inspection,
        value,
        _read_variables(request.get("variables", _NO_INPUT)),
        context,
        request.get("roleArn"),
        request.get("inspectionLevel", "INFO"),
    )


def _read_situation(configuration: Mapping[str, Any], state: StateUnderTest, inspection: Inspection) -> Situation:
    origin = configuration.get("errorCausedByState")
    if origin is not None and origin not in state.within():
        raise validation("ErrorCausedByState must be the name of a state within the state under test.")
    items = None
    reader = state.fields.get("ItemReader")
    if reader is not None:
        data = configuration.get("mapItemReaderData")
        items = () if data is None else (read_item_data(data, reader.get("ReaderConfig", {}), inspection),)
    failures = configuration.get("mapIterationFailureCount")
    return Situation(configuration.get("retrierRetryCount", 0), failures, items)


def _read_variables(text: str) -> dict[str, JSON]:
    try:
        variables = parse_json(text.encode())
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        variables = None
    if not isinstance(variables, dict):
        raise validation("Variables must be a valid JSON object.")
    return variables


def answer(trial: Trial, run: Run, result: Result) -> dict[str, Any]:
    """The answer of TestState, from the result of its execution. Raises ServiceError ValidationException."""
    seen, failures = trial.inspection, trial.situation.failures
    if failures is not None and seen.iterations is not None and failures > seen.iterations:
        raise validation("Map iteration failure count must be less than or equal to the number of Map iterations")
    answer = _success(seen, run, result) if result.succeeded else failure(result)
    if seen.retrier is not None:
        answer["status"] = "RETRIABLE"
    if trial.level != "INFO":
        answer["inspectionData"] = _inspection_data(trial, run)
    return answer


def _success(seen: Inspection, run: Run, result: Result) -> dict[str, Any]:
    """The answer for a state that has an output, its own or that of a catcher."""
    try:
        answer: dict[str, Any] = {"status": "SUCCEEDED", "output": text_of(result.output)}
    except NotJSON as error:
        # The state has nested a value too deep for JSON.
        cause = f"The output of the state is not valid JSON: {error}"
        return {"status": "FAILED", "error": RUNTIME, "cause": cause}
    if seen.catcher is not None and seen.failure is not None:
        answer |= {**failure(seen.failure), "status": "CAUGHT_ERROR"}
    if run.step.type == EXIT:
        answer["nextState"] = run.step.name
    return answer


def failure(error: StateError | Result) -> dict[str, Any]:
    """The answer for a state that has failed; an error name or cause that is None is omitted."""
    texts = {"error": error.error, "cause": error.cause}
    return {"status": "FAILED", **{name: text for name, text in texts.items() if text is not None}}


def _inspection_data(trial: Trial, run: Run) -> dict[str, Any]:
    seen = trial.inspection
    data: dict[str, Any] = {"input": text_of(trial.input)}
    for stage, value in seen.data.items():
        try:
            data[stage] = text_of(value)
        except NotJSON:
            # A template has nested a value too deep for JSON; if it is used further, the state has failed.
            continue
    data |= seen.numbers
    if run.variables:
        data["variables"] = text_of({**run.variables})
    if seen.catcher is not None:
        data["errorDetails"] = {"catchIndex": seen.catcher}
    elif seen.retrier is not None:
        data["errorDetails"] = {"retryIndex": seen.retrier, "retryBackoffIntervalSeconds": int(seen.delay)}
    return data | _exchange(trial) if trial.level == "TRACE" else data


def _exchange(trial: Trial) -> dict[str, Any]:
    """The request and response of an HTTP Task, if it was really called."""
    resource, data = trial.state.resource, trial.inspection.data
    parameters = data.get("afterArguments", data.get("afterParameters"))
    if (
        resource is None
        or not resource.arn.endswith(http_exchange.RESOURCE)
        or trial.mock is not None
        or parameters is None
    ):
        return {}
    exchange = {"request": http_exchange.request_of(parameters)}
    return {**exchange, "response": http_exchange.response_of(data["result"])} if "result" in data else exchange
