"""Mocked service integrations, in the format of Step Functions Local.

    mocks = Mocks.load("MockConfigFile.json")
    workflow = express.compile("orders.asl.json", tasks, mocks=mocks.case("orders", "HappyPath"))

A mock configuration defines test cases for state machines. A test case maps Task states to mocked responses by name. A
response defines what each invocation of its state, counted from 0, returns or throws:

    {"StateMachines": {"orders": {"TestCases": {"HappyPath": {"Pay": "PaidAtTheSecondTry"}}}},
     "MockedResponses": {"PaidAtTheSecondTry": {"0": {"Throw": {"Error": "Busy", "Cause": "try later"}},
                                                "1-2": {"Return": {"paid": true}}}}}

`Return` holds the task's result as AWS would give it (for `lambda:invoke` with StatusCode and Payload); for a callback
task it holds the output of the callback. Invocations are counted per state and execution, whatever causes them: a
retry, a loop, another iteration of a Map. An invocation without a response ends the execution with States.Runtime.
States that the test case omits are not mocked.

Mocks are applied when the definition is compiled, so they cost an unmocked execution nothing.

Sources: AWS guide "Testing with mocked service integrations in Step Functions Local"; counting and the missing response
as measured in Step Functions Local 2.0.0 (floci-io/floci issues 3254 and 2523, pull request 2452).
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import orjson

from express.definition.messages import did_you_mean
from express.definition.outline import outline
from express.definition.places import Lines
from express.definition.pointer import escape_key
from express.definition.syntax import JSONSyntaxError
from express.errors import RUNTIME, EngineError, InvalidMocks, StateError
from express.parsing import parse_json
from express.states.state import Handler
from express.tasks.functions import handler_failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self

    from express.states.task_context import TaskContext
    from express.types import JSON

#: The fields that hold a Map's states; the second is the older name.
_PROCESSORS: Final = ("ItemProcessor", "Iterator")
#: The number of known names listed when none resembles the wrong one.
_SHOWN: Final = 10
_INVOCATIONS: Final = re.compile(r"(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of the invocations from `first` to `last`: `error` if there is one, else `value`."""

    first: int
    last: int
    value: JSON = None
    error: tuple[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class MockedResponse:
    """The answers of one mocked response, in the order of their invocations."""

    name: str
    answers: tuple[Answer, ...]

    def answer(self, invocation: int) -> Answer | None:
        index = bisect_right(self.answers, invocation, key=lambda answer: answer.first) - 1
        if index < 0 or invocation > self.answers[index].last:
            return None
        return self.answers[index]


class MockedCase:
    """One test case of one machine, to be given to `express.compile` as `mocks`. Made by `Mocks.case`."""

    def __init__(self, name: str, responses: Mapping[str, MockedResponse], place: str) -> None:
        self.name = name
        self._place = place
        #: The handlers of the mocked Task states, by state name.
        self.handlers: Mapping[str, Handler] = {state: _handler(state, mock) for state, mock in responses.items()}

    def check(self, definition: JSON) -> None:
        """Raise InvalidMocks unless every mocked state is a Task state of the definition."""
        known = tuple(_tasks(definition))
        for state in self.handlers:
            if state not in known:
                raise InvalidMocks(
                    f"{self._place}/{escape_key(state)}: the state machine has no Task state {state!r}"
                    f"{_suggestion(state, known)}"
                )

    def __repr__(self) -> str:
        return f"<MockedCase {self.name!r}: {', '.join(self.handlers)}>"


class Mocks:
    """A mock configuration, read and checked. Raises InvalidMocks, which names the file and the JSON pointer.

    document: the configuration as a dict. source: what to call it in messages.
    """

    def __init__(self, document: JSON, source: str = "mock configuration") -> None:
        read = _Reader(source)
        root = read.object(document, "")
        responses = read.member(root, "MockedResponses", "")
        self._responses = {
            name: read.response(name, entry, f"/MockedResponses/{escape_key(name)}")
            for name, entry in responses.items()
        }
        self._machines = {
            name: self._read_cases(read, entry, f"/StateMachines/{escape_key(name)}")
            for name, entry in read.member(root, "StateMachines", "").items()
        }
        self._source = source

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a configuration file. Raises InvalidMocks, and OSError for a file that cannot be read."""
        text = Path(path).read_bytes()
        try:
            document = parse_json(text.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as error:
            raise InvalidMocks(_syntax(os.fspath(path), text, error)) from None
        return cls(document, os.fspath(path))

    def case(self, machine: str, name: str) -> MockedCase:
        """The test case `name` of the state machine `machine`. Raises InvalidMocks if there is none."""
        cases = self._machines.get(machine)
        if cases is None:
            raise InvalidMocks(
                f"{self._source}: /StateMachines has no state machine {machine!r}{_suggestion(machine, self._machines)}"
            )
        place = f"{self._source}: /StateMachines/{escape_key(machine)}/TestCases"
        states = cases.get(name)
        if states is None:
            raise InvalidMocks(f"{place} has no test case {name!r}{_suggestion(name, cases)}")
        return MockedCase(
            name,
            {state: self._responses[response] for state, response in states.items()},
            f"{place}/{escape_key(name)}",
        )

    def _read_cases(self, read: _Reader, entry: JSON, pointer: str) -> dict[str, dict[str, str]]:
        """The names of the responses, by test case and state."""
        cases = read.member(read.object(entry, pointer), "TestCases", pointer)
        pointer = f"{pointer}/TestCases"
        return {name: self._read_case(read, states, f"{pointer}/{escape_key(name)}") for name, states in cases.items()}

    def _read_case(self, read: _Reader, entry: JSON, pointer: str) -> dict[str, str]:
        states = read.object(entry, pointer)
        for state, response in states.items():
            at = f"{pointer}/{escape_key(state)}"
            if not isinstance(response, str):
                raise read.error(at, "must be the name of a mocked response")
            if response not in self._responses:
                suggestion = _suggestion(response, self._responses)
                raise read.error(at, f"/MockedResponses has no response {response!r}{suggestion}")
        return states


class MockFile:
    """A configuration file for a long-lived process: reloaded when it has changed.

    Raises InvalidMocks and OSError as `Mocks.load` does, also in `current`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._read()

    def current(self) -> Mocks:
        """The file's present configuration; the same object as long as the file is unchanged."""
        if self._look() != self._seen:
            self._read()
        return self._mocks

    def _read(self) -> None:
        seen = self._look()
        self._mocks = Mocks.load(self._path)
        self._seen = seen

    def _look(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size


class _Reader:
    """Reads a document from `source` and reports errors with their JSON pointer."""

    def __init__(self, source: str) -> None:
        self._source = source

    def error(self, pointer: str, message: str) -> InvalidMocks:
        return InvalidMocks(f"{self._source}: {pointer or '/'}: {message}")

    def object(self, value: JSON, pointer: str) -> dict[str, JSON]:
        if not isinstance(value, dict):
            raise self.error(pointer, "must be an object")
        return value

    def member(self, parent: dict[str, JSON], name: str, pointer: str) -> dict[str, JSON]:
        """A member that must exist and be an object."""
        if name not in parent:
            raise self.error(pointer, f"the field {name!r} is missing")
        return self.object(parent[name], f"{pointer}/{name}")

    def response(self, name: str, entry: JSON, pointer: str) -> MockedResponse:
        """Read one response; without answers it is valid until it is invoked, as in Step Functions Local."""
        members = self.object(entry, pointer).items()
        answers = [self._answer(range_, value, f"{pointer}/{escape_key(range_)}") for range_, value in members]
        answers.sort(key=lambda answer: answer.first)
        for before, after in pairwise(answers):
            if after.first <= before.last:
                raise self.error(pointer, f"there are two answers for invocation {after.first}")
        return MockedResponse(name, tuple(answers))

    def _answer(self, invocations: str, entry: JSON, pointer: str) -> Answer:
        match = _INVOCATIONS.match(invocations)
        if match is None:
            raise self.error(pointer, "an invocation is a number counted from 0, or a range like '1-2'")
        first = int(match["first"])
        last = first if match["last"] is None else int(match["last"])
        if last < first:
            raise self.error(pointer, "the range ends before it begins")
        members = self.object(entry, pointer)
        if len(members) != 1 or not members.keys() <= {"Return", "Throw"}:
            raise self.error(pointer, "must have exactly one field, 'Return' or 'Throw'")
        if "Return" in members:
            return Answer(first, last, members["Return"])
        return Answer(first, last, error=self._throw(self.member(members, "Throw", pointer), f"{pointer}/Throw"))

    def _throw(self, members: dict[str, Any], pointer: str) -> tuple[str, str | None]:
        if "Error" not in members:
            raise self.error(pointer, "the field 'Error' is missing")
        for name, value in members.items():
            if name not in ("Error", "Cause"):
                raise self.error(f"{pointer}/{escape_key(name)}", "an error has the fields 'Error' and 'Cause'")
            if not isinstance(value, str):
                raise self.error(f"{pointer}/{name}", "must be a string")
        return members["Error"], members.get("Cause")


def _handler(state: str, response: MockedResponse) -> Handler:
    """The handler of a mocked state; it counts invocations per execution, until the execution is collected."""
    invocations: WeakKeyDictionary[object, int] = WeakKeyDictionary()

    def answered(payload: JSON, context: TaskContext) -> JSON:
        invocation = invocations.get(context.execution, 0)
        invocations[context.execution] = invocation + 1
        answer = response.answer(invocation)
        if answer is None:
            raise EngineError(
                RUNTIME,
                f"The mocked response '{response.name}' of the state '{state}' has no answer for "
                f"invocation {invocation}.",
            )
        if answer.error is not None:
            raise StateError(*answer.error)
        return answer.value

    return Handler(
        call=answered,
        kind="inline",
        isolate=True,
        wants_context=True,
        for_function=False,
        failures=(Exception,),
        failure=handler_failure,
        named_by_class=True,
        answers=True,
    )


def _tasks(scope: JSON) -> Iterator[str]:
    """The names of the Task states in a `States` object, at any depth; the definition need not be valid."""
    states = scope.get("States") if isinstance(scope, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if isinstance(state, dict):
            if state.get("Type") == "Task":
                yield name
            branches = state.get("Branches")
            for inner in (*(branches if isinstance(branches, list) else ()), *map(state.get, _PROCESSORS)):
                yield from _tasks(inner)


def _suggestion(name: str, candidates: Iterable[str]) -> str:
    """The known name that `name` resembles, else a list of known names."""
    known = tuple(candidates)
    meant = did_you_mean(name, known)
    if meant is not None:
        return f" ({meant})"
    shown = ", ".join(map(repr, known[:_SHOWN])) + (", ..." if len(known) > _SHOWN else "")
    return f" (there {'is' if len(known) == 1 else 'are'} {shown})" if known else ""


def _syntax(source: str, text: bytes, error: orjson.JSONDecodeError) -> str:
    """The message, with its position, for text that is not JSON."""
    try:
        decoded = text.decode("utf-8-sig")
        outline(decoded)
    except UnicodeDecodeError:
        return f"{source} is not valid JSON: {error}"
    except JSONSyntaxError as complaint:
        place = Lines(decoded).place(complaint.position, complaint.position)
        return f"{source}:{place[0]}:{place[1]} is not valid JSON: {complaint.message}"
    return f"{source} is not valid JSON: {error}"
