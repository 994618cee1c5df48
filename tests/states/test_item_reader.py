"""ItemReader: the items of a distributed Map come from handlers that stand for S3."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import express
from tests.runtime.machines import catching, executed, machine, run_clean, state

if TYPE_CHECKING:
    from express.types import JSON

S3 = "arn:aws:states:::s3:"
CONFIG = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
WHERE = {"Bucket": "b", "Key": "k"}
PASSING = machine(P=state("Pass"))


def reading(config: dict[str, Any] | None = None, action: str = "getObject", **fields: Any) -> dict[str, Any]:
    parameters = {"Bucket": "b"} if action == "listObjectsV2" else WHERE
    reader = {"Resource": S3 + action, "Parameters": parameters}
    if config is not None:
        reader["ReaderConfig"] = config
    return state("Map", **{"ItemProcessor": {**PASSING, "ProcessorConfig": CONFIG}, "ItemReader": reader, **fields})


def compiled(definition: dict[str, Any], **objects: Any) -> express.Workflow:
    """`objects` by key; those of another bucket are not there."""
    tasks = express.Tasks()

    @tasks.task(S3 + "getObject")
    async def get_object(request: dict[str, JSON]) -> Any:
        if request["Bucket"] != "b" or request["Key"] not in objects:
            raise express.TaskError("S3.NoSuchKeyException", f"no {request['Key']}")
        return {"Body": objects[str(request["Key"])]}

    @tasks.task(S3 + "listObjectsV2")
    def list_objects(request: dict[str, Any]) -> Any:
        """One by one."""
        keys = sorted(objects)
        first = int(request.get("ContinuationToken", 0))
        found = [
            {
                "Key": key,
                "Size": len(objects[key]),
                "ETag": "e",
                "LastModified": datetime(2026, 1, 1, tzinfo=UTC),
                "x": 1,
            }
            for key in keys[first : first + 1]
        ]
        more = {"IsTruncated": True, "NextContinuationToken": str(first + 1)} if first + 1 < len(keys) else {}
        return {"Contents": found, **more}

    return express.compile(definition, tasks, type="STANDARD")


def read(body: Any, config: dict[str, Any] | None = None, event: JSON = None, **fields: Any) -> express.Result:
    return run_clean(executed(compiled(machine(M=reading(config, **fields)), k=body), event))


#: Of Java 17: the keys k0, k7 ... k84 of a HashMap. The thirteenth has made it grow.
JAVA = ["k0", "k70", "k84", "k42", "k63", "k77", "k21", "k7", "k35", "k56", "k14", "k28", "k49"]
CSV = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
READ: dict[str, tuple[Any, dict[str, Any] | None, JSON]] = {
    "json": ("[1, 2]", {"InputType": "JSON"}, [1, 2]),
    "no config": ("[1, 2]", None, [1, 2]),
    "bytes with a mark": (b"\xef\xbb\xbf[1]", None, [1]),
    "gzip": (gzip.compress(b"[1]"), None, [1]),
    "a stream": (io.BytesIO(b"[1]"), None, [1]),
    "an object": ('{"a": 1}', None, [{"Key": "a", "Value": 1}]),
    "a pointer": ('{"a": [{"b": [3]}]}', {"InputType": "JSON", "ItemsPointer": "/a/0/b"}, [3]),
    "lines": ('{"a": 1}\n\n2\r\n', {"InputType": "JSONL"}, [{"a": 1}, 2]),
    "nothing": ("[]", None, []),
    "csv": ('a,b\n1,"x ""y""\nz"\n\n2\n3,4,5\n', CSV, [{"a": "1", "b": 'x "y"\nz'}, {"a": "2", "b": ""}, {"a": "3", "b": "4"}]),
    "backslashes": ('a,b\n\\"1\\",\\x\\,\\\\\n', CSV, [{"a": '"1"', "b": "x,\\"}]),
    "pipes": ("a|b\n1|2\n", {**CSV, "CSVDelimiter": "PIPE"}, [{"a": "1", "b": "2"}]),
    "headers": ("1,2\n", {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"]}, [{"x": "1"}]),
    "no rows": ("", CSV, []),
    "the first": ("[1, 2, 3]", {"InputType": "JSON", "MaxItems": 2}, [1, 2]),
    "all": ("[1, 2, 3]", {"InputType": "JSON", "MaxItems": 0}, [1, 2, 3]),
    "by path": ("[1, 2, 3]", {"InputType": "JSON", "MaxItemsPath": "$.most"}, [1]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "config", "items"), READ.values(), ids=READ.keys())
def test_items(body: Any, config: dict[str, Any] | None, items: JSON) -> None:
    assert read(body, config, {"most": 1}).output == items


FAILING: dict[str, tuple[Any, dict[str, Any] | None, str]] = {
    "no json": ("[1", None, "The data is not valid JSON"),
    "no array": ("1", None, "Attempting to map over non-iterable node."),
    "no line of json": ("1\nx", {"InputType": "JSONL"}, "The data is not valid JSON"),
    "headers": ("a,a\n1,2", CSV, "CSV headers cannot contain duplicates."),
    "pointer": ("{}", {"InputType": "JSON", "ItemsPointer": "/a"}, "The data has nothing at the ItemsPointer '/a'"),
    "no text": (b"\xff", None, "The object is not valid UTF-8"),
    "no gzip": (b"\x1f\x8bx", None, "The object is not valid gzip"),
    "number": (5, None, "The Body of the object is a int, not bytes or text"),
    "parquet": ("", {"InputType": "PARQUET"}, "The InputType PARQUET is not available in this runtime."),
    "negative": ("[]", {"InputType": "JSON", "MaxItemsPath": "$.most"}, "field MaxItems must be positive"),
}


@pytest.mark.parametrize(("body", "config", "cause"), FAILING.values(), ids=FAILING.keys())
def test_what_cannot_be_read_fails_the_map(body: Any, config: dict[str, Any] | None, cause: str) -> None:
    result = read(body, config, {"most": -1})
    assert result.error == "States.ItemReaderFailed"
    assert str(result.cause).startswith(cause)


def test_a_failure_to_read_is_caught_and_retried() -> None:
    definition = machine(
        M=reading(
            Retry=[{"ErrorEquals": ["States.ItemReaderFailed"], "MaxAttempts": 1}], Catch=catching("States.ALL", to="C")
        ),
        C=state("Pass"),
    )
    result = run_clean(executed(compiled(definition)))
    assert result.output == {"Error": "States.ItemReaderFailed", "Cause": "no k"}


def test_the_items_of_the_input_are_not_looked_at() -> None:
    """As recorded for ItemsPath."""
    assert read("[1]", ItemsPath="$.nothing", event={"a": 1}).output == [1]


def test_an_item_knows_where_it_comes_from() -> None:
    selector = {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "s.$": "$$.Map.Item.Source", "e.$": "$.e"}
    result = read("[7]", event={"e": 1}, ItemSelector=selector)
    assert result.output == [{"i": 0, "v": 7, "s": "S3://b/k", "e": 1}]


def test_items_in_batches() -> None:
    assert read("[1, 2, 3]", ItemBatcher={"MaxItemsPerBatch": 2}).output == [{"Items": [1, 2]}, {"Items": [3]}]


def test_listed_objects() -> None:
    result = run_clean(executed(compiled(machine(M=reading(action="listObjectsV2")), a="1", b="22")))
    listed = {"Etag": "e", "LastModified": 1_767_225_600}
    assert result.output == [{**listed, "Key": "a", "Size": 1}, {**listed, "Key": "b", "Size": 2}]


def test_listed_objects_are_no_more_than_wanted() -> None:
    definition = machine(M=reading({"MaxItems": 1}, action="listObjectsV2"))
    assert [entry["Key"] for entry in run_clean(executed(compiled(definition, a="1", b="2"))).output] == ["a"]


def test_the_items_of_all_listed_objects() -> None:
    config = {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}
    workflow = compiled(machine(M=reading(config, action="listObjectsV2")), a="[1, 2]", b="[3]")
    assert run_clean(executed(workflow)).output == [1, 2, 3]


def test_arguments_in_jsonata() -> None:
    reader = {
        "Resource": S3 + "getObject",
        "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "k"},
        "ReaderConfig": {"InputType": "JSON", "MaxItems": "{% 1 + 1 %}"},
    }
    definition = machine(
        M=state("Map", ItemProcessor={**PASSING, "ProcessorConfig": CONFIG}, ItemReader=reader, QueryLanguage="JSONata")
    )
    workflow = compiled(definition, k="[1, 2, 3]")
    assert run_clean(executed(workflow, {"bucket": "b"})).output == [1, 2]


@pytest.mark.parametrize("blocking", [False, True], ids=["inline", "thread"])
def test_handlers_of_any_kind_with_a_context(blocking: bool) -> None:
    seen: list[str] = []

    def get_object(request: JSON, context: express.TaskContext) -> JSON:
        seen.append(f"{context.state_name} {context.resource} {json.dumps(request)}")
        return {"Body": "[1]"}

    tasks = express.Tasks()
    tasks.add(S3 + "*", get_object, blocking=blocking)
    workflow = express.compile(machine(M=reading()), tasks, type="STANDARD")
    assert run_clean(executed(workflow)).output == [1]
    assert seen == [f"M {S3}getObject {json.dumps(WHERE)}"]


def test_a_handler_gets_and_gives_copies() -> None:
    """It may change the request it got, and later what it has listed."""
    listed: list[JSON] = []

    async def list_objects(request: dict[str, JSON]) -> JSON:
        request["Bucket"] = "changed"
        listed.append({"Key": ["k"]})
        asyncio.get_running_loop().call_soon(listed.clear)
        return {"Contents": listed}

    tasks = express.Tasks()
    tasks.add(S3 + "listObjectsV2", list_objects)
    reader = {"Resource": S3 + "listObjectsV2", "Arguments": "{% $states.input %}"}
    processor = {**PASSING, "ProcessorConfig": CONFIG}
    definition = machine(M=state("Map", ItemProcessor=processor, ItemReader=reader, QueryLanguage="JSONata"))
    event = {"Bucket": "b"}
    result = run_clean(executed(express.compile(definition, tasks, type="STANDARD"), event))
    assert result.output == [{"Key": ["k"]}]
    assert event == {"Bucket": "b"}


@pytest.mark.parametrize(
    ("arguments", "contents", "cause"),
    [
        ("{% [1] %}", [], "The arguments of the ItemReader are no object: [1]"),
        ({}, [{"Key": {1, 2}}], "The answer of listObjectsV2 is not JSON: $[0].Key is a set"),
        ({}, "none", "The answer of listObjectsV2 has no Contents"),
    ],
    ids=["arguments", "set", "contents"],
)
def test_what_is_no_json_is_refused(arguments: JSON, contents: Any, cause: str) -> None:
    tasks = express.Tasks()
    tasks.add(S3 + "*", lambda request: {"Contents": contents})
    reader = {"Resource": S3 + "listObjectsV2", "Arguments": arguments}
    processor = {**PASSING, "ProcessorConfig": CONFIG}
    definition = machine(M=state("Map", ItemProcessor=processor, ItemReader=reader, QueryLanguage="JSONata"))
    result = run_clean(executed(express.compile(definition, tasks, type="STANDARD")))
    assert result.error == "States.ItemReaderFailed"
    assert str(result.cause).startswith(cause)


def test_a_listing_without_an_end_does_not_hold_the_loop() -> None:
    async def main() -> str:
        tasks = express.Tasks()
        tasks.add(S3 + "*", lambda request: {"Contents": [], "IsTruncated": True, "NextContinuationToken": "t"})
        workflow = express.compile(machine(M=reading(action="listObjectsV2")), tasks, type="STANDARD")
        async with express.Runtime(execution_timeout=1) as runtime:
            return (await runtime.execute(workflow)).status

    assert run_clean(main(), tick_ns=1_000_000) == "TIMED_OUT"


def test_a_reader_nobody_serves_is_a_mistake() -> None:
    with pytest.raises(express.DefinitionError, match="s3:getObject"):
        express.compile(machine(M=reading()), express.Tasks(), type="STANDARD")
    workflow = express.compile(machine(M=reading()), express.Tasks(), type="STANDARD", unresolved="fail-at-run")
    result = run_clean(executed(workflow))
    assert (result.error, result.cause) == ("States.ItemReaderFailed", f"Nothing serves {S3}getObject")


def test_children_may_wait_and_the_map_be_stopped() -> None:
    async def main() -> tuple[str, JSON]:
        definition = machine(
            M=reading(ItemProcessor={**machine(W=state("Wait", Seconds=5)), "ProcessorConfig": CONFIG})
        )
        workflow = compiled(definition, k="[1, 2]")
        async with express.Runtime() as runtime:
            stopped = await runtime.start(workflow)
            other = await runtime.start(workflow)
            stopped.stop()
            return (await stopped).status, (await other).output

    assert run_clean(main()) == ("ABORTED", [1, 2])


@pytest.mark.parametrize(
    ("headers", "members"),
    [
        (["0", "True", "{}"], ["0", "{}", "True"]),
        (["H1", ""], ["", "H1"]),
        ([f"k{number * 7}" for number in range(13)], JAVA),
    ],
    ids=["recorded", "recorded empty", "grown"],
)
def test_members_in_the_order_of_java(headers: list[str], members: list[str]) -> None:
    (item,) = read(",".join(headers) + "\n" + ",".join(headers), CSV).output
    assert item == dict(zip(headers, headers, strict=True))
    assert list(item) == members
