"""What is said about parameters that cannot be read or break a constraint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from express.api.constraints import Boolean, Integer, ListOf, Structure, Text, reader
from express.service import ServiceError

if TYPE_CHECKING:
    from express.types import JSON

PAIR = Structure("Pair", {"name": Text(5, 1), "weight": Integer(0, 100)}, ("name", "weight"))
SHAPE = Structure(
    "Input",
    {
        "name": Text(5, 2),
        "secret": Text(3, sensitive=True),
        "kind": Text(values=("A", "B")),
        "word": Text(pattern=r"^(?=.*[a-z])[a-z0-9]+$"),
        "size": Integer(1, 1000),
        "flag": Boolean(),
        "pairs": ListOf(PAIR, 2, 1),
        "needed": Text(),
        "whispered": Text(sensitive=True),
    },
    ("needed",),
)
READ = reader(SHAPE)

FITTING: list[JSON] = [
    {"needed": ""},
    {"needed": "x", "name": "ab", "secret": "abc", "kind": "B", "word": "a1", "size": 1000, "flag": False},
    {"needed": "x", "pairs": [{"name": "a", "weight": 0}, {"name": "b", "weight": 100}]},
]

READ_DIFFERENTLY: list[tuple[str, JSON, JSON]] = [
    ("null is not given", {"needed": "x", "name": None}, {"needed": "x"}),
    ("unknown members are ignored", {"needed": "x", "who": {"knows": 1}}, {"needed": "x"}),
    ("fractions are cut", {"needed": "x", "size": 2.9}, {"needed": "x", "size": 2}),
    (
        "nulls in a list are no members",
        {"needed": "x", "pairs": [None, {"name": "a", "weight": 1, "z": 1}]},
        {"needed": "x", "pairs": [{"name": "a", "weight": 1}]},
    ),
]

UNREADABLE: list[tuple[JSON, str]] = [
    ([], "Start of list found where not expected"),
    ("text", "STRING_VALUE can not be converted to a Structure"),
    (None, "NULL_VALUE can not be converted to a Structure"),
    ({"name": 1}, "NUMBER_VALUE can not be converted to a String"),
    ({"name": True}, "TRUE_VALUE can not be converted to a String"),
    ({"name": False}, "FALSE_VALUE can not be converted to a String"),
    ({"name": {}}, "Start of structure or map found where not expected."),
    ({"name": ["a"]}, "Start of list found where not expected"),
    ({"size": "5"}, "STRING_VALUE can not be converted to an Integer"),
    ({"size": True}, "TRUE_VALUE can not be converted to an Integer"),
    ({"flag": "true"}, "STRING_VALUE can not be converted to a Boolean"),
    ({"pairs": "x"}, "STRING_VALUE can not be converted to a List"),
    ({"pairs": [{"name": 1.5}]}, "NUMBER_VALUE can not be converted to a String"),
]

_FAILED = "failed to satisfy constraint: Member must"
VIOLATIONS: list[tuple[JSON, list[str]]] = [
    ({}, [f"Value null at 'needed' {_FAILED} not be null"]),
    ({"name": "a"}, [f"Value 'a' at 'name' {_FAILED} have length greater than or equal to 2"]),
    ({"name": "abcdef"}, [f"Value 'abcdef' at 'name' {_FAILED} have length less than or equal to 5"]),
    ({"secret": "abcd"}, [f"Value at 'secret' {_FAILED} have length less than or equal to 3"]),
    ({"kind": "b"}, [f"Value 'b' at 'kind' {_FAILED} satisfy enum value set: [A, B]"]),
    ({"word": "12"}, [f"Value '12' at 'word' {_FAILED} satisfy regular expression pattern: ^(?=.*[a-z])[a-z0-9]+$"]),
    ({"word": "a\n"}, [f"Value 'a\n' at 'word' {_FAILED} satisfy regular expression pattern: ^(?=.*[a-z])[a-z0-9]+$"]),
    ({"size": 1001}, [f"Value '1001' at 'size' {_FAILED} have value less than or equal to 1000"]),
    ({"size": 0}, [f"Value '0' at 'size' {_FAILED} have value greater than or equal to 1"]),
    ({"pairs": []}, [f"Value '[]' at 'pairs' {_FAILED} have length greater than or equal to 1"]),
    (
        {"pairs": [{"name": "a", "weight": 101}]},
        [f"Value '101' at 'pairs.1.member.weight' {_FAILED} have value less than or equal to 100"],
    ),
    ({"pairs": [{"weight": 1}]}, [f"Value null at 'pairs.1.member.name' {_FAILED} not be null"]),
    (
        {"pairs": [{"name": "a", "weight": 1}] * 3},
        [
            f"Value '[{', '.join(['Pair(name=a, weight=1)'] * 3)}]' at 'pairs' {_FAILED} have length less than or equal to 2"
        ],
    ),
    (
        {"size": -1, "name": ""},
        [
            f"Value '-1' at 'size' {_FAILED} have value greater than or equal to 1",
            f"Value '' at 'name' {_FAILED} have length greater than or equal to 2",
        ],
    ),
]


@pytest.mark.parametrize("value", FITTING)
def test_what_fits_is_taken_as_it_is(value: JSON) -> None:
    assert SHAPE.fits(value)
    assert READ(value) is value
    assert SHAPE.read(value) == value
    assert list(SHAPE.violations(value, "")) == []


@pytest.mark.parametrize(
    ("value", "expected"), [row[1:] for row in READ_DIFFERENTLY], ids=[r[0] for r in READ_DIFFERENTLY]
)
def test_what_is_read_differently(value: JSON, expected: JSON) -> None:
    assert not SHAPE.fits(value)
    assert READ(value) == expected


@pytest.mark.parametrize(("value", "message"), UNREADABLE)
def test_wrong_types(value: JSON, message: str) -> None:
    with pytest.raises(ServiceError) as refused:
        READ(value)
    assert (refused.value.code, refused.value.message) == ("SerializationException", message)


@pytest.mark.parametrize(("value", "violations"), VIOLATIONS)
def test_constraints(value: dict[str, JSON], violations: list[str]) -> None:
    given = value if not value else {"needed": "x", **value}
    with pytest.raises(ServiceError) as refused:
        READ(given)
    count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected: "
    assert (refused.value.code, refused.value.message) == ("ValidationException", count + "; ".join(violations))


def test_a_missing_secret_is_not_called_null() -> None:
    shape = Structure("Input", {"secret": Text(sensitive=True)}, ("secret",))
    assert list(shape.violations({}, "")) == ["Value at 'secret' failed to satisfy constraint: Member must not be null"]
