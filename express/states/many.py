"""A Task that is all there is of a Map's iterations, run for many items in a row.

Theory of operation. Most Maps call one handler for each item, and most handlers answer at once. Then an iteration needs
no frame: the handler is called, its answer is the output, and the next item's turn has come. `run_many` does that for a
few items at a time (`Siblings.sweep`). It stops at the first one that suspends, fails, or breaks the promise of a
trusted handler, and gives what was said; the iteration is then entered like any other, with that in `Frame.paused`, and
the state's `run` finds its handler called already (`run_after_many`).

Only for a trusted coroutine handler on the raw input whose result is the output, or is added to the input as a member;
and only where nobody looks on.
"""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

from express.states.conversation import Answer, Line, Refusal, in_coroutines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from express.program import Frame, RunMany, Step
    from express.states.state import Handler
    from express.states.trust import Trust
    from express.types import JSON

#: Where `run_many` has stopped: the line, unless it is lost, and what was said on it.
_Said: TypeAlias = "tuple[tuple[Line, _Sweep] | None, Any]"


class _Sweep:
    """What a line of `_call_for_each` is at: the `inputs` it has still to take, the `outputs` so far. `left`: a handler
    has suspended, and its iteration alone goes on with it."""

    __slots__ = ("inputs", "left", "outputs")

    def __init__(self) -> None:
        self.inputs: Iterator[JSON]
        self.outputs: list[JSON]
        self.left = False

    def leave(self) -> None:
        """One has suspended: the inputs behind it are for others."""
        self.left = True
        for _ in self.inputs:
            pass


@coroutine
def _call_for_each(call: Callable[[JSON], Any], key: str | None, sweep: _Sweep) -> Line:
    """A line that calls the handler for one input after another: to send it each coroutine from outside takes longer
    than many of them do. It says `sweep` when all have answered."""
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
                    # Two lines: a display that spreads the object takes twice as long as a copy.
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
        # A line keeps nobody's data.
        data = output = value = append = None


def _open_conversation(call: Callable[[JSON], Any], key: str | None) -> tuple[Line, _Sweep]:
    sweep = _Sweep()
    talk: Line = _call_for_each(call, key, sweep)
    talk.send(None)
    return talk, sweep


def build_many(
    step: Step,
    handler: Handler,
    *,
    added: tuple[str, int] | None,
    trust: Trust,
    told: Callable[[Frame, Line | None, Any], Step],
) -> RunMany:
    """`run_many` for a step, whose `run` is replaced by one that knows of it.

    added: the member that takes the result, and its bytes; None where the result is the output. `told` takes on what
    the handler has said.
    """
    call, failures = in_coroutines(handler.call), handler.failures
    key, key_bytes = added or (None, 0)
    #: How an iteration is run whose handler has not been called yet.
    run_one = step.run
    line: tuple[Line, _Sweep] | None = None

    def run_many(inputs: list[JSON], room: int) -> tuple[list[JSON], _Said | None]:
        nonlocal line
        outputs: list[JSON] = []
        if trust.is_lost or (key is not None and room < key_bytes):
            return outputs, None
        # A handler may come by here again before it has answered: the line is taken as long as it is in use.
        taken, line = line or _open_conversation(call, key), None
        talk, sweep = taken
        sweep.outputs = outputs
        said: Any = sweep
        while len(outputs) < len(inputs):
            first, due = len(outputs), trust.due
            # As many as are taken on trust; else one, which is looked through.
            sweep.inputs = iter(inputs[first : first + (due or 1)])
            try:
                said = talk.send(None)
            except failures as error:
                # The line has ended with it.
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
    return run_many
