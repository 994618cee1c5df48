"""The project's own cases: small workflows, each for one rule of the language, with what must come out.

`tests/cases/*.json` hold them as data, so that a fresh clone proves itself:

    {"id", "rule": why the result is what it is, "definition", "input": {} when absent,
     "tasks": {function: "echo" or a list of answers in order}, "expected": {...}}

An answer is `{"output"}` or `{"error", "cause"?}`, after `seconds` where given, or `{"hangs": true}`. Expected are
`output`, or `error` and `cause` (`"*"`: any); `status` where it is neither success nor failure; the `payloads` that the
functions got; the `seconds` it took; or the `problems`, a line each, of a definition that does not compile.
`now`, `type`, `runtime` set the clock, the kind of machine, the limits of the Runtime; `isolated` leaves out the
handlers that are trusted to respect them.

Every case runs with each kind of handler and through each way into the Runtime, and always comes to the same; also when
all that can be is worked out elsewhere (`tests.hurry`).
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.program import Frame, Run
from express.testing import run_virtual
from tests.runtime.machines import WAYS, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from express.program import Machine
    from express.types import JSON

CASES = Path(__file__).resolve().parent / "cases"


def cases() -> list[dict[str, Any]]:
    return [case for path in sorted(CASES.glob("*.json")) for case in json.loads(path.read_text(encoding="utf-8"))]


class Script:
    """Answers the tasks of one execution as its case says, and remembers what they were given."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = {name: given if given == "echo" else list(given) for name, given in answers.items()}
        self.payloads: dict[str, list[JSON]] = {name: [] for name in answers}

    def take(self, name: str, payload: JSON) -> dict[str, JSON]:
        self.payloads[name].append(payload)
        if self.answers[name] == "echo":
            return {"output": payload}
        assert self.answers[name], f"{name} was asked once too often, with {payload}"
        answer: dict[str, JSON] = self.answers[name].pop(0)
        return answer

    @property
    def needs_time(self) -> bool:
        given = [answer for answers in self.answers.values() if answers != "echo" for answer in answers]
        return any("hangs" in answer or "seconds" in answer for answer in given)


def told(answer: dict[str, JSON]) -> JSON:
    if "error" in answer:
        raise express.TaskError(answer["error"], answer.get("cause"))
    return answer["output"]


async def told_in_time(answer: dict[str, JSON]) -> JSON:
    await asyncio.sleep(answer.get("seconds", 0))
    if answer.get("hangs"):
        await asyncio.get_running_loop().create_future()
    return told(answer)


# --------------------------------------------------------------------------------------------------------------
# the kinds of handler, and the ways into the Runtime


def plain(script: Script, name: str) -> Callable[..., JSON]:
    return lambda payload: told(script.take(name, payload))


def asynchronous(script: Script, name: str) -> Callable[..., JSON]:
    async def handler(payload: JSON) -> JSON:
        return await told_in_time(script.take(name, payload))

    return handler


def informed(script: Script, name: str) -> Callable[..., JSON]:
    async def handler(payload: JSON, context: express.TaskContext) -> JSON:
        assert context.attempt >= 0
        return await told_in_time(script.take(name, payload))

    return handler


HANDLERS: dict[str, tuple[Callable[[Script, str], Callable[..., JSON]], dict[str, bool]]] = {
    "plain": (plain, {}),
    "trusted": (plain, {"isolate": False}),
    "asynchronous": (asynchronous, {}),
    "trusted asynchronous": (asynchronous, {"isolate": False}),
    "informed": (informed, {}),
}
#: Handlers that can take time, and be interrupted.
PATIENT = ("asynchronous", "trusted asynchronous", "informed")


# --------------------------------------------------------------------------------------------------------------
# the tests


def runs() -> Iterator[Any]:
    """Each case that runs, with each kind of handler it can have; without tasks one kind is enough."""
    for case in cases():
        if "problems" in case["expected"]:
            continue
        kinds = ["plain"] if "tasks" not in case else PATIENT if Script(case["tasks"]).needs_time else HANDLERS
        for kind in kinds:
            if "trusted" not in kind or not case.get("isolated"):
                yield pytest.param(case, kind, id=f"{case['id']}-{kind}")


def compiled(case: dict[str, Any], script: Script, kind: str) -> express.Workflow:
    tasks = express.Tasks()
    make, options = HANDLERS[kind]
    for name in script.answers:
        tasks.add(name, make(script, name), **options)
    return express.compile(case["definition"], tasks, type=case.get("type", "EXPRESS"), unresolved="fail-at-run")


async def executed(case: dict[str, Any], workflow: express.Workflow, way: Way) -> express.Result:
    async with express.Runtime(**case.get("runtime", {})) as runtime:
        return await way(runtime, workflow, case.get("input", {}))


def outcome(result: express.Result, script: Script, expected: dict[str, Any]) -> dict[str, Any]:
    """What the case speaks about, in the form of its `expected`."""
    found: dict[str, Any] = {"status": result.status} if "status" in expected else {}
    if result.succeeded:
        found["output"] = result.output
    else:
        found["error"] = result.error
        found["cause"] = "*" if expected.get("cause") == "*" else result.cause
    if "payloads" in expected:
        found["payloads"] = script.payloads
    if "seconds" in expected:
        found["seconds"] = result.billing.duration_ns / 1e9
    return found


def as_text(found: dict[str, Any]) -> str:
    """Comparable to the last digit and bracket: `1`, `1.0` and `true` differ, and so does the order of keys."""
    output = json.dumps(found.get("output"))
    return output + json.dumps({**found, "output": None}, sort_keys=True)


@pytest.mark.parametrize(("case", "kind"), list(runs()))
def test_case(case: dict[str, Any], kind: str) -> None:
    expected = case["expected"]
    if "seconds" in expected:
        expected = {**expected, "seconds": float(expected["seconds"])}

    for way in WAYS:
        script = Script(case.get("tasks", {}))
        workflow = compiled(case, script, kind)

        result = run_virtual(executed(case, workflow, way), now=case.get("now"))
        assert as_text(outcome(result, script, expected)) == as_text(expected), way.__name__
        check_spare(workflow.machine())


@pytest.mark.slow
@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(("case", "kind"), [param for param in runs() if param.values[1] in ("plain", "asynchronous")])
def test_case_worked_out_elsewhere(case: dict[str, Any], kind: str) -> None:
    test_case(case, kind)


#: What `Runtime.begin` sets for each execution, and what it takes away from one that has ended.
BEGUN = {"run", "host", "step", "input", "data", "size", "data_bytes", "sequence", "started_ns", "events", "name"}


def check_spare(machine: Machine) -> None:
    """A Run that is kept for the next execution has nothing of the last one, and everything that a new one has."""
    spare = machine.spare
    if spare is None:
        return
    assert [getattr(spare, slot) for slot in ("run", "host", "input", "data")] == [None] * 4
    new = Run(express.Runtime(), machine, None, 0, 0, 0)
    for slot in {*Frame.__slots__, *Run.__slots__} - BEGUN - {"__weakref__"}:
        if hasattr(new, slot):
            assert getattr(spare, slot) == getattr(new, slot), slot


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in cases() if "problems" in c["expected"]])
def test_definition_that_does_not_compile(case: dict[str, Any]) -> None:
    with pytest.raises(express.DefinitionError) as raised:
        compiled(case, Script({}), "plain")
    assert str(raised.value).split("\n") == case["expected"]["problems"]


def test_ids_are_unique() -> None:
    ids = [case["id"] for case in cases()]
    assert len(ids) == len(set(ids))
