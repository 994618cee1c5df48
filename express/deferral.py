"""Expressions that would hold the event loop for too long are worked out in a thread.

Theory of operation. An expression is evaluated in one go, within the step of its state (law 3). Nearly all take
microseconds; over the 256 KiB that a payload may have, a few take a tenth of a second, in which the loop would serve
nobody (law 8). So whatever may take long calls `Scope.look` about once a millisecond, and that raises OutOfTime when
the loop has waited long enough. Nothing has happened by then, for expressions only read. Whoever runs the step
(`runtime.execution`) has the expression evaluated once more, in a thread, and then runs the step again, which finds the
answer where it had to stop (`deferrable`).

Some expressions cannot be put off (`Patiently`), because something has been done already that must not be done twice:
what a catcher computes, the ItemSelector of a Map whose iterations may wait, and what a distributed Map evaluates after
it has begun. They are evaluated on the loop, within their budgets. What is random or reads the clock may be drawn more
than once, and the last one counts.

A thread does not make Python faster, but it shares the interpreter. It hands it over each time it looks; left to itself
Python would let the loop wait five milliseconds (`sys.getswitchinterval`), for each callback anew.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Final, TypeAlias

from express.errors import forget_trace

if TYPE_CHECKING:
    from express.types import JSON, Expr, Scope

#: Seconds for which the thread keeps the interpreter, at least, and for which it then lets go of it.
_SHIFT: Final = 0.0005
_REST: Final = 0.00002

#: What an expression has come to: its value, or else what it has raised.
Answer: TypeAlias = "tuple[JSON, Exception | None]"


class Deferral:
    """What expressions of one visit of a state have come to, as far as they were worked out elsewhere.

    `given`: what the step has got of the outside world already and must not ask for again: nothing, or one value.
    `made`: nothing, or the one value that the step has made for the outside world and need not make again.
    `is_patient`: whatever is still to be evaluated is evaluated here and now. `is_left`: nobody waits for the answers
    any longer. `rounds`: how often the step has been put off.
    """

    __slots__ = ("answers", "given", "is_left", "is_patient", "made", "rounds")

    def __init__(self, *, is_patient: bool = False) -> None:
        self.rounds = 0
        self.answers: dict[Expr, Answer] = {}
        self.given: tuple[JSON, ...] = ()
        self.made: tuple[JSON, ...] = ()
        self.is_left = False
        self.is_patient = is_patient

    def answer(self, expression: Expr) -> JSON:
        """What was worked out. Raises what the expression has raised."""
        value, error = self.answers[expression]
        if error is not None:
            raise error
        return value

    def forget(self) -> None:
        """The visit goes on with other data."""
        self.answers.clear()
        self.rounds = 0

    def look(self) -> None:
        """Asked of those that are patient."""


#: For expressions that nobody can put off.
PATIENCE = Deferral(is_patient=True)


class Patiently:
    """`with Patiently(frame):` what is evaluated in it cannot be put off, because something has happened already."""

    __slots__ = ("_before", "_scope")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __enter__(self) -> None:
        self._before = self._scope.deferral
        self._scope.deferral = PATIENCE

    def __exit__(self, *_: object) -> None:
        self._scope.deferral = self._before


class Left(Exception):
    """In the thread: nobody waits for the answer any longer."""


class _Elsewhere(Deferral):
    """In the thread there is time, as long as somebody waits."""

    __slots__ = ("_deferral", "_rested")

    def __init__(self, deferral: Deferral) -> None:
        super().__init__(is_patient=True)
        self._deferral = deferral
        self._rested = monotonic()

    def look(self) -> None:
        if self._deferral.is_left:
            raise Left
        if monotonic() - self._rested > _SHIFT:
            # Not for no time at all: this thread would take the interpreter again before the other has woken up.
            sleep(_REST)
            self._rested = monotonic()


class Job:
    """An expression to be worked out: `key` is what will ask for the answer."""

    __slots__ = ("_data", "_expression", "_key", "_scope")

    def __init__(self, key: Expr, expression: Expr, data: JSON, scope: Scope) -> None:
        self._key = key
        self._expression = expression
        self._data = data
        self._scope = scope.apart()

    def work(self, deferral: Deferral) -> None:
        """Done by the thread."""
        self._scope.deferral = _Elsewhere(deferral)
        try:
            answer: Answer = self._expression(self._data, self._scope), None
        except Exception as error:  # noqa: BLE001 - whoever asks for the answer meets it
            forget_trace(error)
            answer = None, error
        deferral.answers[self._key] = answer


class OutOfTime(Exception):
    """The loop cannot wait for an expression any longer.

    `job` is what is to be done in its place; None where nobody can put it off. `given`: as in Deferral.
    """

    def __init__(self) -> None:
        self.job: Job | None = None
        self.given: tuple[JSON, ...] = ()

    def put_off(self, key: Expr, expression: Expr, data: JSON, scope: Scope) -> None:
        """It has come through an expression that can be evaluated by itself. The outermost counts: one part of a
        template is hardly ever the only one that takes long."""
        self.job = Job(key, expression, data, scope)


class TurnOver(OutOfTime):
    """There is nothing to be worked out elsewhere: the step only wants to go on in another turn of the loop. `made`: as
    in Deferral."""

    def __init__(self, *made: JSON) -> None:
        super().__init__()
        self.made = made


def deferrable(expression: Expr) -> Expr:
    """The expression, as one that can be evaluated elsewhere when it takes too long."""

    def evaluate(data: JSON, scope: Scope) -> JSON:
        deferral = scope.deferral
        if deferral is not None and evaluate in deferral.answers:
            return deferral.answer(evaluate)
        try:
            return expression(data, scope)
        except OutOfTime as late:
            late.put_off(evaluate, expression, data, scope)
            raise

    return evaluate
