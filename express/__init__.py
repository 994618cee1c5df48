"""Run AWS Step Functions Express workflows inside your own process.

    import express

    tasks = express.Tasks()

    @tasks.task("ValidateOrder")
    async def validate_order(order): ...

    workflow = express.compile("order.asl.json", tasks)
    result = workflow.run({"order_id": "12345"})

The definition is compiled once into closures; a `Runtime` runs thousands of executions at once in the current event
loop. A failed execution is a `Result`, never an exception.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from express.version import __version__ as __version__

if TYPE_CHECKING:
    from express import consumers, execution_log, history, jsonata, metrics, testing, tracing
    from express.errors import (
        DefinitionError,
        ExecutionFailed,
        ExpressError,
        InvalidMocks,
        InvalidOutput,
        InvalidTasks,
        InvalidToken,
        RuntimeClosed,
        SourceError,
        SourceUnavailable,
        StateError,
        TaskError,
        TaskTimedOut,
        TokenError,
    )
    from express.metering import Billing
    from express.observe import Observer
    from express.result import Result
    from express.runtime import Execution, Runtime, run
    from express.states.task_context import TaskContext
    from express.tasks import Tasks
    from express.workflow import Workflow, compile  # noqa: A004 - the verb users know

__all__ = [
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
]

#: The module of each name. Names are imported when first used: `express --help` must not wait for the engine.
_HOME = {
    "Billing": "express.metering",
    "Execution": "express.runtime",
    "Observer": "express.observe",
    "Result": "express.result",
    "Runtime": "express.runtime",
    "TaskContext": "express.states.task_context",
    "Tasks": "express.tasks",
    "Workflow": "express.workflow",
    "compile": "express.workflow",
    "run": "express.runtime",
}

#: Modules that are part of the facade.
_MODULES = ("consumers", "execution_log", "history", "jsonata", "metrics", "testing", "tracing")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'express' has no attribute {name!r}")
    if name in _MODULES:
        return import_module(f"express.{name}")
    value = getattr(import_module(_HOME.get(name, "express.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
