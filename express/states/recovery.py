"""Retry and Catch: how a state handles an error (ASL spec "Errors"; AWS guide "Handling errors").

Theory of operation. An error is compared with the retriers in order. The first whose ErrorEquals matches is the only
one used: when its attempts are exhausted, no later retrier is tried and the catchers follow. Counters belong to one
visit of the state, one per retrier, and are discarded on any transition. A catcher makes the error output the state's
result and skips ResultSelector, ResultPath, OutputPath and Output of the state itself: only the catcher's own
ResultPath or Output, and its own Assign, apply.

Matching (recorded): nothing matches States.Runtime, not even its own name. States.ALL matches everything else;
States.TaskFailed all but States.Timeout. A missed heartbeat is recorded as States.Timeout and documented as
States.HeartbeatTimeout, so either name matches it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from express.deferral import Patiently
from express.definition import messages
from express.errors import ALL, HEARTBEAT_TIMEOUT, RUNTIME, TASK_FAILED, TIMEOUT, StateError
from express.expressions.jsonata.fields import build_template, copies_of_template
from express.expressions.jsonata.states_object import AFTER_ERROR
from express.expressions.paths import build_result_path
from express.states.flow import name_bytes, read_assign, read_result_path
from express.states.jsonata_fields import read_template_field
from express.states.jsonata_flow import QueryAssign, read_query_assign
from express.states.numbers import MAX_SECONDS
from express.states.sizes import UNKNOWN_SIZE, measured, unknown_size
from express.states.variables import Assign, build_assign

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.definition.fields import Fields
    from express.expressions.jsonata.fields import Template
    from express.expressions.jsonpath import Path
    from express.program import Frame, Recovery, Retry, Step
    from express.states.state import Linker
    from express.types import JSON

#: Handles the error of a state that matches a catcher; returns the catcher's target.
Catch: TypeAlias = "Callable[[Frame, StateError], Step]"

#: Delays are precomputed for retriers with at most this many attempts.
_KEPT_DELAYS = 100
#: Bytes of an error output besides its two texts.
_ERROR_OUTPUT_BYTES = 40
#: Maximum of MaxDelaySeconds: it must be less than 31 622 401.
MAX_DELAY_SECONDS = 31_622_400


@dataclass(slots=True)
class Retrier:
    errors: list[str]
    interval: int
    max_attempts: int
    backoff: float
    max_delay: int | None
    jitter: bool

    def delay(self, attempt: int) -> float:
        """Seconds before retry `attempt` (0 for the first): interval x backoff^attempt, capped, then jittered."""
        try:
            seconds = min(self.interval * self.backoff**attempt, MAX_SECONDS)
        except OverflowError:
            seconds = MAX_SECONDS
        if self.max_delay is not None:
            seconds = min(seconds, self.max_delay)
        return random.uniform(0, seconds) if self.jitter else seconds


@dataclass(slots=True)
class Catcher:
    pointer: str
    errors: list[str]
    next: str | None
    assign: Assign | None
    result_path: Path | None = None
    discard_result: bool = False
    output: Template | None = None


def read_retry(fields: Fields) -> list[Retrier]:
    """The Retry field; absent and `[]` are equivalent."""
    retriers = []
    entries = fields.objects("Retry")
    for position, entry in enumerate(entries):
        entry.require("ErrorEquals")
        retriers.append(
            Retrier(
                errors=_read_errors(entry, last=position == len(entries) - 1),
                interval=_whole(entry.integer("IntervalSeconds", default=1, minimum=1, maximum=MAX_SECONDS), 1),
                max_attempts=_whole(entry.integer("MaxAttempts", default=3, minimum=0, maximum=MAX_SECONDS), 3),
                backoff=entry.number("BackoffRate", default=2.0, minimum=1.0) or 2.0,
                max_delay=entry.integer("MaxDelaySeconds", minimum=1, maximum=MAX_DELAY_SECONDS),
                jitter=entry.one_of("JitterStrategy", ("NONE", "FULL"), default="NONE") == "FULL",
            )
        )
        entry.close()
    return retriers


def _whole(value: int | None, default: int) -> int:
    return default if value is None else value


def read_catch(fields: Fields) -> list[Catcher]:
    """The Catch field; absent and `[]` are equivalent."""
    catchers = []
    entries = fields.objects("Catch")
    for position, entry in enumerate(entries):
        entry.require("ErrorEquals", "Next")
        catcher = Catcher(
            pointer=entry.pointer,
            errors=_read_errors(entry, last=position == len(entries) - 1),
            next=entry.text("Next"),
            assign=read_query_assign(entry, AFTER_ERROR) if entry.is_jsonata else read_assign(entry),
        )
        if entry.is_jsonata:
            catcher.output = read_template_field(entry, "Output", AFTER_ERROR)
        else:
            catcher.result_path, catcher.discard_result = read_result_path(entry)
        entry.close()
        catchers.append(catcher)
    return catchers


def _read_errors(entry: Fields, *, last: bool) -> list[str]:
    """ErrorEquals: not empty; States.ALL only by itself, and only in the last retrier or catcher."""
    errors = entry.texts("ErrorEquals", allow_empty=False)
    if ALL in errors and (len(errors) > 1 or not last):
        entry.report("ErrorEquals", messages.STATES_ALL)
    return errors


def build_matcher(errors: list[str]) -> Callable[[str | None], bool]:
    """Whether an ErrorEquals list matches an error name."""
    names = frozenset(errors) - {RUNTIME}
    if names & {TIMEOUT, HEARTBEAT_TIMEOUT}:
        names |= {TIMEOUT, HEARTBEAT_TIMEOUT}
    if ALL in names:
        return lambda error: error != RUNTIME
    if TASK_FAILED in names:
        return lambda error: error in names or error not in (TIMEOUT, RUNTIME)
    return names.__contains__


def error_output(error: StateError) -> dict[str, JSON]:
    """The Error Output that a catcher gets. Recorded: a named error without a cause has an empty one, while an error
    with neither name nor cause (SendTaskFailure with no fields) has null for both."""
    cause = error.cause
    return {"Error": error.error, "Cause": "" if cause is None and error.error is not None else cause}


def give_recovery(
    step: Step, retriers: list[Retrier], catchers: list[Catcher], link: Linker, *, exit_events: int = 1
) -> None:
    """Set a step's error handling. For `exit_events` see `build_recovery`."""
    step.retries, step.retry = bool(retriers), build_retry(retriers)
    step.recover = build_recovery(step.retry, catchers, step, link, exit_events=exit_events)


def build_recovery(
    retry: Retry | None, catchers: list[Catcher], step: Step, link: Linker, *, exit_events: int = 1
) -> Recovery | None:
    """The state's error handling, or None if it has neither Retry nor Catch.

    `exit_events`: number of history events between the error and the catcher's target (StateExited; for Parallel and
    Map StateFailed before it).
    """
    if retry is None and not catchers:
        return None
    catches = [(build_matcher(catcher.errors), _build_catch(catcher, step, link, exit_events)) for catcher in catchers]

    def recover(frame: Frame, error: StateError) -> Step | float:
        name = error.error
        if retry is not None:
            delay = retry(frame, name)
            if delay is not None:
                return delay
        for matches, catch in catches:
            if matches(name):
                # The catcher may ask for `$$.State.RetryCount`.
                following = catch(frame, error)
                frame.attempts = None
                return following
        raise error

    return recover


def build_retry(retriers: list[Retrier]) -> Retry | None:
    """The Retry field as a closure. None if there is none."""
    if not retriers:
        return None
    retries = [
        (build_matcher(retrier.errors), index, retrier.max_attempts, _build_delay(retrier))
        for index, retrier in enumerate(retriers)
    ]
    count = len(retries)

    def retry(frame: Frame, error: str | None) -> float | None:
        for matches, index, most, delay in retries:
            if matches(error):
                attempts = frame.attempts
                if attempts is None:
                    attempts = frame.attempts = [0] * count
                attempt = attempts[index]
                if attempt < most:
                    attempts[index] = attempt + 1
                    return delay(attempt)
                break
        return None

    return retry


def _build_delay(retrier: Retrier) -> Callable[[int], float]:
    """`Retrier.delay`, as a table lookup where the delays are fixed."""
    if retrier.jitter or retrier.max_attempts > _KEPT_DELAYS:
        return retrier.delay
    return [retrier.delay(attempt) for attempt in range(retrier.max_attempts)].__getitem__


def _build_catch(catcher: Catcher, step: Step, link: Linker, exit_events: int) -> Catch:
    if catcher.output is not None or isinstance(catcher.assign, QueryAssign):
        return _build_query_catch(catcher, step, link, exit_events)
    target = link.step(catcher.next or "")
    merge = build_result_path(catcher.result_path) if catcher.result_path else None
    discard = catcher.discard_result
    key_bytes = _ERROR_OUTPUT_BYTES + (name_bytes(catcher.result_path.text) if catcher.result_path else 0)
    assign = build_assign(catcher.assign, step)
    name = step.name

    def catch(frame: Frame, error: StateError) -> Step:
        output = error_output(error)
        fresh = None if assign is None else assign(output, frame)
        if not discard:
            value = output if merge is None else merge(frame.data, output)
            size = frame.size + key_bytes + 6 * (len(output["Error"] or "") + len(output["Cause"] or ""))
            frame.size = size if size <= frame.run.host.payload_limit else measured(frame, value, name, size)
            frame.data = value
        if fresh is not None:
            frame.variables = fresh
        frame.run.events += exit_events
        return target

    return catch if assign is None else _patiently(catch)


def _build_query_catch(catcher: Catcher, step: Step, link: Linker, exit_events: int) -> Catch:
    """In JSONata: the catcher's Output, or else the error output; both it and Assign see `$states.errorOutput`."""
    target = link.step(catcher.next or "")
    output = None if catcher.output is None else build_template(catcher.output)
    most = UNKNOWN_SIZE if catcher.output is None else unknown_size(copies_of_template(catcher.output))
    assign = build_assign(catcher.assign, step)
    name = step.name

    def catch(frame: Frame, error: StateError) -> Step:
        value = error_output(error)
        states = {"input": frame.data, "errorOutput": value}
        fresh = None if assign is None else assign(states, frame)
        if output is not None:
            value = output(states, frame)
        frame.size = measured(frame, value, name, most)
        frame.data = value
        if fresh is not None:
            frame.variables = fresh
        frame.run.events += exit_events
        return target

    return _patiently(catch)


def _patiently(catch: Catch) -> Catch:
    """A catcher that evaluates expressions: its state has failed already, and cannot run again."""

    def catch_patiently(frame: Frame, error: StateError) -> Step:
        with Patiently(frame):
            return catch(frame, error)

    return catch_patiently
