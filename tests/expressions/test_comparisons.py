"""Choice operators: every row of the table, the rules common to all rows, and the recorded comparisons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from express.errors import EngineError
from express.expressions.comparisons import OPERATORS, build_and, build_not, build_or
from express.expressions.jsonpath import build_path, parse_path
from tests.expressions.recorded import SCOPE, case_params, recorded

if TYPE_CHECKING:
    from express.types import JSON, Expr

T, F = True, False
EARLY, LATE = "2025-01-01T00:00:00Z", "2025-01-01T00:00:00.000000001Z"
EARLY_ELSEWHERE = "2025-01-01T01:00:00+01:00"


def path(text: str) -> Expr:
    return build_path(parse_path(text))


def holds(operator: str, value: JSON, operand: JSON) -> JSON:
    """`value operator operand`, with the operand at a path where the operator wants one."""
    row = OPERATORS[operator]
    right = path("$.operand") if row.operand == "path" else operand
    return row.build(path("$.value"), right)({"value": value, "operand": operand}, SCOPE)


#: For pairs (value, operand): Equals, LessThan, GreaterThan, LessThanEquals, GreaterThanEquals.
ORDER = {"less": (F, T, F, T, F), "equal": (T, F, F, T, T), "greater": (F, F, T, F, T), "no match": (F, F, F, F, F)}
SUFFIXES = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")


@pytest.mark.parametrize(
    ("family", "value", "operand", "order"),
    [
        ("String", "", "", "equal"),
        ("String", "A", "AB", "less"),
        ("String", "A", "A ", "less"),
        ("String", "B", "AB", "greater"),
        ("String", "a", "B", "greater"),
        ("String", "é", "e\u0301", "greater"),
        ("String", "\U0001f600", "\ufffd", "less"),  # UTF-16: D83D < FFFD, though the code point is larger
        ("String", "\ufffd", "\U0001f600", "greater"),
        ("String", "x\U0001f600", "x\U0001f600", "equal"),
        ("String", 1, "1", "no match"),
        ("String", None, "", "no match"),
        ("String", ["A"], "A", "no match"),
        ("Numeric", 0, 0.0, "equal"),
        ("Numeric", 1.5, 1, "greater"),
        ("Numeric", -1, 1, "less"),
        ("Numeric", 2**53 + 1, 2**53, "equal"),  # as doubles they are the same
        ("Numeric", 2**53 - 1, 2**53 - 2, "greater"),
        ("Numeric", 10**400, 1, "greater"),  # beyond all doubles
        ("Numeric", -(10**400), 1.5, "less"),
        ("Numeric", 1.5, 10**400, "less"),
        ("Numeric", 10**400, 10**400, "equal"),
        ("Numeric", 10**400 + 1, 10**400, "greater"),
        ("Numeric", True, 1, "no match"),
        ("Numeric", "1", 1, "no match"),
        ("Numeric", None, 0, "no match"),
        ("Timestamp", EARLY, LATE, "less"),
        ("Timestamp", LATE, EARLY_ELSEWHERE, "greater"),
        ("Timestamp", EARLY, EARLY_ELSEWHERE, "equal"),
        ("Timestamp", "2025-01-01", EARLY, "no match"),
        ("Timestamp", 1, EARLY, "no match"),
        ("Timestamp", [], EARLY, "no match"),
    ],
)
@pytest.mark.parametrize("form", ["", "Path"])
def test_ordered_families(family: str, value: JSON, operand: JSON, order: str, form: str) -> None:
    answers = tuple(holds(f"{family}{suffix}{form}", value, operand) for suffix in SUFFIXES)
    assert answers == ORDER[order]


@pytest.mark.parametrize(
    ("operator", "value", "operand"),
    [("StringEqualsPath", "1", 1), ("NumericLessThanPath", 0, True), ("TimestampEqualsPath", EARLY, "soon")],
)
def test_an_operand_of_another_type_at_a_path_is_no_match(operator: str, value: JSON, operand: JSON) -> None:
    assert holds(operator, value, operand) is False


@pytest.mark.parametrize("operator", ["BooleanEquals", "BooleanEqualsPath"])
@pytest.mark.parametrize(
    ("value", "operand", "answer"),
    [(T, T, T), (F, F, T), (T, F, F), (1, T, F), (0, F, F), (0.0, F, F), ("true", T, F), (None, F, F), ([], F, F)],
)
def test_booleans(operator: str, value: JSON, operand: bool, answer: bool) -> None:
    assert holds(operator, value, operand) is answer


@pytest.mark.parametrize(
    ("operator", "matching", "others"),
    [
        ("IsNull", [None], [0, False, "", [], {}]),
        ("IsNumeric", [0, 1, -1.5, 0.0], [True, "1", None, []]),
        ("IsString", ["", "a", EARLY], [None, 1, ["a"]]),
        ("IsBoolean", [True, False], [0, 1, "true", None]),
        ("IsTimestamp", [EARLY, EARLY_ELSEWHERE, LATE], ["2025-01-01", "2012-10-09T19:00:55", 1_735_689_600, None]),
        ("IsPresent", [None, 0, "", [], False], []),
    ],
)
def test_type_tests_and_their_opposites(operator: str, matching: list[JSON], others: list[JSON]) -> None:
    for value in matching:
        assert (holds(operator, value, True), holds(operator, value, False)) == (True, False)
    for value in others:
        assert (holds(operator, value, True), holds(operator, value, False)) == (False, True)


@pytest.mark.parametrize("name", [name for name in OPERATORS if name != "IsPresent"])
def test_a_variable_that_is_missing_fails(name: str) -> None:
    row = OPERATORS[name]
    literal = {"string": "x", "numeric": 1, "boolean": True, "timestamp": EARLY, "type": True}[row.family]
    rule = row.build(path("$.a.b"), path("$.operand") if row.operand == "path" else literal)
    with pytest.raises(EngineError) as caught:
        rule({"operand": literal}, SCOPE)
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == "Invalid path '$.a.b': The choice state's condition path references an invalid value."


def test_an_operand_that_is_missing_fails_with_its_own_path() -> None:
    rule = OPERATORS["NumericLessThanPath"].build(path("$.left"), path("$.right"))
    with pytest.raises(EngineError, match=re.escape("Invalid path '$.right': The choice state's")):
        rule({"left": 8}, SCOPE)


def test_is_present_of_something_missing() -> None:
    row = OPERATORS["IsPresent"]
    assert row.build(path("$.a.b"), True)({}, SCOPE) is False
    assert row.build(path("$.a.b"), False)({"a": 1}, SCOPE) is True


def test_the_table_is_complete() -> None:
    ordered = {
        f"{family}{suffix}{form}"
        for family in ("String", "Numeric", "Timestamp")
        for suffix in SUFFIXES
        for form in ("", "Path")
    }
    tests = {f"Is{kind}" for kind in ("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")}
    assert set(OPERATORS) == ordered | tests | {"StringMatches", "BooleanEquals", "BooleanEqualsPath"}
    assert all(name == row.name and (row.operand == "path") == name.endswith("Path") for name, row in OPERATORS.items())


@pytest.mark.parametrize(
    ("operator", "operand", "problem"),
    [
        ("StringEquals", "", None),
        ("StringMatches", "a*", None),
        ("StringEquals", 1, "Expected value of type String"),
        ("StringEqualsPath", "$.a", None),
        ("NumericEqualsPath", 1, "Expected value of type String"),
        ("NumericEquals", 1.5, None),
        ("NumericEquals", True, "Expected value of type Number"),
        ("NumericEquals", "1", "Expected value of type Number"),
        ("BooleanEquals", False, None),
        ("BooleanEquals", 0, "Expected value of type Boolean"),
        ("TimestampEquals", EARLY, None),
        ("TimestampEquals", 1, "Expected value of type String"),
        ("TimestampEquals", "2025-01-01", "String does not match RFC3339 timestamp"),
        ("IsNull", True, None),
        ("IsNull", None, "Expected value of type Boolean"),
    ],
)
def test_operands_of_a_definition(operator: str, operand: JSON, problem: str | None) -> None:
    assert OPERATORS[operator].check_operand(operand) == problem


def test_a_stray_backslash_in_a_pattern_fails_when_the_rule_is_evaluated() -> None:
    assert OPERATORS["StringMatches"].check_operand("a\\b") is None
    with pytest.raises(EngineError, match="for StringMatches"):
        holds("StringMatches", "a", "a\\b")


def test_string_matches_only_strings() -> None:
    assert holds("StringMatches", "123", "1*") is True
    others: list[JSON] = [123, None, True, ["a"], {}]
    assert [holds("StringMatches", value, "*") for value in others] == [False] * 5


# And, Or, Not


def test_combinators_and_their_short_circuit() -> None:
    def fails(_: JSON, __: object) -> JSON:
        raise AssertionError("evaluated a rule it need not")

    def yes(_: JSON, __: object) -> JSON:
        return True

    no = build_not(yes)
    for size in (1, 2, 3, 7, 300):
        assert build_and([yes] * size)({}, SCOPE) is True
        assert build_and([*[yes] * (size - 1), no, *[fails] * size])({}, SCOPE) is False
        assert build_or([no] * size)({}, SCOPE) is False
        assert build_or([*[no] * (size - 1), yes, *[fails] * size])({}, SCOPE) is True


# Recorded


def choice_cases() -> list[dict[str, Any]]:
    """Recordings of one Choice with one operator whose Pass states say which branch it was."""
    cases = []
    for case in recorded("execution/choice_operators__*.json"):
        states = case["definition"]["States"]
        if sorted(state["Type"] for state in states.values()) == ["Choice", "Pass", "Pass"]:
            cases.append(case)
    return cases


@pytest.mark.parametrize("case", case_params(choice_cases()))
def test_recorded_comparisons(case: dict[str, Any]) -> None:
    states = case["definition"]["States"]
    choice = states[case["definition"]["StartAt"]]
    chosen = choice["Default"]
    for rule in choice["Choices"]:
        (name,) = OPERATORS.keys() & rule.keys()
        row = OPERATORS[name]
        operand = path(rule[name]) if row.operand == "path" else rule[name]
        if row.build(path(rule["Variable"]), operand)(case["input"], SCOPE) is True:
            chosen = rule["Next"]
            break
    assert states[chosen]["Result"] == case["expected"]["output"]


def test_every_recorded_comparison_is_covered() -> None:
    cases = recorded("execution/choice_operators__*.json")
    if not cases:
        pytest.skip("the recorded AWS cases are absent")
    assert len(choice_cases()) == len(cases)
