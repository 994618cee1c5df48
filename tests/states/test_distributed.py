"""Map, distributed: child executions that may fail up to a threshold, in batches, of an object's members. Standard only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import express
from tests.runtime.machines import (
    AGES,
    SECOND,
    catching,
    endless,
    executed,
    machine,
    parallel,
    run_clean,
    state,
    task,
    wait,
)

if TYPE_CHECKING:
    from express.types import JSON

CONFIG = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
PREFIX = "An error occurred while executing the state 'M' (entered at the event id #2). "


def distributed(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return state("Map", ItemProcessor={**processor, "ProcessorConfig": CONFIG}, **fields)


def work(payload: JSON) -> JSON:
    """Fails for what is negative."""
    if isinstance(payload, int) and payload < 0:
        raise express.TaskError("Negative", str(payload))
    return payload


async def work_later(payload: JSON) -> JSON:
    await asyncio.sleep(1)
    return work(payload)


def ran(definition: dict[str, Any], event: JSON, *, later: bool = False, **limits: Any) -> express.Result:
    tasks = express.Tasks()
    tasks.add("work", work_later if later else work)
    tasks.add("arn:aws:states:::s3:*", work)
    return run_clean(executed(express.compile(definition, tasks, type="STANDARD"), event, **limits))


LATER = pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
CHILD = machine(W=task("work"))


@LATER
def test_outputs_come_in_item_order(later: bool) -> None:
    result = ran(machine(M=distributed(CHILD)), list(range(20)), later=later)
    assert result.output == list(range(20))
    assert result.billing.duration_ns == (SECOND if later else 0)


def test_concurrency() -> None:
    result = ran(machine(M=distributed(CHILD, MaxConcurrency=3)), list(range(10)), later=True)
    assert result.billing.duration_ns == 4 * SECOND


@LATER
def test_members_of_an_object_are_items(later: bool) -> None:
    result = ran(machine(M=distributed(CHILD, ItemsPath="$.all")), {"all": {"a": 1, "b": [2]}}, later=later)
    assert result.output == [{"Key": "a", "Value": 1}, {"Key": "b", "Value": [2]}]


def test_an_inline_map_takes_no_object() -> None:
    inline = machine(M=state("Map", ItemProcessor=CHILD))
    assert ran(inline, {"a": 1}).cause == PREFIX + 'Reference path "$" must point to array.'


def test_selected_items() -> None:
    selector = {"index.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value", "all.$": "$.items"}
    result = ran(machine(M=distributed(CHILD, ItemsPath="$.items", ItemSelector=selector)), {"items": [5, 6]})
    assert result.output == [{"index": n, "value": 5 + n, "all": [5, 6]} for n in range(2)]


#: (fields, items, whether the Map survives); a negative item fails.
THRESHOLDS: list[tuple[dict[str, Any], list[int], bool]] = [
    ({}, [1, 2], True),
    ({}, [1, -2], False),
    ({"ToleratedFailureCount": 0}, [1, -2], False),
    ({"ToleratedFailureCount": 1}, [1, -2], True),
    ({"ToleratedFailureCount": 1}, [-1, -2], False),
    ({"ToleratedFailurePercentage": 50}, [1, -2], True),
    ({"ToleratedFailurePercentage": 49}, [1, -2], False),
    ({"ToleratedFailurePercentage": 100}, [-1, -2], True),
    ({"ToleratedFailureCount": 5, "ToleratedFailurePercentage": 10}, [1, -2], False),
    ({"ToleratedFailureCount": 0, "ToleratedFailurePercentage": 100}, [1, -2], False),
    ({"ToleratedFailureCountPath": "$$.Execution.Input[0]"}, [1, -2], True),
    ({"ToleratedFailurePercentagePath": "$$.Execution.Input[0]"}, [1, -2], False),
]


@LATER
@pytest.mark.parametrize(("fields", "items", "survives"), THRESHOLDS)
def test_thresholds(fields: dict[str, Any], items: list[int], survives: bool, later: bool) -> None:
    result = ran(machine(M=distributed(CHILD, **fields)), items, later=later)
    if survives:
        assert result.output == [item for item in items if item > 0]
    else:
        assert result.error == "States.ExceedToleratedFailureThreshold"
        assert result.cause == "The specified tolerated failure threshold was exceeded"


@LATER
def test_an_exceeded_threshold_can_be_caught(later: bool) -> None:
    definition = machine(
        M=distributed(CHILD, Catch=catching("States.ExceedToleratedFailureThreshold", to="B")), B=state("Pass")
    )
    assert ran(definition, [1, -1], later=later).unwrap()["Error"] == "States.ExceedToleratedFailureThreshold"


def test_an_exceeded_threshold_stops_the_others() -> None:
    definition = machine(M=distributed(machine(P=parallel(CHILD, machine(X=wait(100))))))
    result = ran(definition, [1, 2, -1], later=True)
    assert result.billing.duration_ns == SECOND


@pytest.mark.parametrize(
    ("fields", "event", "cause"),
    [
        ({"ToleratedFailureCountPath": "$.c"}, {"c": -1}, "ToleratedFailureCount cannot be negative."),
        (
            {"ToleratedFailurePercentagePath": "$.c"},
            {"c": 101},
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
        (
            {"ToleratedFailureCountPath": "$.c"},
            {"c": "x"},
            'The ToleratedFailureCountPath field refers to value "x" which is not a valid integer: $.c',
        ),
        (
            {"ToleratedFailurePercentagePath": "$.c"},
            {"c": []},
            'The ToleratedFailurePercentagePath field refers to value "[]" which is not a valid float: $.c',
        ),
        (
            {"MaxConcurrencyPath": "$.c"},
            {"c": "NoNumber"},
            'The MaxConcurrencyPath field refers to value "NoNumber" which is not a valid integer: $.c',
        ),
        (
            {"MaxConcurrencyPath": "$.c"},
            {"c": 1 << 31},
            'The MaxConcurrencyPath field refers to value "2147483648" which is not a valid integer: $.c',
        ),
        ({"MaxConcurrencyPath": "$.c"}, {"c": -1}, "MaxConcurrency cannot be negative."),
        ({"ItemBatcher": {"MaxItemsPerBatchPath": "$.c"}}, {"c": 0}, "field MaxItemsPerBatch must be positive"),
        (
            {"ItemBatcher": {"MaxInputBytesPerBatchPath": "$.c"}},
            {"c": -1},
            "field MaxInputBytesPerBatch must be positive",
        ),
        ({"MaxConcurrencyPath": "$.c"}, {}, "Invalid path '$.c' : No results for path: $['c']"),
    ],
)
def test_numbers_from_the_data(fields: dict[str, Any], event: dict[str, JSON], cause: str) -> None:
    result = ran(machine(M=distributed(CHILD, ItemsPath="$.items", **fields)), {"items": [1], **event})
    assert result.error == "States.Runtime"
    assert result.cause is not None
    assert result.cause.endswith(cause)


#: (ItemBatcher, items, inputs of the children).
BATCHES: list[tuple[dict[str, Any], list[JSON], list[JSON]]] = [
    ({"MaxItemsPerBatch": 2}, [1, 2, 3], [{"Items": [1, 2]}, {"Items": [3]}]),
    ({"MaxItemsPerBatch": 5}, [1, 2], [{"Items": [1, 2]}]),
    ({"MaxItemsPerBatch": 2}, [], []),
    ({"MaxItemsPerBatchPath": "$$.Execution.Input[0]"}, [1, 2], [{"Items": [1]}, {"Items": [2]}]),
    (
        {"MaxItemsPerBatch": 1, "BatchInput": {"a": 1, "b.$": "$[1]"}},
        [1, 2],
        [{"BatchInput": {"a": 1, "b": 2}, "Items": [n]} for n in (1, 2)],
    ),
    ({"MaxInputBytesPerBatch": 60}, ["x" * 10, "y" * 10], [{"Items": ["x" * 10]}, {"Items": ["y" * 10]}]),
    ({"MaxInputBytesPerBatch": 200}, ["x" * 10, "y" * 10], [{"Items": ["x" * 10, "y" * 10]}]),
    ({"MaxInputBytesPerBatch": 1}, ["too large anyway"], [{"Items": ["too large anyway"]}]),
]


@LATER
@pytest.mark.parametrize(("batcher", "items", "expected"), BATCHES)
def test_batches(batcher: dict[str, Any], items: list[JSON], expected: list[JSON], later: bool) -> None:
    assert ran(machine(M=distributed(CHILD, ItemBatcher=batcher)), items, later=later).output == expected


@pytest.mark.parametrize(
    ("transformation", "output"), [("COMPACT", [[1, [2]], 3, []]), ("FLATTEN", [1, [2], 3]), (None, [[1, [2]], 3, []])]
)
def test_outputs_of_a_writer_that_does_not_export(transformation: str | None, output: JSON) -> None:
    config = {"OutputType": "JSON"} if transformation is None else {"Transformation": transformation}
    definition = machine(M=distributed(CHILD, ResultWriter={"WriterConfig": config}))
    assert ran(definition, [[1, [2]], 3, []]).output == output


@pytest.mark.parametrize(
    "writer", [{"Resource": "arn:aws:states:::s3:putObject"}, {"WriterConfig": {"Transformation": "NONE"}}]
)
def test_a_result_writer_that_exports_fails_when_it_is_reached(writer: dict[str, Any]) -> None:
    result = ran(machine(M=distributed(CHILD, ResultWriter=writer)), [1])
    assert result.error == "States.Runtime"
    assert result.cause is not None
    assert result.cause.endswith("The ResultWriter of a distributed Map is not available in this runtime.")


def test_children_know_no_outer_variables() -> None:
    definition = machine(
        A=state("Pass", Assign={"x": 1}, Next="M"),
        M=distributed(machine(C=state("Pass", Parameters={"x.$": "$x"})), ToleratedFailurePercentage=100),
    )
    assert ran(definition, [1]).output == []


def test_a_distributed_map_in_a_branch_times_out_with_its_execution() -> None:
    definition = machine(P=parallel(machine(M=distributed(machine(W=wait(AGES))))))
    result = ran(definition, [1, 2], execution_timeout=5)
    assert (result.status, result.billing.duration_ns) == ("TIMED_OUT", 5 * SECOND)


def test_a_child_that_never_waits_times_out_with_its_execution() -> None:
    tasks = express.Tasks()
    workflow = express.compile(machine(M=distributed(endless("L"))), tasks, type="STANDARD")
    result = run_clean(executed(workflow, [1, 2], execution_timeout=2), tick_ns=100_000)
    assert result.status == "TIMED_OUT"
    assert result.billing.duration_ns < 2.1 * SECOND


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("x" * 41, "Invalid Label name: " + "x" * 41 + " exceeds the 40-character limit allowed by the service"),
        ("a b", "Invalid Label name: a b"),
        ("a*", "Invalid Label name: a*"),
        ("", "Invalid Label name: "),
    ],
)
def test_labels(label: str, text: str) -> None:
    with pytest.raises(express.DefinitionError) as raised:
        ran(machine(M=distributed(CHILD, Label=label)), [])
    assert str(raised.value) == f"INVALID_LABEL_NAME: {text} at /States/M/Label"


def test_labels_are_unique() -> None:
    other = distributed(machine(V=state("Pass")), Label="same")
    with pytest.raises(
        express.DefinitionError, match="DUPLICATE_LABEL_NAME: Duplicate Label name: same at /States/N/Label"
    ):
        ran(machine(M=distributed(CHILD, Label="same", Next="N"), N=other), [])


def reading(config: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An ItemReader with a ReaderConfig."""
    return {"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config, **fields}}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"ToleratedFailurePercentage": 101}, "Maximum value is 100.0 at /States/M/ToleratedFailurePercentage"),
        ({"ToleratedFailureCount": -1}, "Minimum value is 0 at /States/M/ToleratedFailureCount"),
        ({"ItemBatcher": {"MaxItemsPerBatch": 0}}, "Minimum value is 1 at /States/M/ItemBatcher/MaxItemsPerBatch"),
        (
            {"ItemBatcher": {"MaxItemsPerBatch": 1, "Size": 1}},
            "Field 'Size' is not supported at /States/M/ItemBatcher",
        ),
        (
            {"ItemBatcher": {"BatchInput": {}}},
            (
                "This object should have at least one of the following fields: [MaxItemsPerBatchPath, "
                "MaxInputBytesPerBatch, MaxInputBytesPerBatchPath, MaxItemsPerBatch] at /States/M/ItemBatcher"
            ),
        ),
        (
            {"ToleratedFailureCount": 1, "ToleratedFailureCountPath": "$.c"},
            (
                "There should only be one of the following fields: [ToleratedFailureCountPath, ToleratedFailureCount] "
                "at /States/M"
            ),
        ),
        ({"ItemReader": {}}, "These fields are required: [Resource] at /States/M/ItemReader"),
        (
            {"ItemReader": {"Resource": "arn:aws:states:::s3:putObject"}},
            "The field 'Resource' does not match any of the allowed values at /States/M/ItemReader/Resource",
        ),
        (reading({}, From="x"), "Field 'From' is not supported at /States/M/ItemReader"),
        (
            reading({}, Parameters={"Key.$": "key"}),
            (
                "The value for the field 'Key.$' must be a valid JSONPath or a valid intrinsic function call "
                "at /States/M/ItemReader/Parameters"
            ),
        ),
        (
            reading({"InputType": "TXT"}),
            (
                "Value should be one of the following: [CSV, JSON, JSONL, PARQUET, MANIFEST] "
                "at /States/M/ItemReader/ReaderConfig/InputType"
            ),
        ),
        (
            reading({"InputType": "CSV"}),
            "The field 'CSVHeaderLocation' is required but was missing at /States/M/ItemReader/ReaderConfig",
        ),
        (
            reading({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}),
            "These fields are required: [CSVHeaders] at /States/M/ItemReader/ReaderConfig",
        ),
        (
            reading({"InputType": "JSON", "CSVHeaderLocation": "FIRST_ROW"}),
            "Field 'CSVHeaderLocation' is not supported at /States/M/ItemReader/ReaderConfig",
        ),
        (reading({"MaxItems": -1}), "Minimum value is 0 at /States/M/ItemReader/ReaderConfig/MaxItems"),
        (reading({"Rows": 1}), "Field 'Rows' is not supported at /States/M/ItemReader/ReaderConfig"),
        ({"ResultWriter": {}}, "Value cannot be empty at /States/M/ResultWriter"),
        (
            {"ResultWriter": {"Resource": "arn:aws:states:::s3:getObject"}},
            "The field 'Resource' does not match any of the allowed values at /States/M/ResultWriter/Resource",
        ),
        (
            {"ResultWriter": {"WriterConfig": {"OutputType": "CSV"}}},
            "Value should be one of the following: [JSON, JSONL] at /States/M/ResultWriter/WriterConfig/OutputType",
        ),
    ],
)
def test_fields(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(express.DefinitionError) as raised:
        ran(machine(M=distributed(CHILD, **fields)), [])
    assert str(raised.value) == f"SCHEMA_VALIDATION_FAILED: {text}"


def test_the_execution_type_is_needed() -> None:
    definition = machine(M=state("Map", ItemProcessor={**CHILD, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}))
    with pytest.raises(express.DefinitionError, match=r"These fields are required: \[ExecutionType\]"):
        ran(definition, [])
