"""A backtracking engine with JavaScript's semantics, for patterns where the `regex` package would find other matches.

The tree is flattened to instructions, run by a loop with a stack of alternative states. The notes of a state -
captures and counters of repetitions - are an immutable tuple, so that backtracking needs no undo.

The rules are those of ECMA-262 22.2.2: a turn of a repetition begins by resetting its captures, an optional turn that
matches no character fails, a lookaround is not re-entered by backtracking, a lookbehind runs backwards.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from express.expressions.jsonata.patterns import syntax
from express.expressions.jsonata.patterns.analysis import captures
from express.expressions.jsonata.patterns.characters import TERMINATORS, WORD, Ranges, canonical
from express.expressions.jsonata.patterns.syntax import (
    Alternation,
    Assertion,
    Backreference,
    Characters,
    Group,
    Look,
    Node,
    Pattern,
    Repeat,
    Sequence,
)
from express.expressions.timed_regex import seconds_for

if TYPE_CHECKING:
    from collections.abc import Callable

#: Start and end of the match and of each group, (-1, -1) for a group that captured nothing.
Spans: TypeAlias = tuple[tuple[int, int], ...]

#: The notes of a state: start and end of each group (group 0 is unused), then two numbers for each repetition.
_Notes: TypeAlias = tuple[int, ...]

#: The next instruction, the position in the text, and the notes.
_State: TypeAlias = tuple[int, int, _Notes]

#: Steps between checks of the clock.
_STRIDE: Final = 256


class _Instruction(Protocol):
    def go(self, run: _Run, state: _State) -> _State | None:
        """The state after the instruction, or None if it fails."""
        ...


class Backtracker:
    """A pattern compiled to instructions."""

    def __init__(self, pattern: Pattern) -> None:
        self._groups = pattern.groups
        flattening = _Flattening(pattern)
        self._program = flattening.program
        self._start: _Notes = (-1,) * flattening.size

    def search(self, units: str, position: int) -> Spans | None:
        """The first match that begins at `position` or later. Raises TimeoutError."""
        run = _Run(self._program, units)
        return next(filter(None, (self._match(run, start) for start in range(position, len(units) + 1))), None)

    def match(self, units: str, position: int) -> Spans | None:
        """The match that begins at `position`, or None. Raises TimeoutError."""
        return self._match(_Run(self._program, units), position)

    def _match(self, run: _Run, start: int) -> Spans | None:
        found = run.follow((0, start, self._start))
        if found is None:
            return None
        _, end, notes = found
        return (start, end), *((notes[slot], notes[slot + 1]) for slot in range(2, 2 * self._groups + 2, 2))


class _Run:
    """One search: its text, its alternative states and its deadline."""

    __slots__ = ("deadline", "program", "stack", "steps", "units")

    def __init__(self, program: list[_Instruction], units: str) -> None:
        self.program = program
        self.units = units
        self.steps = _STRIDE
        self.deadline = perf_counter() + seconds_for(units)
        self.stack: list[_State] = []

    def follow(self, state: _State | None) -> _State | None:
        """Run from a state to the next `_Done`, without backtracking into earlier alternatives."""
        program, before = self.program, self.stack
        stack: list[_State] = []
        self.stack = stack
        while state is not None and state[0] >= 0:
            self.steps -= 1
            if self.steps < 0:
                self._look_at_clock()
            state = program[state[0]].go(self, state) or (stack.pop() if stack else None)
        self.stack = before
        return state

    def _look_at_clock(self) -> None:
        self.steps = _STRIDE
        if perf_counter() > self.deadline:
            raise TimeoutError

    def has_word(self, place: int) -> bool:
        return 0 <= place < len(self.units) and _within(_WORD, self.units[place])

    def has_other(self, place: int) -> bool:
        """Whether there is a character at `place` that is not a line terminator."""
        return 0 <= place < len(self.units) and not _within(_TERMINATORS, self.units[place])


@dataclass(slots=True)
class _Read:
    """Match one character of a set; `step` is -1 when running backwards."""

    bounds: list[int]
    step: int

    def go(self, run: _Run, state: _State) -> _State | None:
        at, place, notes = state
        index = place if self.step > 0 else place - 1
        if 0 <= index < len(run.units) and _within(self.bounds, run.units[index]):
            return at + 1, place + self.step, notes
        return None


@dataclass(slots=True)
class _Note:
    """Record the position as a boundary of a group."""

    slot: int

    def go(self, run: _Run, state: _State) -> _State:
        at, place, notes = state
        return at + 1, place, _with(notes, self.slot, place)


@dataclass(slots=True)
class _Split:
    """Continue with the next instruction; the alternative is the target."""

    target: int = 0

    def go(self, run: _Run, state: _State) -> _State:
        at, place, notes = state
        run.stack.append((self.target, place, notes))
        return at + 1, place, notes


@dataclass(slots=True)
class _Jump:
    target: int = 0

    def go(self, run: _Run, state: _State) -> _State:
        _, place, notes = state
        return self.target, place, notes


@dataclass(slots=True)
class _Begin:
    """Initialise a repetition: no turns yet."""

    slot: int

    def go(self, run: _Run, state: _State) -> _State:
        at, place, notes = state
        return at + 1, place, _with(notes, self.slot, 0)


@dataclass(slots=True)
class _Turn:
    """Between two turns of a repetition: begin the next one with the next instruction, or leave to the target.

    The note at `slot` counts turns, the one after it is the start of the last turn; `forgotten` are the captures of a
    turn.
    """

    repeat: Repeat
    slot: int
    forgotten: list[int]
    target: int = 0

    def go(self, run: _Run, state: _State) -> _State | None:
        at, place, notes = state
        turns = notes[self.slot]
        low, high = self.repeat.low, self.repeat.high
        if turns > low and notes[self.slot + 1] == place:
            return None
        left = (self.target, place, notes)
        if high is not None and turns >= high:
            return left
        more = list(notes)
        for slot in self.forgotten:
            more[slot] = -1
        more[self.slot : self.slot + 2] = turns + 1, place
        entered = (at + 1, place, tuple(more))
        if turns < low:
            return entered
        first, second = (entered, left) if self.repeat.greedy else (left, entered)
        run.stack.append(second)
        return first


@dataclass(slots=True)
class _Around:
    """The instructions up to the target are the body of a lookaround."""

    negative: bool
    target: int = 0

    def go(self, run: _Run, state: _State) -> _State | None:
        at, place, notes = state
        found = run.follow((at + 1, place, notes))
        if self.negative:
            return (self.target, place, notes) if found is None else None
        return None if found is None else (self.target, place, found[2])


@dataclass(slots=True)
class _Again:
    """Match the capture of a group again, or the empty string if it has none."""

    group: int
    step: int
    ignore_case: bool

    def go(self, run: _Run, state: _State) -> _State | None:
        at, place, notes = state
        start, end = notes[2 * self.group : 2 * self.group + 2]
        if start < 0 or end < 0:
            return at + 1, place, notes
        size = end - start
        run.steps -= size >> 3
        low = place if self.step > 0 else place - size
        before, now = run.units[start:end], run.units[max(low, 0) : low + size]
        same = list(map(canonical, before)) == list(map(canonical, now)) if self.ignore_case else before == now
        return (at + 1, place + self.step * size, notes) if same else None


@dataclass(slots=True)
class _Check:
    """Continue if the position satisfies the assertion."""

    kind: str

    def go(self, run: _Run, state: _State) -> _State | None:
        at, place, notes = state
        return (at + 1, place, notes) if _HOLDS[self.kind](run, place) else None


class _Done:
    """The end of the pattern or of a lookaround."""

    def go(self, run: _Run, state: _State) -> _State:
        _, place, notes = state
        return -1, place, notes


_HOLDS: Final[dict[str, Callable[[_Run, int], bool]]] = {
    syntax.START: lambda run, place: place == 0,
    syntax.END: lambda run, place: place == len(run.units),
    syntax.LINE_START: lambda run, place: not run.has_other(place - 1),
    syntax.LINE_END: lambda run, place: not run.has_other(place),
    syntax.BOUNDARY: lambda run, place: run.has_word(place - 1) != run.has_word(place),
    syntax.NO_BOUNDARY: lambda run, place: run.has_word(place - 1) == run.has_word(place),
}


class _Flattening:
    """Flattens a tree to instructions."""

    def __init__(self, pattern: Pattern) -> None:
        self.ignore_case = pattern.ignore_case
        self.size = 2 * (pattern.groups + 1)
        self.program: list[_Instruction] = []
        self._add(pattern.root, 1)
        self.program.append(_Done())

    def _add(self, node: Node, step: int) -> None:
        """Append the instructions of a node; `step` is -1 in a lookbehind."""
        program = self.program
        match node:
            case Characters(ranges):
                program.append(_Read(_bounds(ranges), step))
            case Sequence(parts):
                for part in parts[::step]:
                    self._add(part, step)
            case Alternation(branches):
                self._add_branches(branches, step)
            case Group(index, body):
                program.append(_Note(2 * index + (step < 0)))
                self._add(body, step)
                program.append(_Note(2 * index + (step > 0)))
            case Repeat():
                self._add_repeat(node, step)
            case Look(body, behind, negative):
                around = _Around(negative)
                program.append(around)
                self._add(body, -1 if behind else 1)
                program.append(_Done())
                around.target = len(program)
            case Backreference(index):
                program.append(_Again(index, step, self.ignore_case))
            case Assertion(kind):
                program.append(_Check(kind))

    def _add_branches(self, branches: tuple[Node, ...], step: int) -> None:
        jumps = []
        for branch in branches[:-1]:
            split, jump = _Split(), _Jump()
            self.program.append(split)
            self._add(branch, step)
            self.program.append(jump)
            split.target = len(self.program)
            jumps.append(jump)
        self._add(branches[-1], step)
        for jump in jumps:
            jump.target = len(self.program)

    def _add_repeat(self, node: Repeat, step: int) -> None:
        slot = self.size
        self.size += 2
        groups = captures(node.body)
        turn = _Turn(node, slot, [end for group in groups for end in (2 * group, 2 * group + 1)])
        self.program.append(_Begin(slot))
        again = len(self.program)
        self.program.append(turn)
        self._add(node.body, step)
        self.program.append(_Jump(again))
        turn.target = len(self.program)


def _bounds(ranges: Ranges) -> list[int]:
    """The bounds of the set: each start, and each end plus one, in ascending order."""
    return [bound for low, high in ranges for bound in (low, high + 1)]


def _within(bounds: list[int], character: str) -> bool:
    return bisect_right(bounds, ord(character)) % 2 == 1


def _with(notes: _Notes, slot: int, number: int) -> _Notes:
    return (*notes[:slot], number, *notes[slot + 1 :])


_WORD: Final = _bounds(WORD)
_TERMINATORS: Final = _bounds(TERMINATORS)
