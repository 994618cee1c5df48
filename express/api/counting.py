"""How many requests were answered, by action and by status: counted only where somebody wants metrics.

An application around another, the outermost of a process that listens, so that each request counts once and also one
that was refused for its signature or its host. What is no action counts as `unknown`: whoever writes nonsense must not
fill Prometheus with it.
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
    """Every action answered well so far: never. A rate then sees the first of each."""
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
