"""What Step Functions adds to JSONata. Rows marked "recorded" were seen in the service, most others measured there by
floci-io/floci."""

from __future__ import annotations

import uuid

import pytest

from express.expressions.jsonata.evaluation import Limits
from express.expressions.jsonata.functions import BUILTINS
from express.expressions.jsonata.values import UNDEFINED, Value
from tests.expressions.jsonata.calling import call, exactly, label, refused

RESULTS: list[tuple[str, list[Value], Value]] = [
    ("partition", [[0], 1], [[0]]),  # recorded
    ("partition", [[0, 1, 2], 2], [[0, 1], [2]]),  # recorded
    ("partition", [[0, 1, 2], 5], [[0, 1, 2]]),  # recorded
    ("partition", [[0, 1, 2], 2.9], [[0, 1], [2]]),
    ("partition", [[], 2], UNDEFINED),
    ("partition", [[1, 2], UNDEFINED], [[1, 2]]),
    ("partition", [[1], 0.5], UNDEFINED),
    ("partition", [[1], -0.5], UNDEFINED),
    ("partition", [UNDEFINED, 2], UNDEFINED),
    ("range", [1, 9, 9], 1),  # recorded
    ("range", [1, 9, 2], [1, 3, 5, 7, 9]),  # recorded
    ("range", [0, 10, 3], [0, 3, 6, 9]),
    ("range", [5, 1, -2], [5, 3, 1]),
    ("range", [1, 5, -1], UNDEFINED),
    ("range", [1.9, 4.9, 1.9], [1, 2, 3, 4]),
    ("range", [-1.7, 2, 1], [-1, 0, 1, 2]),
    ("range", [2, 2, -7], 2),
    ("range", [1, 2, 0], UNDEFINED),
    ("range", [1, 2, 0.5], UNDEFINED),
    ("range", [1, 2], UNDEFINED),
    ("hash", ["input data", "MD5"], "812f45842bc6d66ee14572ce20db8e86"),
    ("hash", ["input data", "SHA-1"], "aaff4a450a104cd177d28d18d74485e8cae074b7"),
    ("hash", ["input data", "SHA-256"], "b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3"),
    (
        "hash",
        ["é", "SHA-384"],
        "41a2ddb34dca0b400fa9b73a368307acbed758e85ce50527d1655a263a10e20eefa18f8116767a128877a97c11160a26",
    ),
    ("hash", ["a", UNDEFINED], UNDEFINED),
    ("random", [42], 0.7275636800328681),  # new java.util.Random(42).nextDouble()
    ("random", [42.9], 0.7275636800328681),
    ("random", [0], 0.730967787376657),
    ("random", [-1], 0.26894263088050496),
    ("random", [-1.7], 0.26894263088050496),
    ("parse", ["1.1"], 1.1),  # recorded
    ("parse", ["true"], True),  # recorded
    ("parse", ['"HelloWorld"'], "HelloWorld"),  # recorded
    ("parse", [' {"a": [null, -0.5e1]} '], {"a": [None, -5]}),
    ("parse", ["[1.0, 1e2, 1.5]"], [1, 100, 1.5]),
    ("parse", ["[9223372036854775807, 9223372036854775808]"], [2**63 - 1, 2.0**63]),
    ("parse", ['{"a": {"a": "\\"a\\":"}, "b" : {"a": 1}}'], {"a": {"a": '"a":'}, "b": {"a": 1}}),
    ("parse", [UNDEFINED], UNDEFINED),
]


@pytest.mark.parametrize(("name", "arguments", "result"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], result: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(result)


ERRORS: list[tuple[str, list[Value], str, int | None]] = [
    ("partition", [[1], -1], "D3137", None),
    ("partition", [[1], "1"], "T0410", 2),
    ("partition", [5, 2], "T0412", 1),
    ("range", [UNDEFINED, 4, 1], "T0410", 1),
    ("range", [1, UNDEFINED, 1], "T0410", 2),
    ("range", [1, 4, "1"], "T0410", 3),
    ("range", [1, 1e300, 1], "U1002", None),
    ("hash", ["a", "MD4"], "D3137", None),
    ("hash", [UNDEFINED, "MD5"], "T0410", 1),
    ("hash", ["a", 5], "T0410", 2),
    ("hash", [5, "MD5"], "T0410", 1),
    ("random", ["a"], "T0410", 1),
    ("uuid", [1], "T0410", 1),
    ("parse", [""], "D3137", None),
    ("parse", ["{"], "D3137", None),
    ("parse", ["NaN"], "D3137", None),
    ("parse", ['"\ud800"'], "D3137", None),
    ("parse", ["9" * 5000], "D3137", None),
    ("parse", ["[" * 10_000], "D3137", None),
    ("parse", [" "], "D3137", None),
    ("parse", ["1 2"], "D3137", None),
    ("parse", ["1e999"], "D3137", None),
    ("parse", ['[{"a": 1, "a" : 1}]'], "D3137", None),
]


@pytest.mark.parametrize(("name", "arguments", "code", "index"), ERRORS, ids=label)
def test_errors(name: str, arguments: list[Value], code: str, index: int | None) -> None:
    error = refused(name, *arguments)
    assert (error.code, error.details.get("index")) == (code, index)


MESSAGES: list[tuple[str, list[Value], str]] = [
    ("partition", [[1], -1], "D3137: Second argument must be zero or greater"),
    ("partition", [1, 2], 'T0412: Argument 1 of function "partition" must be an array of undefined'),
    ("hash", ["a", "MD4"], "D3137: Hash algorithm 'MD4' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5"),
    ("hash", [UNDEFINED, "MD5"], 'T0410: Argument 1 of function "hash" does not match function signature'),
    ("parse", ["{"], "D3137: Invalid JSON"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), MESSAGES, ids=label)
def test_messages(name: str, arguments: list[Value], message: str) -> None:
    """As measured in floci-io/floci."""
    assert str(refused(name, *arguments)) == message


def test_random_numbers_differ_and_are_below_one() -> None:
    numbers = {call("random") for _ in range(100)}
    assert len(numbers) == 100
    assert all(0 <= number < 1 for number in numbers)


def test_uuids_are_random() -> None:
    first, second = uuid.UUID(call("uuid")), uuid.UUID(call("uuid"))
    assert first != second
    assert (first.version, second.version) == (4, 4)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("range", [1, 1000, 1]), ("partition", [[1] * 1000, 1]), ("hash", ["a" * 1000, "MD5"]), ("parse", [" " * 1000])],
)
def test_much_costs_more(name: str, arguments: list[Value]) -> None:
    assert refused(name, *arguments, limits=Limits(steps=10)).code == "U1001"


def test_additions_are_known_as_such() -> None:
    added = {name for name, builtin in BUILTINS.items() if builtin.aws}
    assert added == {"partition", "range", "hash", "random", "uuid", "parse"}
    assert "eval" not in BUILTINS
