"""Counts answered requests by action and status, where metrics are wanted.

`Counted` is the outermost application of a process that listens, so each request counts once, including one refused for
its signature or its host. Every unknown action counts as `unknown`, so that arbitrary names in requests do not fill
Prometheus with time series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from express.api.operations import OPERATIONS

if TYPE_CHECKING:
    from express.api.messages import Application, Request, Response

#: Requests answered, by action and HTTP status.
Answers: TypeAlias = dict[tuple[str, int], int]

UNKNOWN: Final = "unknown"
_ACTIONS: Final = {b"AWSStepFunctions." + name.encode(): name for name in OPERATIONS}


def no_answers() -> Answers:
    """Counters that start at 0 for status 200 of every action, so that a rate sees the first answer of each."""
    return dict.fromkeys(((name, 200) for name in OPERATIONS), 0)


class Counted:
    """Counts the answers of an application into `answers`."""

    def __init__(self, application: Application, answers: Answers) -> None:
        self._application = application
        self._answers = answers

    async def __call__(self, request: Request) -> Response:
        response = await self._application(request)
        answer = _ACTIONS.get(request.headers.get(b"x-amz-target", b""), UNKNOWN), response.status
        self._answers[answer] = self._answers.get(answer, 0) + 1
        return response
