"""A Task or Pass that is the only state of a Map's iterations, run for many items in a row.

Theory of operation. Most Maps call one handler for each item, and most handlers answer at once. Then an iteration
needs no frame: its output is the handler's answer, and the next item follows. `run_many` does that for a few items at
a time (`Siblings.sweep`). It stops at the first handler that suspends, fails or breaks the promise of a trusted
handler, and returns that outcome. The iteration is then entered like any other, with the outcome in `Frame.paused`,
and the state's `run` (`run_after_many`) does not call the handler again. At a Pass that fails it only stops: a Pass may
run again.

This applies only without observers, to a Pass that costs next to nothing (`PassLink`) and to a trusted coroutine
handler that gets the raw input and whose result is the output or is added to the input as a member.
"""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

from express.errors import StateError, forget_trace
from express.program import Many
from express.states.conversation import Answer, Line, Refusal, in_coroutines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from express.program import Frame, Step
    from express.states.chain import PassLink
    from express.states.state import Handler
    from express.states.trust import Trust
    from express.types import JSON

#: How `run_many` was stopped: the line, unless an exception has ended it, and what it yielded.
_Said: TypeAlias = "tuple[tuple[Line, _Sweep] | None, Any]"


class _Sweep:
    """Progress of a line of `_call_for_each`: the remaining `inputs` and the `outputs` so far. `left`: a handler has
    suspended, and its iteration continues alone."""

    __slots__ = ("inputs", "left", "outputs")

    def __init__(self) -> None:
        self.inputs: Iterator[JSON]
        self.outputs: list[JSON]
        self.left = False

    def leave(self) -> None:
        """A handler has suspended: exhaust the remaining inputs, which others will process."""
        self.left = True
        for _ in self.inputs:
            pass


@coroutine
def _call_for_each(call: Callable[[JSON], Any], key: str | None, sweep: _Sweep) -> Line:
    """A line that calls the handler for one input after another, because sending each coroutine in from outside takes
    longer than many handlers do. It yields `sweep` when all have answered."""
    answer, refusal = Answer(), Refusal()
    said: object = sweep
    append: Any
    output: Any
    while True:
        yield said
        said, append, value = sweep, sweep.outputs.append, None
        try:
            if key is None:
                for data in sweep.inputs:
                    value = yield from call(data)
                    append(value)
            else:
                for data in sweep.inputs:
                    value = yield from call(data)
                    if type(data) is not dict:
                        said = answer
                        break
                    # Copy and assign: a dict display with `**data` takes twice as long.
                    append(output := data.copy())
                    output[key] = value
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its refusal
            refusal.value = error
            said = refusal
        else:
            if sweep.left:
                said = answer
            if said is answer:
                answer.value = value
        # An idle line must not keep data alive.
        data = output = value = append = None


def _open_conversation(call: Callable[[JSON], Any], key: str | None) -> tuple[Line, _Sweep]:
    sweep = _Sweep()
    talk: Line = _call_for_each(call, key, sweep)
    talk.send(None)
    return talk, sweep


def build_many_passes(step: Step, link: PassLink) -> Many:
    """Build the `Many` of a Pass. An iteration that fails is run again with a frame, which raises its error."""
    make, key = link.make, link.key

    def run_many(inputs: list[JSON], parent: Frame) -> tuple[list[JSON], None]:
        outputs: list[JSON] = []
        append = outputs.append
        try:
            if make is None:
                outputs += inputs
            elif key is None:
                for data in inputs:
                    append(make(data, parent))
            else:
                for data in inputs:
                    if type(data) is not dict:
                        break
                    made = make(data, parent)
                    append(output := data.copy())
                    output[key] = made
        except StateError as error:
            forget_trace(error)
        step.passed += len(outputs)
        return outputs, None

    factor, constant = link.growth
    return Many(run_many, (factor + (key is not None), constant))


def build_many_tasks(
    step: Step,
    handler: Handler,
    *,
    added: tuple[str, int] | None,
    trust: Trust,
    told: Callable[[Frame, Line | None, Any], Step],
) -> Many:
    """Build the `Many` of a Task, and replace the step's `run` by one that accepts its outcomes.

    added: the member that takes the result, and an upper bound of its bytes; None if the result is the output. `told`
    completes the step with the handler's outcome and returns the next step.
    """
    call, failures = in_coroutines(handler.call), handler.failures
    key, key_bytes = added or (None, 0)
    #: Runs an iteration whose handler has not been called yet.
    run_one = step.run
    line: tuple[Line, _Sweep] | None = None

    def run_many(inputs: list[JSON], parent: Frame) -> tuple[list[JSON], _Said | None]:
        nonlocal line
        outputs: list[JSON] = []
        if trust.is_lost:
            return outputs, None
        # The handler may re-enter this function before it has answered, so a line in use is taken out of `line`.
        taken, line = line or _open_conversation(call, key), None
        talk, sweep = taken
        sweep.outputs = outputs
        said: Any = sweep
        while len(outputs) < len(inputs):
            first, due = len(outputs), trust.due
            # As many as the trust accepts unchecked; if none, one, which is checked.
            sweep.inputs = iter(inputs[first : first + (due or 1)])
            try:
                said = talk.send(None)
            except failures as error:
                # The exception has ended the line.
                said = refusal = Refusal()
                refusal.value = error
                step.passed += len(outputs)
                return outputs, (None, said)
            if due > 0:
                trust.spend(len(outputs) - first)
            elif len(outputs) > first:
                made = outputs[-1]
                if not trust.takes(made if key is None else made[key]):
                    said = Answer()
                    said.value = outputs.pop() if key is None else outputs.pop()[key]
            if said is not sweep or trust.is_lost:
                break
        step.passed += len(outputs)
        if said is sweep:
            line = taken
            sweep.outputs = []
            return outputs, None
        if not isinstance(said, Answer):
            sweep.leave()
        return outputs, (taken, said)

    def run_after_many(frame: Frame) -> Step:
        nonlocal line
        said: _Said | None = frame.paused
        if said is None:
            return run_one(frame)
        (taken, outcome), frame.paused = said, None
        if isinstance(outcome, Answer):
            line = taken
        return told(frame, None if taken is None else taken[0], outcome)

    step.run = run_after_many
    return Many(run_many, (0, 0) if key is None else (1, key_bytes))
