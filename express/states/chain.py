"""States in a row that run as one.

Theory of operation. Much of a workflow is states that follow each other without a choice and do little each: a Pass
that adds a member to its input, a Task whose handler answers at once and whose result becomes a member. One by one,
each costs a turn of the execution loop, a call, a copy of the data and a look at its size. So a state that knows its
part (`Step.link`) is given a `run` that performs those behind it as well, up to `LONGEST` in all. Every state is the
head of the chain that begins with it, wherever executions come from.

Nobody can tell the difference: data, errors, history events and counts (`ChainCount`) are those of the states one by
one. (Save near the payload limit with results of trusted handlers, which nobody measures: the bound of a chain is the
tighter one, so what they make too long may be found out later or not at all.) A chain of Passes has done nothing when
one of them fails, or when the data might come to be too long; then they all run again by themselves. A chain of Tasks
has called handlers by then. It stops at the first that suspends, fails or breaks the promise of a trusted handler, and
hands what was said to that handler's state (`TaskLink.told`).

Chains are made only where nobody looks on: an observer of states wants to see each.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import coroutine
from typing import TYPE_CHECKING, Any

from express.errors import StateError, forget_trace
from express.payload import is_plain
from express.program import END, ChainCount
from express.states.conversation import Answer, Line, Refusal
from express.states.trust import TRUSTED_RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from express.program import Frame, Step, StepRun
    from express.states.trust import Trust
    from express.types import JSON, Expr

#: States a chain has at most.
LONGEST = 16
#: How much longer than its input a chain's output may be known to be at most. What is longer is better measured between
#: the states: a chain that may come to be too long for an input is of no use to it.
_MOST_GROWTH = 64


@dataclass(frozen=True, slots=True)
class PassLink:
    """A Pass whose work costs next to nothing: it looks things up in its input and writes them down.

    key: the member of the input that takes the value; None where the value takes the place of the input.
    make: gives the value, None for a Pass that hands its input on. Of a value that takes the place of the input it
    makes a new object.
    growth: the value, with its key, has at most factor * size of the input + constant bytes.
    names: the members of the input it looks into.
    """

    following: Step
    key: str | None
    make: Expr | None
    growth: tuple[int, int]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class TaskLink:
    """A Task for a trusted coroutine handler, which is called with the raw input, and whose result becomes a member of
    that. It has no Retry.

    key, key_bytes: the member, and how many bytes it takes at most.
    failures: the exceptions of `call` that mean that the task has failed.
    told: what the step comes to when this was said on the line: anything but the Answer of a handler that is trusted.
    trust: the state's trust in the handler; once it is lost the state is alone.
    """

    following: Step
    key: str
    key_bytes: int
    call: Callable[[JSON], Coroutine[Any, Any, JSON]]
    failures: tuple[type[BaseException], ...]
    told: Callable[[Frame, Line | None, Any], Step]
    trust: Trust


def build_chains(steps: Iterable[Step]) -> None:
    """Make a chain of every step that has a link and others behind it."""
    linked = [step for step in steps if step.link is not None]
    runs = [_build_chain(_followers(step)) for step in linked]
    for step, run in zip(linked, runs, strict=True):
        if run is not None:
            step.run = run


def _followers(head: Step) -> list[Step]:
    """The head, and those that can be chained to it, in their order."""
    steps = [head]
    while len(steps) < LONGEST:
        step = steps[-1].link.following
        if type(step.link) is not type(head.link) or step in steps:
            break
        if isinstance(head.link, TaskLink) and step.link.failures != head.link.failures:
            break
        steps.append(step)
        if isinstance(head.link, PassLink) and _growth(steps)[0] > _MOST_GROWTH:
            steps.pop()
            break
    return steps


def _build_chain(steps: list[Step]) -> StepRun | None:
    if len(steps) == 1:
        return None
    chain = ChainCount()
    for step in steps[1:]:
        step.chains = (*step.chains, chain)
    steps[0].span = len(steps)
    return (_build_passes if isinstance(steps[0].link, PassLink) else _build_tasks)(steps, chain)


def _growth(steps: Sequence[Step]) -> tuple[int, int]:
    """(factor, constant): the output has at most factor * size of the input + constant bytes, and so have those
    between the states.

    To add what is part of the input again and again makes it longer each time by as much as that had at the beginning,
    not by all that has been added since. Only who looks into what was added may copy that as well.
    """
    size = source = (1, 0)
    added: set[str] = set()
    for step in steps:
        link = step.link
        if link.make is None:
            continue
        factor, constant = link.growth
        base = size if added & link.names else source
        value = factor * base[0], factor * base[1] + constant
        if link.key is None:
            # No smaller than before, for what was before had to be within the limit as well.
            size = source = max(size[0], value[0]), max(size[1], value[1])
            added.clear()
        else:
            size = size[0] + value[0], size[1] + value[1]
            added.add(link.key)
    return size


def _build_passes(steps: list[Step], chain: ChainCount) -> StepRun:
    run_alone = steps[0].run
    following: Step = steps[-1].link.following
    values = [(step.link.key, step.link.make) for step in steps if step.link.make is not None]
    factor, constant = _growth(steps)
    events = sum(step.events for step in steps[1:])

    def run_passes(frame: Frame) -> Step:
        data = frame.data
        size = factor * frame.size + constant
        run = frame.run
        if type(data) is not dict or size > run.host.payload_limit:
            return run_alone(frame)
        data = data.copy()
        try:
            for key, make in values:
                if key is None:
                    data = make(data, frame)
                else:
                    data[key] = make(data, frame)
        except StateError as error:
            forget_trace(error)
            return run_alone(frame)
        frame.data = data
        frame.size = size
        run.events += events
        chain.passed += 1
        return following

    return run_passes


class _Reached:
    """How far a chain of Tasks has come: the state whose turn it is, and what those before it have made of the data,
    None before the first has.

    `due`: how many chains' results are still taken as they come. `left`: the handler has suspended, and its state alone
    goes on with it.
    """

    __slots__ = ("data", "due", "left", "step")

    def __init__(self, step: Step, due: int) -> None:
        self.step = step
        self.due = due
        self.data: JSON = None
        self.left = False


@coroutine
def _call_in_turn(links: Sequence[tuple[Any, str, Step]], reached: _Reached) -> Line:
    """A line that is sent the data and calls one handler after another: to send each of them its coroutine from outside
    takes longer than many of them do. It says `reached` when all have answered."""
    answer, refusal = Answer(), Refusal()
    said: object = reached
    while True:
        data = yield said
        try:
            for call, key, reached.step in links:
                value = yield from call(data)
                if not reached.due and (reached.left or not is_plain(value)):
                    answer.value = value
                    said = answer
                    break
                reached.data = data = data.copy()
                data[key] = value
            else:
                said = reached
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its refusal
            refusal.value = error
            said = refusal
        # A line keeps nobody's data.
        data = value = None


def _build_tasks(steps: list[Step], chain: ChainCount) -> StepRun:
    head = steps[0]
    run_alone = head.run
    following: Step = steps[-1].link.following
    links = [(step.link.call, step.link.key, step) for step in steps]
    failures: tuple[type[BaseException], ...] = head.link.failures
    added_bytes = sum(step.link.key_bytes for step in steps)
    events = sum(step.events for step in steps[1:])
    line: tuple[Line, _Reached] | None = None
    due = 0

    def break_up() -> None:
        head.run = run_alone

    for step in steps:
        step.link.trust.when_lost(break_up)

    def open_conversation() -> tuple[Line, _Reached]:
        reached = _Reached(head, due)
        talk: Line = _call_in_turn(links, reached)
        talk.send(None)
        return talk, reached

    def run_tasks(frame: Frame) -> Step:
        nonlocal line, due
        data = frame.data
        size = frame.size + added_bytes
        run = frame.run
        if type(data) is not dict or size > run.host.payload_limit:
            return run_alone(frame)
        # A handler may come by here again before it has answered: the line is taken as long as it is in use.
        taken, line = line or open_conversation(), None
        talk, reached = taken
        try:
            said = talk.send(data)
        except failures as error:
            # The line has ended with it.
            said = refusal = Refusal()
            refusal.value = error
        else:
            if said is reached:
                line = taken
                reached.due = reached.due - 1 if reached.due else TRUSTED_RESULTS
                frame.data, reached.data = reached.data, None
                frame.size = size
                run.events += events
                chain.passed += 1
                return following
            if isinstance(said, Answer):
                line = taken
            else:
                reached.left = True
        due = reached.due = reached.due - (reached.due > 0)
        if reached.left:
            reached.due = 0
        if reached.data is not None:
            data, reached.data = reached.data, None
        return _hand_over(frame, steps, reached.step, data, talk, said)

    return run_tasks


def _hand_over(frame: Frame, steps: list[Step], step: Step, data: JSON, line: Line | None, said: Any) -> Step:
    """Let one of the steps take on what was said to its handler, with the data it has come to. Those before it have
    passed."""
    run = frame.run
    for passed in steps:
        if passed is step:
            break
        passed.passed += 1
        run.events += passed.events
        frame.size += passed.link.key_bytes
    frame.data = data
    frame.step = step
    following: Step = step.link.told(frame, line, said)
    if following is END or not following.halts:
        # Whoever runs the frame has called the head, and will count that.
        head = steps[0]
        head.passed -= 1
        step.passed += 1
        run.events += step.events - head.events
    return following
