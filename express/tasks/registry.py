"""The registry of task handlers, by function name, ARN or pattern.

The most specific registration wins. For a Lambda function, called by its ARN or through `lambda:invoke`:

1. the function's own ARN, or its name (with or without a version or alias),
2. the resource itself (`arn:aws:states:::lambda:invoke`), which gets the whole Parameters,
3. patterns with `*` or `?`, the one with more literal characters first,
4. the registration for all other functions (`Tasks.http("*", url)`),
5. `*`, the fallback for every resource; an endpoint's own integrations precede it (`express.service.integrations`).

Handlers are looked up when a definition is compiled; only a function name that comes from data is looked up at run
time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from typing import TYPE_CHECKING, Any, TypeVar

from express.errors import InvalidTasks
from express.tasks.function_names import names_of
from express.tasks.functions import make_handler, staying

if TYPE_CHECKING:
    from express.states.state import Handler, Resolver

F = TypeVar("F", bound=Callable[..., Any])

#: The pattern of every Lambda function, and of nothing else.
ALL_FUNCTIONS = "arn:aws*:lambda:*:function:*"
#: The integration that calls a function by the name in its Parameters.
_INVOKE = re.compile(r"arn:aws[\w-]*:states:[\w-]*:\d*:lambda:invoke\b")


@dataclass(frozen=True, slots=True)
class Registration:
    """The handlers of a resource: `direct` for the resource itself, `invoked` for calls through `lambda:invoke`.

    `for_function`: it serves Lambda functions, and `lambda:invoke` finds it by their names.
    """

    direct: Handler
    invoked: Handler
    for_function: bool

    def handler(self, resource: str) -> Handler:
        return self.invoked if _INVOKE.match(resource) else self.direct

    def staying(self) -> Registration:
        return Registration(staying(self.direct), staying(self.invoked), self.for_function)


class Tasks:
    """A registry of task handlers.

        tasks = express.Tasks()

        @tasks.task("ValidateOrder")
        async def validate_order(order): ...

    Handlers take `(payload)` or `(payload, context)` and return JSON. An `async def` is awaited; a `def` runs inline
    and must be quick; with `blocking=True` it runs in a thread. `isolate=False` shares values with the handler, which
    promises not to change its payload, not to keep its result, and to return plain JSON within the payload limit.

    Functions that run elsewhere are registered with `http`.
    """

    def __init__(self) -> None:
        self._exact: dict[str, Registration] = {}
        self._patterns: list[tuple[int, str, re.Pattern[str], Registration]] = []
        self._fallback: Registration | None = None

    def task(self, resource: str, *, blocking: bool = False, isolate: bool = True) -> Callable[[F], F]:
        """Decorator: register a handler for a function name, an ARN or a pattern. Raises InvalidTasks."""
        if callable(resource):
            name = getattr(resource, "__name__", "handler")
            raise InvalidTasks(f"the decorator needs the name of a function or an ARN: @tasks.task({name!r})")
        self._check(resource)

        def register(function: F) -> F:
            self.add(resource, function, blocking=blocking, isolate=isolate)
            return function

        return register

    def add(self, resource: str, function: Callable[..., Any], *, blocking: bool = False, isolate: bool = True) -> None:
        """Register without a decorator. Raises InvalidTasks, also for a second registration of the same resource."""
        self._check(resource)
        handler = make_handler(function, blocking=blocking, isolate=isolate, for_function=_is_function(resource))
        self._register(resource, Registration(handler, handler, handler.for_function))

    def http(self, resource: str, url: str, *, connections: int = 100) -> None:
        """Have Lambda functions called at `url` through Lambda's Invoke API.

        The server is the runtime interface emulator, `sam local start-lambda` or a compatible one. Needs the package
        aiohttp.

        resource: a function's name, its ARN or a pattern of either; `*` for every function without another
            registration, and only for functions.
        url: of the server, `http://127.0.0.1:3001`; or of one function's invocations, as the runtime interface emulator
            has them: `http://127.0.0.1:9000/2015-03-31/functions/function/invocations`.
        connections: the upper bound of concurrent connections to this URL; further calls wait for one.

        Raises InvalidTasks.
        """
        try:
            from express.tasks.http import LambdaEndpoint
        except ImportError:
            raise InvalidTasks("functions over HTTP need the package aiohttp: pip install aiohttp") from None
        if resource == "*":
            resource = ALL_FUNCTIONS
        self._check(resource)
        if not _is_function(resource):
            raise InvalidTasks(f"{resource!r} is no Lambda function: only those can be called at {url}")
        endpoint = LambdaEndpoint(url, connections)
        self._register(resource, Registration(endpoint.direct, endpoint.invoked, for_function=True))

    def _check(self, resource: str) -> None:
        """Raise InvalidTasks for a resource that is invalid or registered already."""
        if not resource or not isinstance(resource, str):
            raise InvalidTasks(f"a task is registered for a name, an ARN or a pattern, not for {resource!r}")
        if resource != "*" and not resource.strip("*?"):
            raise InvalidTasks(f"{resource!r} names nothing: write '*' for everything nobody else is registered for")
        known = resource in self._exact or any(pattern == resource for _, pattern, _, _ in self._patterns)
        if known or (resource == "*" and self._fallback is not None):
            raise InvalidTasks(f"a handler for {resource!r} is registered already")

    def _register(self, resource: str, registration: Registration) -> None:
        if resource == "*":
            self._fallback = registration
        elif "*" in resource or "?" in resource:
            literal = 0 if resource == ALL_FUNCTIONS else len(resource) - resource.count("*") - resource.count("?")
            self._patterns.append((literal, resource, re.compile(translate(resource)), registration))
            self._patterns.sort(key=lambda entry: -entry[0])
        else:
            self._exact[resource] = registration

    def handler(self, resource: str, function: str | None = None) -> Handler | None:
        """The most specific handler for a Task's Resource; `function` is the FunctionName given to `lambda:invoke`."""
        registration = self._registration(resource, function)
        return None if registration is None else registration.handler(resource)

    def explicit(self, resource: str, function: str | None = None) -> Handler | None:
        """Like `handler`, but without the fallback `*`."""
        registration = self._explicit(resource, function)
        return None if registration is None else registration.handler(resource)

    def _registration(self, resource: str, function: str | None) -> Registration | None:
        return self._explicit(resource, function) or self._fallback

    def _explicit(self, resource: str, function: str | None) -> Registration | None:
        names = list(names_of(function if function is not None else resource))
        for name in names:
            if name in self._exact and (function is None or self._exact[name].for_function):
                return self._exact[name]
        if resource in self._exact:
            return self._exact[resource]
        for _, _, pattern, registration in self._patterns:
            if pattern.match(resource) or (registration.for_function and any(map(pattern.match, names))):
                return registration
        return None

    def staying(self) -> Tasks:
        """A registry of the same handlers, none of which can end the program. See `functions.staying`."""
        other = Tasks()
        other._exact = {resource: entry.staying() for resource, entry in self._exact.items()}
        other._patterns = [(*entry[:3], entry[3].staying()) for entry in self._patterns]
        other._fallback = None if self._fallback is None else self._fallback.staying()
        return other

    @property
    def has_functions(self) -> bool:
        """Whether any registration could serve a function whose name is known only at run time."""
        registrations = (*self._exact.values(), *(entry[3] for entry in self._patterns))
        return any(registration.for_function for registration in registrations)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, ARNs and patterns of all registrations, as given."""
        fallback = () if self._fallback is None else ("*",)
        return (*self._exact, *(entry[1] for entry in self._patterns), *fallback)

    def __repr__(self) -> str:
        return f"Tasks({', '.join(self.names)})"


class Explicit:
    """A view of a registry without its fallback, `*`."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self.handler = tasks.explicit

    @property
    def has_functions(self) -> bool:
        return self._tasks.has_functions

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in self._tasks.names if name != "*")


class Layers:
    """Several registries as one: the first that has a handler for a resource supplies it."""

    def __init__(self, *layers: Resolver) -> None:
        self._layers = layers

    def handler(self, resource: str, function: str | None = None) -> Handler | None:
        handlers = (layer.handler(resource, function) for layer in self._layers)
        return next((handler for handler in handlers if handler is not None), None)

    @property
    def has_functions(self) -> bool:
        return any(layer.has_functions for layer in self._layers)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for layer in self._layers for name in layer.names))


def _is_function(resource: str) -> bool:
    """Whether a registration is for Lambda functions, and so gets their payload: a name, function ARN or pattern."""
    if resource.startswith("arn:"):
        return ":lambda:" in resource and not resource.startswith("arn:aws:states:")
    return resource != "*"
