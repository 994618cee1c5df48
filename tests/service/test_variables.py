"""Which variables each state reads. The recorded cases are in tests/api/test_recorded.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from express.service.variables import variable_references

if TYPE_CHECKING:
    from express.types import JSON

PASS: JSON = {"Type": "Pass", "Parameters": {"x.$": "$inner"}}
JSONATA = {"QueryLanguage": "JSONata"}

STATES: list[tuple[str, dict[str, JSON], dict[str, list[str]]]] = [
    ("none", {"A": {"Type": "Pass"}}, {}),
    ("paths", {"A": {"InputPath": "$v.a", "OutputPath": "$.v", "ResultPath": "$.r"}}, {"A": ["v"]}),
    ("context", {"A": {"Parameters": {"x.$": "$$.Execution.Id"}}}, {}),
    ("template", {"A": {"Parameters": {"a": [{"b.$": "$z"}], "c.$": "$y", "d": "$x"}}}, {"A": ["y", "z"]}),
    ("payload called like a field", {"A": {"Parameters": {"SomePath": "$v", "Variable": "$w"}}}, {}),
    ("payload called like a scope", {"A": {"Parameters": {"Branches": {"a.$": "$v"}}}}, {"A": ["v"]}),
    ("literal", {"A": {"Result": {"a.$": "$v"}, "Comment": "$w"}}, {}),
    ("assign reads and writes", {"A": {"Assign": {"v": 1, "w.$": "$u"}}}, {"A": ["u"]}),
    ("intrinsics", {"A": {"Parameters": {"x.$": "States.Format('{}{}', $a, States.JsonToString($b.c))"}}}, {"A": ["a", "b"]}),
    (
        "choice",
        {"A": {"Choices": [{"And": [{"Variable": "$v", "NumericEqualsPath": "$w"}], "Assign": {"q.$": "$r"}}]}},
        {"A": ["r", "v", "w"]},
    ),
    ("catcher", {"A": {"Catch": [{"ErrorEquals": ["x"], "Assign": {"q.$": "$r"}}]}}, {"A": ["r"]}),
    (
        "scopes",
        {"A": {"Branches": [{"States": {"B": PASS}}, {"States": {"C": PASS}}]}, "M": {"ItemProcessor": {"States": {"D": PASS}}}},
        {"B": ["inner"], "C": ["inner"], "D": ["inner"]},
    ),
    ("older map", {"M": {"Iterator": {"States": {"D": PASS}}, "ItemsPath": "$list"}}, {"M": ["list"], "D": ["inner"]}),
    ("jsonata", {"A": {**JSONATA, "Output": {"x": ["{% $v.a & $states.input.b %}", "$w"]}}}, {"A": ["v"]}),
    ("jsonata functions", {"A": {**JSONATA, "Output": "{% $sum($v) + $map($w, $uuid) %}"}}, {"A": ["v", "w"]}),
    ("jsonata's own names", {"A": {**JSONATA, "Output": "{% ($own := $v; $own + 1) %}"}}, {"A": ["v"]}),
    ("jsonata payload", {"A": {**JSONATA, "Arguments": {"Branches": "{% $v %}"}}}, {"A": ["v"]}),
    ("nonsense", {"A": {**JSONATA, "Output": "{% $( %}"}, "B": {"Parameters": {"x.$": "no path"}}}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("states", "expected"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_references(states: dict[str, JSON], expected: dict[str, list[str]]) -> None:
    assert variable_references({"States": states}) == expected


def test_the_machine_speaks_for_its_states() -> None:
    states: dict[str, JSON] = {"A": {"Output": "{% $v %}"}, "B": {"QueryLanguage": "JSONPath", "InputPath": "$w"}}
    assert variable_references({**JSONATA, "States": states}) == {"A": ["v"], "B": ["w"]}
