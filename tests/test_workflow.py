"""`express.compile` and what it gives: sources, names, options, `run`, counters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

import express
from tests.runtime.machines import compiled, executed, machine, run_clean, state, task, wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from express.types import JSON

DEFINITION = machine(A=state("Pass", Next="B"), B=state("Succeed"))


def contexts(**options: Any) -> dict[str, JSON]:
    definition = machine(A=state("Pass", Parameters={"all.$": "$$"}))
    found: dict[str, JSON] = run_clean(executed(express.compile(definition, **options), {})).output["all"]
    return found


@pytest.mark.parametrize(
    "source",
    [
        DEFINITION,
        json.dumps(DEFINITION),
        json.dumps(DEFINITION, indent=2).encode(),
        "\ufeff" + json.dumps(DEFINITION),
        bytearray(json.dumps(DEFINITION).encode()),
    ],
    ids=["dict", "text", "bytes", "with a mark", "bytearray"],
)
def test_sources(source: Any) -> None:
    workflow = express.compile(source)
    assert (workflow.name, workflow.type) == ("workflow", "EXPRESS")
    assert run_clean(executed(workflow, 7)).output == 7


@pytest.mark.parametrize("as_text", [False, True])
def test_a_file_gives_the_name(tmp_path: Path, as_text: bool) -> None:
    path = tmp_path / "orders.asl.json"
    path.write_text(json.dumps(DEFINITION))
    assert express.compile(str(path) if as_text else path).name == "orders"
    assert express.compile(path, name="other").name == "other"


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(express.DefinitionError, match=r"Cannot read 'no/such/file\.json'"):
        express.compile("no/such/file.json")


def test_a_dict_is_taken_as_it_is_now() -> None:
    definition = json.loads(json.dumps(DEFINITION))
    workflow = express.compile(definition)
    definition["States"].clear()
    assert run_clean(executed(workflow, 7)).output == 7


def test_names_arns_and_roles() -> None:
    prefix = "arn:aws:states:us-east-1:123456789012"
    found = contexts()
    assert found["StateMachine"] == {"Id": f"{prefix}:stateMachine:workflow", "Name": "workflow"}
    assert found["Execution"]["RoleArn"] == "arn:aws:iam::123456789012:role/express"
    arn = "arn:aws:states:eu-west-1:999999999999:stateMachine:Orders"
    found = contexts(name="orders", arn=arn, role_arn="arn:aws:iam::9:role/r")
    assert found["StateMachine"] == {"Id": arn, "Name": "orders"}
    assert found["Execution"]["RoleArn"] == "arn:aws:iam::9:role/r"
    assert found["Execution"]["Id"].startswith("arn:aws:states:eu-west-1:999999999999:express:Orders:")


@pytest.mark.parametrize("name", ["a", "A-b_c.d", "x" * 80, "ünï", "order(1)", "a+b=c!", "日本"])
def test_names_that_are_taken(name: str) -> None:
    assert express.compile(DEFINITION, name=name).name == name


@pytest.mark.parametrize(
    "name",
    ["", "x" * 81, "a b", "a\tb", "<a>", "{a}", "[a]", *(f"a{char}" for char in '?*"#%\\^|~`$&,;:/\x00\x9f'), "\ud800"],
)
def test_names_that_aws_forbids(name: str) -> None:
    with pytest.raises(ValueError, match="Invalid Name: "):
        express.compile(DEFINITION, name=name)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"unresolved": "ignore"}, "unresolved must be 'error' or 'fail-at-run', not 'ignore'"),
        ({"type": "express"}, "type must be 'EXPRESS' or 'STANDARD', not 'express'"),
    ],
)
def test_options_that_do_not_exist(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        express.compile(DEFINITION, **options)


def test_run() -> None:
    workflow = compiled(machine(A=task("work")), work=lambda payload: {"got": payload})
    assert workflow.run({"a": 1}).output == {"got": {"a": 1}}
    assert workflow.run().output == {"got": {}}
    assert workflow.run(None).output == {"got": None}
    assert workflow.run({}, name="mine").name == "mine"
    assert workflow.tally.succeeded == 4


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
    ("call", "message"),
    [
        *(
            (call, f"workflow must be what express.compile returns, not a {kind}")
            for call, kind in (
                (lambda runtime: runtime.start("x", {}), "str"),
                (lambda runtime: runtime.execute(DEFINITION, {}), "dict"),
                (lambda runtime: runtime.start(express.Workflow, {}), "type"),
                (lambda runtime: runtime.map(None, [{}]), "NoneType"),
            )
        ),
        (lambda runtime: express.compile(cast("Any", 5)), "definition must be a path, .*, not a int"),
        (lambda runtime: express.compile(DEFINITION, arn=cast("Any", 5)), "arn must be a string, not a int"),
        (lambda runtime: express.compile(DEFINITION, role_arn=cast("Any", 5)), "role_arn must .*, not a int"),
        (lambda runtime: express.compile(DEFINITION, name=cast("Any", 5)), "name must be a string, not a int"),
        (
            lambda runtime: express.compile(DEFINITION, mocks=cast("Any", {})),
            "mocks must be a test case of .*, not a dict",
        ),
        (lambda runtime: runtime.execute(express.compile(DEFINITION), {}, name=5), "name must be a string, not a int"),
        (
            lambda runtime: runtime.start(express.compile(DEFINITION), {}, name=b"x"),
            "name must be a string, not a bytes",
        ),
        (lambda runtime: express.consumers.connect(cast("Any", None)), "url must be a string, not a NoneType"),
        (lambda runtime: runtime.send_task_success(None, 1), "token must be a string, not a NoneType"),
        (lambda runtime: runtime.send_task_failure(["t"]), "token must be a string, not a list"),
        (lambda runtime: runtime.send_task_heartbeat(5), "token must be a string, not a int"),
    ],
)
async def test_arguments_of_the_wrong_type(call: Callable[[Any], Any], message: str) -> None:
    async with express.Runtime() as runtime:
        with pytest.raises(TypeError, match=f"^{message}$"):
            await call(runtime)
        assert not runtime.in_flight


def test_properties() -> None:
    workflow = express.compile(DEFINITION, name="orders", type="STANDARD")
    assert workflow.arn == "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    assert (workflow.name, workflow.type) == ("orders", "STANDARD")
    assert repr(workflow) == "<Workflow 'orders' STANDARD>"
    assert workflow.state_entries == {"A": 0, "B": 0}
    assert workflow.tally.started == 0


def test_compiling_twice_gives_two_workflows() -> None:
    one, other = express.compile(DEFINITION), express.compile(DEFINITION)
    run_clean(executed(one))
    assert (one.tally.started, other.tally.started) == (1, 0)


def test_one_workflow_in_many_runtimes() -> None:
    workflow = compiled(machine(A=wait(1)))
    for _ in range(3):
        assert run_clean(executed(workflow)).succeeded
    assert workflow.tally.started == 3
