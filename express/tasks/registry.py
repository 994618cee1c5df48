"""Who does the work of a Task: registrations by function name, ARN or pattern.

The most specific registration wins. For a Lambda function, called by its ARN or through `lambda:invoke`:

1. the function's own ARN, or its name (with or without a version or alias),
2. the resource itself (`arn:aws:states:::lambda:invoke`), which gets the whole Parameters,
3. patterns with `*` or `?`, the one with more literal characters first,
4. `*`, the last resort for everything.

Lookups happen when a definition is compiled; only a function name that comes from data is looked up while running.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from typing import TYPE_CHECKING, Any, TypeVar

from express.errors import InvalidTasks
from express.tasks.functions import make_handler

if TYPE_CHECKING:
    from express.states.state import Handler

F = TypeVar("F", bound=Callable[..., Any])

#: A function's ARN, a partial ARN (`123456789012:function:name`) or a bare name, each with an optional qualifier.
_FUNCTION = re.compile(
    r"(?:arn:aws[\w-]*:lambda:[\w-]+:)?(?:\d{12}:)?(?:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?\Z"
)
#: What a function ARN that nobody wrote out would be; patterns are matched against it.
_ASSUMED_ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


class Tasks:
    """A registry of task handlers.

        tasks = express.Tasks()

        @tasks.task("ValidateOrder")
        async def validate_order(order): ...

    Handlers take `(payload)` or `(payload, context)` and return JSON. `async def` is awaited; `def` runs inline and
    must be quick; `blocking=True` sends it to a thread. `isolate=False` trusts it with shared values: it promises
    not to change its payload, not to keep its result, and that the result is plain JSON within the payload limit.
    """

    def __init__(self) -> None:
        self._exact: dict[str, Handler] = {}
        self._patterns: list[tuple[int, str, re.Pattern[str], Handler]] = []
        self._fallback: Handler | None = None

    def task(self, resource: str, *, blocking: bool = False, isolate: bool = True) -> Callable[[F], F]:
        """Decorator: register a handler for a function name, an ARN or a pattern. Raises InvalidTasks."""

        def register(function: F) -> F:
            self.add(resource, function, blocking=blocking, isolate=isolate)
            return function

        return register

    def add(self, resource: str, function: Callable[..., Any], *, blocking: bool = False, isolate: bool = True) -> None:
        """Register without a decorator. A second registration for the same resource is an error."""
        if not resource or not isinstance(resource, str):
            raise InvalidTasks(f"a task is registered for a name, an ARN or a pattern, not for {resource!r}")
        known = resource in self._exact or any(pattern == resource for _, pattern, _, _ in self._patterns)
        if known or (resource == "*" and self._fallback is not None):
            raise InvalidTasks(f"a handler for {resource!r} is registered already")
        handler = make_handler(function, blocking=blocking, isolate=isolate, for_function=_is_function(resource))
        if resource == "*":
            self._fallback = handler
        elif "*" in resource or "?" in resource:
            literal = len(resource) - resource.count("*") - resource.count("?")
            self._patterns.append((literal, resource, re.compile(translate(resource)), handler))
            self._patterns.sort(key=lambda entry: -entry[0])
        else:
            self._exact[resource] = handler

    def handler(self, resource: str, function: str | None = None) -> Handler | None:
        """The most specific handler for a Task's Resource; `function` is the FunctionName given to `lambda:invoke`."""
        names = list(_function_names(function if function is not None else resource))
        for name in names:
            if name in self._exact and (function is None or self._exact[name].for_function):
                return self._exact[name]
        if resource in self._exact:
            return self._exact[resource]
        for _, _, pattern, handler in self._patterns:
            if pattern.match(resource) or (handler.for_function and any(map(pattern.match, names))):
                return handler
        return self._fallback

    @property
    def has_functions(self) -> bool:
        """Whether any registration could serve a function whose name only the data holds."""
        handlers: Iterable[Handler] = [*self._exact.values(), *(entry[3] for entry in self._patterns)]
        return any(handler.for_function for handler in handlers)

    @property
    def names(self) -> tuple[str, ...]:
        """Everything registered, as it was written."""
        fallback = () if self._fallback is None else ("*",)
        return (*self._exact, *(entry[1] for entry in self._patterns), *fallback)

    def __repr__(self) -> str:
        return f"Tasks({', '.join(self.names)})"


def _is_function(resource: str) -> bool:
    """Whether a registration is for Lambda functions, and so gets their payload: a name, or a function ARN pattern."""
    if resource.startswith("arn:"):
        return ":lambda:" in resource and not resource.startswith("arn:aws:states:")
    return resource != "*"


def _function_names(text: str) -> Iterable[str]:
    """The names under which a function may be registered, most specific first."""
    match = _FUNCTION.match(text)
    if match is None:
        return
    name, qualifier = match["name"], match["qualifier"]
    yield text
    if qualifier is not None:
        yield text.removesuffix(f":{qualifier}")
        yield f"{name}:{qualifier}"
    yield name
    if not text.startswith("arn:"):
        yield _ASSUMED_ARN + name
