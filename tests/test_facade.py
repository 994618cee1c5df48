"""The package as its users meet it: the names of the README, nothing imported before it is needed, typed."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import express
from express import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

#: All of it, and nothing else.
NAMES = {
    "Billing",
    "DefinitionError",
    "Execution",
    "ExecutionFailed",
    "ExpressError",
    "InvalidMocks",
    "InvalidOutput",
    "InvalidTasks",
    "InvalidToken",
    "Observer",
    "Result",
    "Runtime",
    "RuntimeClosed",
    "SourceError",
    "SourceUnavailable",
    "StateError",
    "TaskContext",
    "TaskError",
    "TaskTimedOut",
    "Tasks",
    "TokenError",
    "Workflow",
    "compile",
    "consumers",
    "execution_log",
    "history",
    "jsonata",
    "metrics",
    "run",
    "testing",
    "tracing",
}


def test_the_names_are_there() -> None:
    assert set(express.__all__) == NAMES
    for name in express.__all__:
        assert getattr(express, name) is not None
    assert set(dir(express)) == NAMES | {"__version__"}


def test_all_that_the_readme_shows_is_there_after_import_express() -> None:
    text = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    assert set(re.findall(r"\bexpress\.([A-Za-z_]+)", text)) <= {*express.__all__}


def test_all_is_sorted_and_without_repeats() -> None:
    assert list(express.__all__) == sorted(set(express.__all__), key=lambda name: (name.lower() == name, name))


def test_every_name_is_documented() -> None:
    undocumented = [name for name in express.__all__ if not inspect.getdoc(getattr(express, name))]
    assert undocumented == []


def members(name: str, thing: object) -> Iterator[tuple[str, object]]:
    """A public name, and in turn the functions, properties and classes that a class or module shows under it."""
    yield name, thing
    if inspect.ismodule(thing):
        own = [name for name, member in vars(thing).items() if getattr(member, "__module__", None) == thing.__name__]
        shown = {inner: getattr(thing, inner) for inner in getattr(thing, "__all__", own)}
    elif inspect.isclass(thing):
        shown = {inner: getattr(thing, inner) for inner in vars(thing)}
    else:
        return
    for inner, member in shown.items():
        is_code = inspect.isroutine(member) or inspect.isclass(member) or isinstance(member, property)
        if is_code and not inner.startswith("_"):
            yield from members(f"{name}.{inner}", member)


def test_every_public_member_is_documented() -> None:
    found = dict(member for name in express.__all__ for member in members(name, getattr(express, name)))
    assert {"Billing.billed_memory_mb", "Observer.task_ended", "consumers.Pump.run"} <= set(found)
    assert [name for name, member in found.items() if not inspect.getdoc(member)] == []


def test_every_error_stands_in_the_tree() -> None:
    for module in pkgutil.walk_packages(express.__path__, "express."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    missing, found = [], [express.ExpressError]
    while found:
        error = found.pop()
        found.extend(error.__subclasses__())
        if error.__module__.startswith("express") and f"─ {error.__name__} " not in f"─ {errors.__doc__}":
            missing.append(error.__name__)
    assert missing == ["ExpressError"]


@pytest.mark.parametrize("name", ["DefinitionError", "ExecutionFailed", "InvalidTasks", "RuntimeClosed", "StateError"])
def test_every_error_is_an_express_error(name: str) -> None:
    assert issubclass(getattr(express, name), express.ExpressError)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'express' has no attribute 'Nonsense'"):
        express.Nonsense  # noqa: B018


def test_it_is_typed() -> None:
    assert (resources.files("express") / "py.typed").is_file()


def test_importing_it_imports_no_engine() -> None:
    """The command line says hello before asyncio, orjson or uvloop are there."""
    script = "import sys, express; print(sorted({'asyncio', 'orjson', 'uvloop', 'anyio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (express.compile, ["definition", "tasks", "name", "type", "unresolved"]),
        (express.Runtime, ["max_in_flight", "execution_timeout", "map_concurrency", "payload_limit", "observers"]),
        (express.Runtime.start, ["self", "workflow", "input", "name"]),
        (express.Runtime.execute, ["self", "workflow", "input", "name"]),
        (express.Runtime.map, ["self", "workflow", "events", "ordered"]),
        (express.Execution.stop, ["self", "error", "cause"]),
        (express.Workflow.run, ["self", "input", "name"]),
        (express.Tasks.task, ["self", "resource", "blocking", "isolate"]),
        (express.run, ["main"]),
    ],
)
def test_signatures(function: object, parameters: list[str]) -> None:
    found = list(inspect.signature(function).parameters)  # type: ignore[arg-type]
    assert found[: len(parameters)] == parameters


def test_the_readme_s_first_lines() -> None:
    tasks = express.Tasks()

    @tasks.task("ValidateOrder")
    async def validate_order(order: dict[str, object]) -> dict[str, object]:
        return {**order, "valid": True}

    definition = {
        "StartAt": "Validate",
        "States": {
            "Validate": {
                "Type": "Task",
                "Resource": "arn:aws:lambda:us-east-1:123456789012:function:ValidateOrder",
                "End": True,
            }
        },
    }
    result = express.compile(definition, tasks).run({"order_id": "12345"})
    assert result.status == "SUCCEEDED"
    assert result.output == {"order_id": "12345", "valid": True}
    assert result.billing.billed_duration_ms == 100
