"""JSON at the edges: what is JSON and what is not, its size, and crossing by value."""

from __future__ import annotations

import contextlib
import datetime
import inspect
import json
import sys
from collections import OrderedDict, defaultdict
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from express.foreign import MAX_DEPTH, NotJSON, find_foreign
from express.payload import (
    PAYLOAD_LIMIT,
    cross,
    encode,
    is_plain,
    is_too_long,
    measure,
    measure_array,
    outweighs,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def values(integers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    """JSON values; no number that JSON cannot say, no string that is no Unicode."""
    scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
    return st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20)


VALUES = values(st.integers())


@pytest.mark.slow
@settings(max_examples=300)
@given(VALUES)
def test_json_crosses_unchanged(value: Any) -> None:
    copy, size = cross(value)
    assert copy == value
    assert json.loads(text_of(value)) == value
    assert size == measure(value) == len(encode(value))


@pytest.mark.slow
@given(VALUES)
def test_what_has_crossed_shares_nothing(value: Any) -> None:
    copy, _ = cross(value)

    def containers(node: Any) -> list[int]:
        if isinstance(node, dict):
            return [id(node), *(found for member in node.values() for found in containers(member))]
        if isinstance(node, list):
            return [id(node), *(found for member in node for found in containers(member))]
        return []

    assert not set(containers(value)) & set(containers(copy))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (2**63, "9223372036854775808"),
        (2**64, "18446744073709551616"),
        ({"n": -(10**25)}, '{"n":-10000000000000000000000000}'),
        ("é", '"é"'),
        ('"\\\n', '"\\"\\\\\\n"'),
        ({"b": 1, "a": [1, {"c": None}]}, '{"b":1,"a":[1,{"c":null}]}'),
        ({"big": 10**20, "é": None}, '{"big":100000000000000000000,"é":null}'),
        ((1, (2,)), "[1,[2]]"),
    ],
)
def test_text_is_compact_utf8_in_the_order_of_the_keys(value: Any, text: str) -> None:
    assert text_of(value) == text
    assert measure(value) == len(text.encode())


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def circular() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


#: (value, where it stops being JSON).
FOREIGN: list[tuple[Callable[[], Any], str]] = [
    (lambda: float("nan"), "$ is nan, which is not a JSON number"),
    (lambda: [None, float("inf")], "$[1] is inf, which is not a JSON number"),
    (lambda: {"a": {"b": (1, float("-inf"))}}, "$.a.b[1] is -inf, which is not a JSON number"),
    (lambda: {"big": 2**70, "n": float("nan")}, "$.n is nan, which is not a JSON number"),
    (lambda: b"", "$ is a bytes, which is not JSON"),
    (lambda: [{"s": set()}], "$[0].s is a set, which is not JSON"),
    (lambda: 1j, "$ is a complex, which is not JSON"),
    (lambda: Decimal(1), "$ is a Decimal, which is not JSON"),
    (lambda: datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC), "$ is a datetime, which is not JSON"),
    (lambda: datetime.date(2025, 1, 1), "$ is a date, which is not JSON"),
    (lambda: datetime.time(1), "$ is a time, which is not JSON"),
    (lambda: {"a": [{(1, 2): 3}]}, "$.a[0] has a key that is no string: (1, 2)"),
    (lambda: ["\udc00"], "$[0] is a string with a lone surrogate, which is not valid Unicode"),
    (lambda: deep(MAX_DEPTH + 1), f"$[0][0][0]… is nested deeper than {MAX_DEPTH} levels"),
    (lambda: deep(100_000), f"$[0][0][0]… is nested deeper than {MAX_DEPTH} levels"),
    (circular, f"$.self.self.self… is nested deeper than {MAX_DEPTH} levels"),
]


@pytest.mark.parametrize(("make", "text"), FOREIGN)
@pytest.mark.parametrize("through", [encode, measure, text_of, cross])
def test_what_is_no_json_is_refused_with_its_place(make: Any, text: str, through: Any) -> None:
    with pytest.raises(NotJSON) as raised:
        through(make())
    assert str(raised.value) == text


def test_a_surrogate_in_a_key_is_named_too() -> None:
    with pytest.raises(NotJSON, match="surrogate"):
        encode({"\udc00": 1})


def test_a_number_too_long_to_write_is_refused() -> None:
    with pytest.raises(NotJSON, match=r"^\$ cannot be written as JSON"):
        encode({"n": 10**5000})


@pytest.mark.parametrize("value", [None, [None], {"a": None}, {"a": [1, "null", None]}, "null"])
def test_a_null_is_no_nan(value: Any) -> None:
    assert find_foreign(value) is None
    assert cross(value)[0] == value


def test_the_deepest_value_crosses() -> None:
    assert cross(deep(MAX_DEPTH))[0] == deep(MAX_DEPTH)


# --------------------------------------------------------------------------------------------------------------
# where orjson and Lambda's `json` differ


class Colour(Enum):
    RED = 1


class Level(IntEnum):
    HIGH = 3


class Kind(StrEnum):
    RUSH = "rush"


class TextColour(str, Enum):  # noqa: UP042 - how it was written before StrEnum
    RED = "red"


class Access(Flag):
    READ = 1


class Pair(NamedTuple):
    one: int
    other: int


class Half(float):
    pass


#: (what orjson writes as if it were JSON, the place).
TAKEN_BY_ORJSON: list[tuple[Any, str]] = [
    (UUID(int=1), "$ is a UUID, which is not JSON"),
    ({"id": [UUID(int=1)]}, "$.id[0] is a UUID, which is not JSON"),
    (Colour.RED, "$ is a Colour, which is not JSON"),
    ({"colours": {"a": Colour.RED}, "null": None}, "$.colours.a is a Colour, which is not JSON"),
    ([(1, Access.READ)], "$[0][1] is a Access, which is not JSON"),
    (orjson.Fragment(b"[1]"), "$ is a Fragment, which is not JSON"),
    (orjson.Fragment(b"no json"), "$ is a Fragment, which is not JSON"),
    ({"a": {(1, 2): 3}}, "$.a has a key that is no string: (1, 2)"),
    ({Colour.RED: 3}, "$ has a key that is no string: <Colour.RED: 1>"),
]


@pytest.mark.parametrize(("value", "text"), TAKEN_BY_ORJSON)
def test_only_json_crosses(value: Any, text: str) -> None:
    with pytest.raises(NotJSON) as raised:
        cross(value)
    assert str(raised.value) == text


#: What Python's `json` writes: the copy is what reading that text gives.
CONVERTED: list[Any] = [
    (1, (2, [])),
    {"a": (None,)},
    Pair(1, 2),
    [Level.HIGH, Kind.RUSH, TextColour.RED, Half(1.5), True],
    defaultdict(list, a=[1]),
    OrderedDict(b=1, a=2),
    {1: "a", 1.5: "b", None: "c"},
    {True: "a"},
    {Level.HIGH: 1, Kind.RUSH: 2},
]


@pytest.mark.parametrize("value", CONVERTED)
def test_what_crosses_is_what_its_text_says(value: Any) -> None:
    copy, size = cross(value)
    text = json.dumps(value, separators=(",", ":"))
    assert json.dumps(copy, separators=(",", ":")) == text
    assert size == len(text)
    assert is_plain(copy)


def test_keys_of_an_input_are_strings() -> None:
    """An input is not copied, so a key cannot become its text."""
    with pytest.raises(NotJSON, match="key that is no string: 1"):
        encode({"a": {1: "a"}})


def test_a_place_is_always_text() -> None:
    with pytest.raises(NotJSON) as raised:
        cross({"\ud800": {1, 2}})
    assert str(raised.value) == "$.? is a set, which is not JSON"


# --------------------------------------------------------------------------------------------------------------
# what may be shared


@pytest.mark.slow
@given(values(st.integers(-(2**63), 2**64 - 1)))
def test_json_is_plain(value: Any) -> None:
    assert is_plain(value)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_numbers_that_orjson_cannot_write_cross_but_are_not_plain(number: int) -> None:
    assert not is_plain([number])
    assert cross([number])[0] == [number]


@pytest.mark.parametrize("value", [*CONVERTED, *(value for value, _ in TAKEN_BY_ORJSON)])
def test_what_would_change_in_crossing_is_not_plain(value: Any) -> None:
    assert not is_plain(value)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "text"), FOREIGN)
def test_what_is_no_json_is_not_plain(make: Any, text: str) -> None:
    assert not is_plain(make())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(_JSON, max_size=200), st.integers(0, 5000))
def test_an_array_is_measured_as_far_as_needed(items: list[Any], most: int) -> None:
    size, whole = measure_array(items, most), len(orjson.dumps(items))
    assert size == whole if whole <= most else most < size <= whole


@given(_JSON, st.integers(0, 300))
def test_what_outweighs_is_longer(value: Any, most: int) -> None:
    if outweighs(value, most):
        assert len(orjson.dumps(value)) > most


def test_copies_are_weighed_each_time() -> None:
    value: Any = "x" * 50
    for _ in range(60):
        value = [value, value]
    assert outweighs(value, 1_000_000)
    assert not outweighs([["x" * 50] * 10] * 10, 10_000)


def test_what_is_no_json_is_not_weighed() -> None:
    assert not outweighs([{1: "x" * 1000}, object()], 10)


# --------------------------------------------------------------------------------------------------------------
# what is long


ROW: Any = {"text": "x" * 100}
SHARED: Any = [[ROW] * 1000] * 1000
DEEP: Any = [0] * 10
for _ in range(12):
    DEEP = [DEEP] * 10


@pytest.mark.parametrize(
    ("value", "is_long"),
    [
        (SHARED, True),
        ({"rows": SHARED}, True),
        ({"a": 1, "b": {"rows": SHARED}}, True),
        ((1, SHARED), True),
        ([1, 2, 3, 4, 5, 6, DEEP], True),
        (DEEP, True),
        ([{"n": n} for n in range(200_000)], True),
        ("x" * 300_000, True),
        ({"a": "x" * 300_000}, True),
        ({"a": ["x" * 300_000]}, True),
        ([1] * 100_000, False),
        ([{"n": n, "text": "some text"} for n in range(8_000)], False),
        # What the first are like is what the others are taken for, unless that comes to too much.
        ([{"n": [1] * 1000}, *[1] * 1000], False),
        ({"a": 1}, False),
        ({}, False),
        (None, False),
        ("short", False),
    ],
)
def test_what_is_better_not_written_down(value: Any, is_long: bool) -> None:
    assert is_too_long(value, PAYLOAD_LIMIT) == is_long


def test_what_holds_itself_is_not_too_long_but_no_json() -> None:
    value: list[Any] = []
    value.append(value)
    assert not is_too_long(value, PAYLOAD_LIMIT)
    with pytest.raises(NotJSON):
        cross(value)


@pytest.mark.parametrize("value", ["x" * 100, ["x"] * 30, (1,) * 60, {"n": 2**70, "text": "x" * 80}])
def test_what_is_longer_than_it_may_be_is_not_read_back(value: Any) -> None:
    size = len(json.dumps(value, separators=(",", ":")))
    assert cross(value, size - 1) == (None, size)
    assert cross(value, size) == (json.loads(json.dumps(value)), size)


LONG: Any = [{"id": number, "none": None, "text": "null"} for number in range(1000)]


def test_a_nan_is_found_among_many_nulls() -> None:
    assert len(encode(LONG)) > 10_000
    with pytest.raises(NotJSON, match=r"^\$\[1000\]\.x is nan"):
        encode([*LONG, {"x": float("nan")}])
    with pytest.raises(NotJSON, match=r"^\$\[1000\] is inf"):
        encode([*LONG, float("inf")])
    assert encode([*LONG, (1, 2)]).endswith(b",[1,2]]")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([(1, 2)] * 1000 + [{1}], r"^\$\[1000\] is a set"),
        ([(1, 2)] * 1000 + [{"a": (1, float("nan"))}], r"^\$\[1000\]\.a\[1\] is nan"),
        ([2**70] * 1000 + ["\ud800"], r"^\$\[1000\] is a string with a lone surrogate"),
        ([2**70] * 1000 + [{"\ud800": 1}], "surrogates not allowed"),
        ([2**70] * 1000 + [{b"a": 1}], r"^\$\[1000\] has a key that is no string: b'a'"),
    ],
)
def test_what_is_no_json_is_found_among_much_that_orjson_does_not_take(value: Any, place: str) -> None:
    with pytest.raises(NotJSON, match=place):
        cross(value)


def test_tuples_and_long_numbers_cross_among_others() -> None:
    value = [(1, (2, "ü"), {"a": ()})] * 1000
    assert cross(value)[0] == json.loads(json.dumps(value))
    numbers = [2**70, 1, None, True, 1.5] * 1000
    assert cross(numbers)[0] == numbers


LONG_NUMBER = 2**70


def _in_arrays(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        [*range(5_000), LONG_NUMBER],
        {"detail": {"values": [1.5] * 5_000 + [LONG_NUMBER], "none": None, 'n"ä': [1]}},
        {f"column {number}": [number] * 300 for number in range(100)} | {"last": LONG_NUMBER},
        {f"key {number}": number for number in range(1_000)} | {"last": LONG_NUMBER},
        [{"a": index, "b": [LONG_NUMBER, {}]} for index in range(2_000)],
        [[[index, LONG_NUMBER]] * 3 for index in range(2_000)],
        [(index, (index,)) for index in range(2_000)] + [-LONG_NUMBER],
        _in_arrays([1] * 1_000 + [LONG_NUMBER], 200),
        {"a": [True, {}, [], "", LONG_NUMBER], "b": {"c": {"d": {"e": LONG_NUMBER}}}},
    ],
    ids=["array", "nested", "columns", "many keys", "rows", "small arrays", "tuples", "deep", "small objects"],
)
def test_a_long_number_among_much_else(value: Any) -> None:
    """orjson takes none of these as a whole."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    copy, size = cross(value)
    assert json.dumps(copy, ensure_ascii=False, separators=(",", ":")) == text_of(value) == text
    assert size == measure(value) == len(text.encode())
    copied: list[Any] = [copy]
    while copied:
        node = copied.pop()
        assert type(node) is not tuple
        copied.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())


@pytest.mark.slow
@settings(max_examples=300)
@given(values(st.integers() | st.just(LONG_NUMBER)), st.integers(0, 300), st.booleans())
def test_parts_make_up_the_whole(value: Any, count: int, is_object: bool) -> None:
    """Whatever is divided how."""
    many: Any = {f"k{index}": value for index in range(count)} if is_object else [value] * count
    whole = [many, {"a": many, "b": (value, LONG_NUMBER)}]
    assert cross(whole)[0] == json.loads(json.dumps(whole))
    assert json.loads(encode(whole)) == json.loads(json.dumps(whole))


@pytest.mark.parametrize("around", [lambda inner: [inner, LONG_NUMBER], lambda inner: {"a": inner, "b": LONG_NUMBER}])
@pytest.mark.parametrize("bottom", [1, LONG_NUMBER], ids=["short", "long"])
@pytest.mark.parametrize("through", [encode, cross])
def test_a_part_lies_as_deep_as_in_the_whole(through: Callable[[Any], Any], bottom: int, around: Any) -> None:
    through(around([around(_in_arrays(bottom, 250)), 1]))
    with pytest.raises(NotJSON, match="nested deeper than 254 levels"):
        through(around([around(_in_arrays(bottom, 252)), 1]))


@pytest.mark.parametrize("foreign", [float("nan"), UUID(int=0)], ids=["nan", "uuid"])
@pytest.mark.parametrize("distance", [0, 1_000])
def test_what_is_no_json_is_found_beside_a_long_number(foreign: object, distance: int) -> None:
    value = {"a": {"b": [LONG_NUMBER, *[None] * distance, foreign]}}
    for through in (cross, encode):
        with pytest.raises(NotJSON, match=rf"^\$\.a\.b\[{distance + 1}\] is "):
            through(value)


@pytest.mark.parametrize("frames", [20, 40, 60, 80, 120])
def test_a_long_number_deep_down_where_the_stack_is_nearly_full(frames: int) -> None:
    value: Any = [LONG_NUMBER]
    for _ in range(40):
        value = [value, 1]

    def deeper(left: int) -> Any:
        return deeper(left - 1) if left else cross(value)[0]

    used = len(inspect.stack(0))
    with contextlib.suppress(NotJSON):
        assert deeper(sys.getrecursionlimit() - used - frames) == value


def test_what_shares_its_parts_is_too_long_and_not_written_down() -> None:
    """43 million values, of which `is_too_long` sees the first few."""
    value: Any = 1
    for _ in range(8):
        value = [value] * 9
    assert cross({**{f"k{index}": 0 for index in range(40)}, "b": LONG_NUMBER, "x": value}, PAYLOAD_LIMIT)[0] is None
    texts = [["x" * 200_000] * 100] * 100
    assert cross({**{f"k{index}": 0 for index in range(40)}, "b": LONG_NUMBER, "x": texts}, PAYLOAD_LIMIT)[0] is None


@pytest.mark.parametrize("text", [b"null", b"[null", b"nullnull"])
def test_what_is_written_as_it_stands_may_be_no_json(text: bytes) -> None:
    """orjson writes a Fragment unseen, and nothing may stumble over it."""
    with pytest.raises(NotJSON):
        cross({"a": orjson.Fragment(text)})
    assert measure({"a": orjson.Fragment(text)}) == len(text) + 6


def test_a_deep_value_with_a_null_is_no_matter_how_deep_the_stack_is() -> None:
    value: Any = [None]
    for _ in range(250):
        value = [value]

    def deeper(frames: int) -> bytes:
        return encode(value) if not frames else deeper(frames - 1)

    assert deeper(sys.getrecursionlimit() - 250).count(b"null") == 1


def test_a_result_somewhat_too_long_is_no_json_first() -> None:
    """As with Lambda, whose runtime writes it before anybody counts."""
    with pytest.raises(NotJSON, match=r"^\$\[1\] is a UUID"):
        cross(["x" * 200, UUID(int=0)], 100)
    assert cross(["x" * 1_000, UUID(int=0)], 100)[0] is None
