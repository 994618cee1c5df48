"""Python callables as handlers: which are taken, how they are called, and what their exceptions look like outside."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.tasks.functions import make_handler
from tests.runtime.machines import (
    AGES,
    FUNCTION,
    SECOND,
    calling,
    catching,
    compiled,
    executed,
    machine,
    run_clean,
    state,
    task,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON


# --------------------------------------------------------------------------------------------------------------
# callables


def plain(payload: JSON) -> JSON:
    return payload


def plain_with_context(payload: JSON, context: express.TaskContext) -> JSON:
    return payload


def optional_context(payload: JSON, context: Any = None) -> JSON:
    return payload


def optional_other(payload: JSON, retries: int = 3) -> JSON:
    assert retries == 3
    return payload


def keywords(payload: JSON, *, retries: int = 3, **others: Any) -> JSON:
    return payload


def anything(*arguments: JSON) -> JSON:
    [payload] = arguments
    return payload


def positional_only(payload: JSON, /) -> JSON:
    return payload


async def coroutine(payload: JSON) -> JSON:
    return payload


async def suspending(payload: JSON, context: express.TaskContext) -> JSON:
    await asyncio.sleep(1)
    return payload


def with_three(first: JSON, payload: JSON, context: express.TaskContext) -> JSON:
    return payload


async def with_two(first: JSON, payload: JSON) -> JSON:
    return payload


class Handlers:
    def __call__(self, payload: JSON) -> JSON:
        return payload

    def method(self, payload: JSON) -> JSON:
        return payload

    async def coroutine_method(self, payload: JSON, context: express.TaskContext) -> JSON:
        return payload

    @classmethod
    def of_the_class(cls, payload: JSON) -> JSON:
        return payload

    @staticmethod
    async def static(payload: JSON) -> JSON:
        return payload


class AsyncCallable:
    async def __call__(self, payload: JSON) -> JSON:
        await asyncio.sleep(0)
        return payload


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return function(*arguments)

    return wrapper


#: (callable, kind, wants a context).
CALLABLES: list[tuple[Callable[..., Any], str, bool]] = [
    (plain, "inline", False),
    (plain_with_context, "inline", True),
    (optional_context, "inline", True),
    (optional_other, "inline", False),
    (keywords, "inline", False),
    (anything, "inline", False),
    (positional_only, "inline", False),
    (coroutine, "async", False),
    (suspending, "async", True),
    (Handlers(), "inline", False),
    (Handlers().method, "inline", False),
    (Handlers().coroutine_method, "async", True),
    (Handlers.of_the_class, "inline", False),
    (Handlers.static, "async", False),
    (AsyncCallable(), "async", False),
    (functools.partial(with_three, 1), "inline", True),
    (functools.partial(with_two, 1), "async", False),
    (functools.partial(AsyncCallable()), "async", False),
    (decorated(plain_with_context), "inline", True),
    (decorated(coroutine), "async", False),
    (functools.lru_cache(plain), "inline", False),
    (lambda payload: payload, "inline", False),
    (json.dumps, "inline", False),
    (str, "inline", False),
    (len, "inline", False),
]


@pytest.mark.parametrize(("function", "kind", "wants_context"), CALLABLES)
def test_how_a_callable_is_called(function: Callable[..., Any], kind: str, wants_context: bool) -> None:
    handler = make_handler(function, blocking=False, isolate=True, for_function=True)
    assert (handler.kind, handler.wants_context) == (kind, wants_context)
    assert run_clean(executed(calling(function), "event")).succeeded


@pytest.mark.parametrize("function", [entry[0] for entry in CALLABLES if entry[1] == "inline"])
def test_plain_callables_may_block(function: Callable[..., Any]) -> None:
    assert make_handler(function, blocking=True, isolate=True, for_function=True).kind == "thread"
    assert run_clean(executed(calling(function, {"blocking": True}), "event")).succeeded


@pytest.mark.parametrize("function", [coroutine, AsyncCallable(), functools.partial(with_two, 1)])
def test_coroutine_functions_must_not_block(function: Callable[..., Any]) -> None:
    with pytest.raises(express.InvalidTasks, match="blocking=True is for plain functions"):
        make_handler(function, blocking=True, isolate=True, for_function=True)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (None, "a task handler must be callable, not NoneType"),
        ("handler", "a task handler must be callable, not str"),
        (lambda: None, "takes (payload) or (payload, context)"),
        (lambda a, b, c: None, "takes (payload) or (payload, context)"),
        (lambda payload, *, key: None, "takes (payload) or (payload, context)"),
        (lambda **payload: None, "takes (payload) or (payload, context)"),
        (with_three, "with_three: a task handler takes (payload) or (payload, context)"),
    ],
)
def test_what_cannot_be_a_handler(function: Any, text: str) -> None:
    with pytest.raises(express.InvalidTasks, match=re.escape(text)):
        express.Tasks().add("Work", function)


# --------------------------------------------------------------------------------------------------------------
# the context


def test_what_a_context_tells() -> None:
    seen: list[dict[str, Any]] = []

    async def work(payload: JSON, context: express.TaskContext) -> JSON:
        await asyncio.sleep(2)
        seen.append(
            {
                "state_name": context.state_name,
                "resource": context.resource,
                "attempt": context.attempt,
                "execution_name": context.execution_name,
                "execution_arn": context.execution_arn.rsplit(":", 1)[0],
                "deadline": context.deadline,
            }
        )
        if context.attempt < 2:
            raise express.TaskError("Again")
        return payload

    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "BackoffRate": 1.0}]
    workflow = compiled(machine(Work=task("work", Retry=retry)), work=work)

    async def main() -> float:
        async with express.Runtime(execution_timeout=100) as runtime:
            now = runtime.time_ns() / SECOND
            await runtime.execute(workflow, {}, name="seven")
            return now

    now = run_clean(main())
    assert [entry.pop("attempt") for entry in seen] == [0, 1, 2]
    arn = "arn:aws:lambda:us-east-1:123456789012:function:work"
    assert (
        seen
        == [
            {
                "state_name": "Work",
                "resource": arn,
                "execution_name": "seven",
                "execution_arn": "arn:aws:states:us-east-1:123456789012:express:workflow:seven",
                "deadline": now + 100,
            }
        ]
        * 3
    )


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 100),
        ({"TimeoutSeconds": 40}, 40),
        ({"TimeoutSecondsPath": "$.seconds"}, 50),
        ({"TimeoutSeconds": 400}, 100),
        ({"HeartbeatSeconds": 40}, 100),
    ],
)
def test_a_deadline_does_not_move(fields: dict[str, Any], seconds: float) -> None:
    """However often and whenever it is read, though two clocks go on; each attempt has its own."""
    readings: list[tuple[float, list[float]]] = []
    contexts: list[express.TaskContext] = []

    async def work(payload: JSON, context: express.TaskContext) -> JSON:
        begin = asyncio.get_running_loop().time()
        if context.attempt == 0:
            readings.append((begin, [context.deadline, context.deadline]))
        else:
            readings.append((begin, []))
        await asyncio.sleep(10)
        readings[-1][1].extend([context.deadline, context.deadline])
        contexts.append(context)
        raise express.TaskError("Again")

    retry = [{"ErrorEquals": ["Again"], "MaxAttempts": 1, "IntervalSeconds": 5}]
    workflow = compiled(machine(Work=task("work", Retry=retry, **fields)), work=work)

    async def main() -> tuple[float, float]:
        async with express.Runtime(execution_timeout=100) as runtime:
            begin, now = asyncio.get_running_loop().time(), runtime.time_ns() / SECOND
            await runtime.execute(workflow, {"seconds": 50})
            await asyncio.sleep(10)
            return begin, now

    begin, now = run_clean(main(), tick_ns=1_000)
    for (entered, deadlines), context in zip(readings, contexts, strict=True):
        assert {*deadlines, context.deadline} == {deadlines[0]}
        attempt = entered - begin if seconds < 100 else 0
        assert deadlines[0] == pytest.approx(now + attempt + seconds, abs=0.01)


def test_a_context_outlives_its_execution() -> None:
    contexts: list[express.TaskContext] = []

    def work(payload: JSON, context: express.TaskContext) -> JSON:
        contexts.append(context)
        return payload

    result = run_clean(executed(calling(work, TimeoutSeconds=5), {}))
    [context] = contexts
    assert context.execution_name == result.name
    assert context.execution_arn.startswith("arn:aws:states:us-east-1:123456789012:express:workflow:")
    assert context.deadline > 0
    context.heartbeat()


def test_a_context_of_a_blocking_handler() -> None:
    names: list[str] = []

    def work(payload: JSON, context: express.TaskContext) -> JSON:
        names.append(context.state_name)
        return payload

    assert run_clean(executed(calling(work, {"blocking": True}), 1)).output == 1
    assert names == ["Work"]


def test_handlers_see_the_context_variables_of_the_caller() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    seen: list[str] = []

    async def work(payload: JSON) -> None:
        seen.append(who.get())
        await asyncio.sleep(1)
        seen.append(who.get())

    async def main() -> None:
        async with express.Runtime() as runtime:
            who.set("me")
            await runtime.execute(calling(work))
            await (await runtime.start(calling(work)))

    run_clean(main())
    assert seen == ["me"] * 4


# --------------------------------------------------------------------------------------------------------------
# errors


class Declined(Exception):
    class Inner(Exception):
        pass


class BrokenText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text today")


class WrongText(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


def local_error() -> type[Exception]:
    class Local(Exception):
        pass

    return Local


#: (exception, error name, errorMessage).
ERRORS: list[tuple[Exception, str, str]] = [
    (ValueError("bad value"), "ValueError", "bad value"),
    (ValueError(), "ValueError", ""),
    (KeyError("k"), "KeyError", "'k'"),
    (Declined("card"), "Declined", "card"),
    (Declined.Inner("deep"), "Inner", "deep"),
    (local_error()("here"), "Local", "here"),
    (json.JSONDecodeError("m", "d", 0), "JSONDecodeError", "m: line 1 column 1 (char 0)"),
    (BrokenText(), "BrokenText", "<BrokenText without a readable message>"),
    (WrongText(), "WrongText", "<WrongText without a readable message>"),
    (ValueError("lone \ud800 half"), "ValueError", "lone ? half"),
    (ExceptionGroup("many", [ValueError("one")]), "ExceptionGroup", "many (1 sub-exception)"),
    (OSError(2, "No such file"), "FileNotFoundError", "[Errno 2] No such file"),
]


def raising(error: Exception, kind: str) -> tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]:
    """A handler of that kind which raises; its registration's options and its state's fields."""

    def the_handler(payload: JSON) -> None:
        deeper()

    async def the_async_handler(payload: JSON) -> None:
        if kind != "at once":
            await asyncio.sleep(1)
        deeper()

    def deeper() -> None:
        raise error

    if kind in ("inline", "thread"):
        return the_handler, {"blocking": kind == "thread"}, {}
    return the_async_handler, {}, {"TimeoutSeconds": 50} if kind == "limited" else {}


KINDS = ("inline", "thread", "at once", "later", "limited")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("error", "name", "message"), ERRORS, ids=[entry[1] for entry in ERRORS])
def test_an_exception_is_what_lambda_would_make_of_it(error: Exception, name: str, message: str, kind: str) -> None:
    handler, options, fields = raising(error, kind)
    result = run_clean(executed(calling(handler, options, **fields)))
    assert (result.status, result.error) == ("FAILED", name)
    assert result.cause is not None
    cause = json.loads(result.cause)
    assert list(cause) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (cause["errorMessage"], cause["errorType"]) == (message, name)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", cause["requestId"])


#: Handlers of another kind than `raising` makes: (options, fields of the state).
CALLED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "inline": ("inline", {}, {}),
    "inline with a limit": ("inline", {}, {"TimeoutSeconds": 50}),
    "at once": ("at once", {}, {}),
    "later": ("later", {}, {}),
    "later, trusted": ("later", {"isolate": False}, {}),
    "later with a limit": ("later", {}, {"TimeoutSeconds": 50, "HeartbeatSeconds": 20}),
    "thread": ("thread", {}, {}),
    "thread with a limit": ("thread", {}, {"TimeoutSeconds": 50}),
    "after a retry": ("later", {}, {"Retry": [{"ErrorEquals": ["ValueError"], "MaxAttempts": 1}]}),
}
INVOKING = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName.$": "States.Format('work')"}}


@pytest.mark.parametrize("by_name", [False, True], ids=["known", "found at run time"])
@pytest.mark.parametrize(("kind", "options", "fields"), CALLED.values(), ids=CALLED.keys())
def test_a_stack_trace_shows_the_frames_of_the_handler(
    kind: str, options: dict[str, Any], fields: dict[str, Any], by_name: bool
) -> None:
    """From the handler's own frame on, whatever way the engine called it."""
    handler, its_options, _ = raising(ValueError("x"), kind)
    work = state("Task", **INVOKING, **fields) if by_name else task("work", **fields)
    result = run_clean(executed(compiled(machine(Work=work), {**its_options, **options}, work=handler)))
    assert result.cause is not None
    lines = json.loads(result.cause)["stackTrace"]
    assert [re.sub(r".* in (\w+)\n.*\n", r"\1", line) for line in lines] == [handler.__name__, "deeper"]
    assert all(line.startswith(f'  File "{__file__}", line ') for line in lines)
    assert lines[-1].endswith("in deeper\n    raise error\n")


@pytest.mark.parametrize("by_name", [False, True], ids=["known", "found at run time"])
def test_a_handler_that_awaits_what_was_cancelled_fails(by_name: bool) -> None:
    async def work(payload: JSON) -> None:
        await asyncio.sleep(1)
        raise asyncio.CancelledError("by the pool")

    definition = machine(Work=state("Task", **INVOKING) if by_name else task("work"))
    result = run_clean(executed(compiled(definition, work=work)))
    assert (result.status, result.error) == ("FAILED", "CancelledError")
    assert result.cause is not None
    assert json.loads(result.cause)["errorMessage"] == "by the pool"


def test_a_stack_trace_goes_on_below_the_handler() -> None:
    """Also where the handler has called the engine: only what is above it is left out."""

    def work(payload: JSON) -> JSON:
        return express.Result.of("FAILED", None, "E", "c", "name", None, 0, 0).unwrap()  # type: ignore[arg-type]

    result = run_clean(executed(calling(work)))
    assert result.error == "ExecutionFailed"
    assert result.cause is not None
    assert [line.split(", in ")[1].split("\n")[0] for line in json.loads(result.cause)["stackTrace"]] == [
        "work",
        "unwrap",
    ]


def test_a_handler_that_cannot_be_called_has_no_frames() -> None:
    result = run_clean(executed(calling(len), 7))
    assert result.error == "TypeError"
    assert result.cause is not None
    assert json.loads(result.cause)["stackTrace"] == []


def test_each_failure_has_a_request_of_its_own() -> None:
    def work(payload: JSON) -> None:
        raise ValueError("x")

    causes = {run_clean(executed(calling(work))).cause for _ in range(3)}
    assert len(causes) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("error", "name", "cause"),
    [
        (express.TaskError("Declined", "no money"), "Declined", "no money"),
        (express.TaskError("Declined"), "Declined", None),
        (express.TaskError("Declined", ""), "Declined", ""),
        (express.TaskError("My.Error-1", "ünï"), "My.Error-1", "ünï"),
        (express.TaskError("States.TaskFailed", "c"), "States.TaskFailed", "c"),
        (express.StateError("Plain", "state error"), "Plain", "state error"),
    ],
)
def test_a_task_error_names_the_error_it_means(error: Exception, name: str, cause: str | None, kind: str) -> None:
    handler, options, fields = raising(error, kind)
    result = run_clean(executed(calling(handler, options, **fields)))
    assert (result.status, result.error, result.cause) == ("FAILED", name, cause)


def test_the_same_exception_may_be_raised_again_and_again() -> None:
    """A module's own constant: each failure words it anew, and nothing of an execution clings to it."""
    error = express.TaskError("Constant", "c")

    def work(payload: JSON) -> None:
        raise error

    definition = machine(A=task("work", Catch=catching("Constant", to="B")), B=task("work"))
    workflow = compiled(definition, work=work)
    for _ in range(3):
        result = run_clean(executed(workflow))
        assert (result.error, result.cause) == ("Constant", "c")


@pytest.mark.parametrize("kind", KINDS)
def test_a_caught_exception_has_its_cause_in_the_data(kind: str) -> None:
    handler, options, fields = raising(ValueError("x"), kind)
    definition = machine(Work=task("work", **fields, Catch=catching("ValueError", to="B")), B=state("Pass"))
    output = run_clean(executed(compiled(definition, options, work=handler))).output
    assert output["Error"] == "ValueError"
    assert json.loads(output["Cause"])["errorMessage"] == "x"


def test_a_cancelled_handler_may_raise_what_it_likes() -> None:
    """The execution is stopped; the handler's complaint is nobody's news."""

    async def work(payload: JSON) -> None:
        try:
            await asyncio.sleep(AGES)
        finally:
            raise ValueError("interrupted")

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(calling(work))
            await asyncio.sleep(1)
            execution.stop("Stopped", "c")
            return await execution

    result = run_clean(main())
    assert (result.status, result.error, result.cause) == ("ABORTED", "Stopped", "c")


# --------------------------------------------------------------------------------------------------------------
# what would end the program


class Leaving(BaseException):
    """No Exception."""


@pytest.mark.parametrize(
    ("error", "name", "message"),
    [
        (SystemExit(), "Runtime.ExitError", "Runtime exited without providing a reason"),
        (SystemExit(0), "Runtime.ExitError", "Runtime exited without providing a reason"),
        (SystemExit(3), "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        (Leaving("now"), "Leaving", "now"),
        (ValueError("bad"), "ValueError", "bad"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "async", "later", "thread", "exact", "pattern"])
def test_handlers_that_stay(kind: str, error: BaseException, name: str, message: str) -> None:
    def plainly(payload: JSON) -> JSON:
        raise error

    async def at_once(payload: JSON) -> JSON:
        raise error

    async def later(payload: JSON) -> JSON:
        await asyncio.sleep(1)
        raise error

    tasks = express.Tasks()
    handler = {"async": at_once, "later": later}.get(kind, plainly)
    resource = {"exact": f"{FUNCTION}work", "pattern": "wo*"}.get(kind, "*")
    tasks.add(resource, handler, blocking=kind == "thread")
    workflow = express.compile(machine(Work=task("work")), tasks.staying())

    result = run_clean(executed(workflow, {}))

    assert (result.status, result.error) == ("FAILED", name)
    cause = json.loads(result.cause or "")
    assert cause["errorType"] == name
    assert cause["errorMessage"].endswith(message)


def test_the_users_interrupt_goes_through_them() -> None:
    def interrupted(payload: JSON) -> None:
        raise KeyboardInterrupt

    tasks = express.Tasks()
    tasks.add("*", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_clean(executed(express.compile(machine(Work=task("work")), tasks.staying()), {}))


def test_the_stack_trace_of_a_handler_that_stays_is_its_own() -> None:
    async def failing(payload: JSON) -> None:
        raise ValueError

    tasks = express.Tasks()
    tasks.add("*", failing)
    result = run_clean(executed(express.compile(machine(Work=task("work")), tasks.staying()), {}))
    [line] = json.loads(result.cause or "")["stackTrace"]
    assert "in failing" in line


def test_a_task_error_is_what_the_service_can_store() -> None:
    error = express.TaskError("x" * 300, "ü" * 40_000)
    assert (error.error, error.cause) == ("x" * 256, "ü" * 32_768)
    error = express.TaskError("half \ud800", "\udfff")
    assert (error.error, error.cause) == ("half ?", "?")
