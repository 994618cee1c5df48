"""`express.compile` and the Workflow it returns, where a caller gets something wrong."""

from __future__ import annotations

from typing import Any, cast

import pytest

import express

DEFINITION = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


def test_run_outside_a_loop() -> None:
    assert express.compile(DEFINITION).run({"a": 1}).output == {"a": 1}


async def test_run_inside_a_loop_names_what_to_use() -> None:
    workflow = express.compile(DEFINITION)
    with pytest.raises(RuntimeError, match=r"Runtime\.execute"):
        workflow.run({})
    async with express.Runtime() as runtime:
        assert (await runtime.execute(workflow, 7)).output == 7


@pytest.mark.parametrize("tasks", [{"F": print}, [], "handlers:tasks", express.Tasks])
def test_tasks_must_be_a_registry(tasks: object) -> None:
    with pytest.raises(TypeError, match=r"tasks must be an express\.Tasks, not a (dict|list|str|type)"):
        express.compile(DEFINITION, cast("Any", tasks))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "a b"}, "Invalid Name: 'a b'"),
        ({"name": ""}, "Invalid Name: ''"),
        ({"type": "FAST"}, "type must be 'EXPRESS' or 'STANDARD', not 'FAST'"),
        ({"unresolved": "ignore"}, "unresolved must be 'error' or 'fail-at-run', not 'ignore'"),
    ],
)
def test_arguments_that_are_wrong(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        express.compile(DEFINITION, **arguments)
