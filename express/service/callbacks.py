"""The SendTask actions (API reference SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat).

Only Standard executions have tasks that wait for these, so all tokens belong to one Runtime. The token of an ended task
is answered with TaskTimedOut, in AWS's words; TaskDoesNotExist, AWS's error for activities that are gone, does not
occur here: a task outlives its activity.

Workflows have the same actions as integrations (`aws-sdk:sfn:sendTaskSuccess`), with which a child execution answers
the task that has started it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import orjson

from express.errors import RUNTIME, EngineError, TokenError
from express.parsing import parse_json
from express.payload import text_of
from express.service import errors
from express.service.inputs import complaint
from express.service.integrations import missing, refused_as

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from express.runtime import Runtime
    from express.service.arns import Account
    from express.tasks import Tasks
    from express.types import JSON


#: Carries out an action of the API, given its request. Raises ServiceError.
Sender: TypeAlias = "Callable[[str, dict[str, str | None]], Awaitable[object]]"


class TaskTokens:
    """Answers to the waiting tasks of a Runtime. Every method raises ServiceError."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        #: Set where the tasks wait in another process.
        self.elsewhere: Sender | None = None

    def succeed(self, token: str, output: str) -> None:
        """SendTaskSuccess. output: JSON text."""
        value = _read(output)
        with _refusals():
            self._runtime.send_task_success(token, value)

    def fail(self, token: str, error: str | None, cause: str | None) -> None:
        """SendTaskFailure."""
        with _refusals():
            self._runtime.send_task_failure(token, error, cause)

    def beat(self, token: str) -> None:
        """SendTaskHeartbeat."""
        with _refusals():
            self._runtime.send_task_heartbeat(token)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except TokenError as error:
        raise errors.ServiceError(type(error).__name__, str(error)) from None


def _read(text: str) -> JSON:
    try:
        return parse_json(text.encode())
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise errors.invalid_output(complaint(text) or "Invalid output.") from None


# --------------------------------------------------------------------------------------------------------------
# as integrations


def add_token_integrations(tasks: Tasks, account: Account, tokens: TaskTokens) -> None:
    """Register the integrations that answer waiting tasks of this endpoint."""

    async def send(action: str, here: Callable[..., None], **request: str | None) -> JSON:
        if tokens.elsewhere is None:
            here(*request.values())
        else:
            await tokens.elsewhere(action, request)
        return {}

    async def succeed(parameters: JSON) -> JSON:
        with refused_as("sdk"):
            output = _member(parameters, "Output")
            # SDK integrations take the value itself as well as its JSON text.
            text = output if isinstance(output, str) else text_of(output)
            return await send("SendTaskSuccess", tokens.succeed, taskToken=_text(parameters, "TaskToken"), output=text)

    async def fail(parameters: JSON) -> JSON:
        with refused_as("sdk"):
            token = _text(parameters, "TaskToken")
            error, cause = (_text(parameters, name, required=False) or None for name in ("Error", "Cause"))
            return await send("SendTaskFailure", tokens.fail, taskToken=token, error=error, cause=cause)

    async def beat(parameters: JSON) -> JSON:
        with refused_as("sdk"):
            return await send("SendTaskHeartbeat", tokens.beat, taskToken=_text(parameters, "TaskToken"))

    sdk = f"arn:{account.partition}:states:::aws-sdk:sfn"
    tasks.add(f"{sdk}:sendTaskSuccess", succeed)
    tasks.add(f"{sdk}:sendTaskFailure", fail)
    tasks.add(f"{sdk}:sendTaskHeartbeat", beat)


def _text(parameters: JSON, name: str, *, required: bool = True) -> str:
    value = _member(parameters, name) if required else parameters.get(name, "")
    if not isinstance(value, str):
        raise EngineError(RUNTIME, f"The value for the field '{name}' must be a STRING: {text_of(parameters)}")
    return value


def _member(parameters: JSON, name: str) -> JSON:
    if not isinstance(parameters, dict) or parameters.get(name) is None:
        raise missing(name)
    return parameters[name]
