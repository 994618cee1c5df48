"""Python functions as task handlers: their kind, their parameters, and the errors their exceptions become.

A handler that raises fails its task as a Lambda function does (AWS guide "Error handling in Lambda"): the error name is
the exception's class, the cause the JSON document that Lambda's Python runtime writes. The cause is built on first
access: most errors are only retried or counted, and formatting a traceback costs more than a whole execution.
"""

from __future__ import annotations

import asyncio
import dis
import inspect
import linecache
import uuid
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from express.errors import MAX_CAUSE, InvalidTasks, StateError
from express.payload import text_of
from express.states.conversation import LINE
from express.states.lambda_function import failure_document
from express.states.state import Handler, HandlerKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, TracebackType

#: The error name AWS Lambda gives a function that exits its runtime.
EXIT_ERROR = "Runtime.ExitError"

#: Modules whose frames call a handler: inline, resumed after a suspension, in a thread.
_CALLERS = ("express.states.", "express.runtime.", __name__, "concurrent.futures.", "asyncio.")

_RAISE = dis.opmap["RAISE_VARARGS"]


class HandlerFailure(StateError):
    """A handler's exception as an error of the workflow; `cause` is built on first access.

    Only `handler_failure` creates it: an `__init__` in Python would double the cost of a failure. Until `cause` is
    built, `_exception` and its traceback `_trace` are kept.
    """

    __slots__ = ("_cause", "_exception", "_trace", "error")
    __init__ = BaseException.__init__
    error: str
    _cause: str
    _exception: BaseException | None
    _trace: TracebackType | None

    @property
    def cause(self) -> str:  # type: ignore[override]  # read like the attribute it is elsewhere; nobody writes it
        exception = self._exception
        if exception is not None:
            document = failure_document(_message(exception), self.error, _stack_trace(self._trace))
            self._cause = document[:MAX_CAUSE]
            self._exception = self._trace = None
        return self._cause


def handler_failure(exception: BaseException) -> HandlerFailure:
    """The error with which a handler's exception fails its task.

    It takes over the exception's traceback, which holds every local of the handler and grows with each raise of the
    same exception.
    """
    failure: HandlerFailure = HandlerFailure()
    failure.error = type(exception).__name__
    failure._exception = exception
    failure._trace, exception.__traceback__ = exception.__traceback__, None
    return failure


def _message(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:  # noqa: BLE001 - a broken __str__ is the user's; the task still fails in its own name
        return f"<{type(exception).__name__} without a readable message>"


def _stack_trace(trace: TracebackType | None) -> str:
    """The frames of a trace as a JSON array, formatted as by `traceback.format_tb` without its costlier parts.

    The engine's frames between the event loop and the handler are omitted.
    """
    if trace is not None and trace.tb_frame.f_code is LINE:
        # For nearly all exceptions this is the engine's only frame.
        trace = trace.tb_next
    lines = ""
    # What is beyond that is cut off in any case.
    while trace is not None and len(lines) < MAX_CAUSE:
        code = trace.tb_frame.f_code
        # The hash of a code object costs more than all the rest. Its id is as good while it lives, hence the check.
        place = id(code), trace.tb_lasti
        known = _places.get(place)
        if known is None or known[0] is not code:
            if len(_places) >= _MOST_PLACES:
                _places.clear()
            known = _places[place] = code, _is_the_engine(trace), _stack_line(trace)
        if lines:
            lines = f"{lines},{known[2]}"
        elif not known[1]:
            lines = known[2]
        trace = trace.tb_next
    return f"[{lines}]"


#: Places at which exceptions were raised or passed: the code, which is thus kept, whether it is the engine's, and its
#: line in a stack trace. They are few, and looking up a line takes longer than most handlers.
_places: dict[tuple[int, int], tuple[CodeType, bool, str]] = {}
_MOST_PLACES = 1024


def _is_the_engine(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__")).startswith(_CALLERS)


def _stack_line(trace: TracebackType) -> str:
    code = trace.tb_frame.f_code
    source = linecache.getline(code.co_filename, trace.tb_lineno).strip()
    shown = f"    {source}\n" if source else ""
    return text_of(f'  File "{code.co_filename}", line {trace.tb_lineno}, in {code.co_name}\n{shown}')


def staying(handler: Handler) -> Handler:
    """The handler as one that cannot end the program: an exception that would do so fails its task instead.

    SystemExit fails it with `Runtime.ExitError`, as in Lambda; any other such exception under its class name.
    KeyboardInterrupt is the user's and propagates.
    """
    call = handler.call

    async def call_and_stay(*arguments: Any) -> Any:
        try:
            return await call(*arguments)
        except (Exception, asyncio.CancelledError, KeyboardInterrupt):
            raise
        except GeneratorExit as error:
            if _was_raised(error):
                raise _left_by(error) from None
            # The coroutine is being closed.
            raise
        except BaseException as error:  # noqa: BLE001 - see above
            raise _left_by(error) from None

    def call_plainly_and_stay(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - see above
            raise _left_by(error) from None

    return replace(handler, call=call_and_stay if handler.kind == "async" else call_plainly_and_stay)


def _was_raised(error: BaseException) -> bool:
    """Whether a statement has raised it: an exception thrown into a coroutine appears where that is suspended."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_code[trace.tb_lasti] == _RAISE


def _left_by(error: BaseException) -> StateError:
    if not isinstance(error, SystemExit):
        return handler_failure(error)
    reason = f"with error: exit status {error.code}" if error.code else "without providing a reason"
    document = {"errorType": EXIT_ERROR, "errorMessage": f"RequestId: {uuid.uuid4()} Error: Runtime exited {reason}"}
    return StateError(EXIT_ERROR, text_of(document))


def make_handler(function: Callable[..., Any], *, blocking: bool, isolate: bool, for_function: bool) -> Handler:
    """The handler of a registered callable. Raises InvalidTasks if it cannot be called with a payload."""
    if not callable(function):
        raise InvalidTasks(f"a task handler must be callable, not {type(function).__name__}")
    is_async = _is_async(function)
    if is_async and blocking:
        raise InvalidTasks(f"{_name(function)}: blocking=True is for plain functions, this one is `async def`")
    kind: HandlerKind = "async" if is_async else "thread" if blocking else "inline"
    return Handler(
        call=function,
        kind=kind,
        isolate=isolate,
        wants_context=_wants_context(function),
        for_function=for_function,
        failures=(Exception, asyncio.CancelledError),
        failure=handler_failure,
        named_by_class=True,
    )


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, partial):
        function = function.func
    call = type(function).__call__ if not inspect.isroutine(function) else function
    return inspect.iscoroutinefunction(inspect.unwrap(function)) or inspect.iscoroutinefunction(call)


def _wants_context(function: Callable[..., Any]) -> bool:
    """Whether the callable takes a second argument: `(payload, context)` instead of `(payload)`."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    keyword_only = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if (not positional and not takes_any) or len(required) > 2 or keyword_only:
        raise InvalidTasks(f"{_name(function)}: a task handler takes (payload) or (payload, context)")
    return len(positional) > 1 and (len(required) == 2 or positional[1].name == "context")


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
