"""Evaluates in a thread the expressions that would block the event loop for too long.

Theory of operation. An expression is evaluated in one go, within the step of its state (law 3). Nearly all take
microseconds; over the 256 KiB that a payload may have, a few take a tenth of a second, which would block the loop
(law 8). So code that may take long calls `Scope.look` about once a millisecond, which raises OutOfTime when the loop
has waited long enough. The step has had no effect by then, because expressions only read. The execution loop
(`runtime.execution`) has the expression evaluated again, in a thread, and then runs the step again, which finds the
answer where it had to stop (`deferrable`).

Some expressions cannot be deferred (`Patiently`), because the step has already had an effect that must not happen
twice: those of a catcher, the ItemSelector of a Map once an iteration waits, and those that a distributed Map
evaluates after it has begun. They are evaluated on the loop, within their budgets. Random values and clock readings
may be drawn more than once, and the last ones count.

Copies that take long are made in the same way (`states.crossing`).

A thread does not make Python faster, but it shares the interpreter, which it releases in `look`. Otherwise Python
would let the loop wait five milliseconds (`sys.getswitchinterval`) for each callback.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Final, TypeAlias

from express.errors import forget_trace

if TYPE_CHECKING:
    from express.types import JSON, Expr, Scope

#: Seconds for which the thread keeps the interpreter, at least, and for which it then releases it.
_SHIFT: Final = 0.0005
_REST: Final = 0.00002

#: The outcome of an expression: its value, or else the exception it raised.
Answer: TypeAlias = "tuple[JSON, Exception | None]"


class Deferral:
    """The answers of those expressions of one visit of a state that were evaluated in a thread.

    `given`: what the step has received from outside already and must not request again: nothing, or one value.
    `made`: nothing, or the one value that the step has made for the outside and need not make again. `is_patient`:
    further expressions are not deferred. `is_left`: the answers are no longer awaited. `rounds`: how often the step
    was deferred.
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
        """The value of an expression evaluated in the thread. Raises what the expression raised."""
        value, error = self.answers[expression]
        if error is not None:
            raise error
        return value

    def forget(self) -> None:
        """Drop the answers, because the visit continues with other data."""
        self.answers.clear()
        self.rounds = 0

    def look(self) -> None:
        """Called instead of the host's `look` if `is_patient`."""


#: For expressions that cannot be deferred.
PATIENCE = Deferral(is_patient=True)


class Patiently:
    """`with Patiently(frame):` defers no expression evaluated inside, because the step has had an effect already."""

    __slots__ = ("_before", "_scope")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __enter__(self) -> None:
        self._before = self._scope.deferral
        self._scope.deferral = PATIENCE

    def __exit__(self, *_: object) -> None:
        self._scope.deferral = self._before


class Left(Exception):
    """Raised in the thread: the answer is no longer awaited."""


class _Elsewhere(Deferral):
    """In the thread there is time, as long as the answer is awaited."""

    __slots__ = ("_deferral", "_rested")

    def __init__(self, deferral: Deferral) -> None:
        super().__init__(is_patient=True)
        self._deferral = deferral
        self._rested = monotonic()

    def look(self) -> None:
        if self._deferral.is_left:
            raise Left
        if monotonic() - self._rested > _SHIFT:
            # Not zero: this thread would take the interpreter again before the other one has woken up.
            sleep(_REST)
            self._rested = monotonic()


class Job:
    """An expression to be evaluated in the thread; `key` is the expression that will ask for the answer."""

    __slots__ = ("_data", "_expression", "_key", "_scope")

    def __init__(self, key: Expr, expression: Expr, data: JSON, scope: Scope) -> None:
        self._key = key
        self._expression = expression
        self._data = data
        self._scope = scope.apart()

    def work(self, deferral: Deferral) -> None:
        """Evaluate the expression and store its answer in `deferral`. Runs in the thread."""
        self._scope.deferral = _Elsewhere(deferral)
        try:
            answer: Answer = self._expression(self._data, self._scope), None
        except Exception as error:  # noqa: BLE001 - raised where the answer is read
            forget_trace(error)
            answer = None, error
        deferral.answers[self._key] = answer


class OutOfTime(Exception):
    """The event loop cannot wait for an expression any longer.

    `job` evaluates the expression in a thread; None if it cannot be deferred. `given`: as in Deferral.
    """

    def __init__(self) -> None:
        self.job: Job | None = None
        self.given: tuple[JSON, ...] = ()

    def put_off(self, key: Expr, expression: Expr, data: JSON, scope: Scope) -> None:
        """Called as this passes through an expression that can be evaluated by itself: make it the job.

        The outermost one counts: one part of a template is hardly ever the only one that takes long.
        """
        self.job = Job(key, expression, data, scope)


class TurnOver(OutOfTime):
    """There is nothing to evaluate in a thread: the step only wants to continue in another turn of the loop.

    `made`: as in Deferral.
    """

    def __init__(self, *made: JSON) -> None:
        super().__init__()
        self.made = made


def deferrable(expression: Expr) -> Expr:
    """The expression, as one that can be evaluated in a thread when it takes too long."""

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
