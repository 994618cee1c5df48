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

from typing import TYPE_CHECKING, Any, TypeAlias

from express.payload import is_plain
from express.states.chain import TRUSTED_RESULTS
from express.states.conversation import Answer, Line, Refusal, in_coroutines, open_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.program import Frame, RunMany, Step, StepRun
    from express.states.state import Handler
    from express.types import JSON

#: Where `run_many` has stopped: the line, unless it is lost, and what was said on it.
_Said: TypeAlias = "tuple[Line | None, Any]"


def build_many(
    step: Step,
    handler: Handler,
    *,
    added: tuple[str, int] | None,
    run_isolated: StepRun,
    told: Callable[[Frame, Line | None, Any], Step],
) -> RunMany:
    """`run_many` for a step, whose `run` is replaced by one that knows of it.

    added: the member that takes the result, and its bytes; None where the result is the output. `told` takes on what
    the handler has said, `run_isolated` is the whole state with a handler that is not trusted.
    """
    call, failures = in_coroutines(handler.call), handler.failures
    key, key_bytes = added or (None, 0)
    #: How an iteration is run whose handler has not been called yet; isolated once the handler has lost the trust.
    run_one = step.run
    line: Line | None = None
    due = 0

    def run_many(inputs: list[JSON], room: int) -> tuple[list[JSON], _Said | None]:
        nonlocal line, due, run_one
        outputs: list[JSON] = []
        said: _Said | None = None
        if run_one is run_isolated or (key is not None and room < key_bytes):
            return outputs, said
        taken, line = line or open_line(), None
        outcome: Any = None
        try:
            for data in inputs:
                outcome = taken.send(call(data))
                if type(outcome) is not Answer or (key is not None and type(data) is not dict):
                    said = taken, outcome
                    break
                result = outcome.value
                if due:
                    due -= 1
                elif is_plain(result):
                    due = TRUSTED_RESULTS
                else:
                    run_one = run_isolated
                    said = taken, outcome
                    break
                if key is None:
                    outputs.append(result)
                else:
                    # Two lines: a display that spreads the object takes twice as long as a copy.
                    outputs.append(output := data.copy())
                    output[key] = result
                outcome.value = None
            else:
                line = taken
        except failures as error:
            refusal = Refusal()
            refusal.value = error
            said = None, refusal
        step.passed += len(outputs)
        return outputs, said

    def run_after_many(frame: Frame) -> Step:
        nonlocal line
        said: _Said | None = frame.paused
        if said is None:
            return run_one(frame)
        (taken, outcome), frame.paused = said, None
        if isinstance(outcome, Answer):
            line = taken
        return told(frame, taken, outcome)

    step.run = run_after_many
    return run_many
