"""The official JSONata test suite, case by case, against the compiler of express.

The suite belongs to a later version than the one AWS documents (2.0.6, the reference here): what is not in that
version is listed in EXCEPTIONS, each with its reason, and has to fail in the way named there.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from express import jsonata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import JSON

SUITE = Path(__file__).resolve().parents[3] / "shared" / "jsonata-suite"

#: `group` or `group/file[index]`: the code that stands in the place of the suite's answer, and why.
EXCEPTIONS = {
    "coalescing-operator": ("S0211", "`??` came with 2.1; 2.0.6 and Step Functions do not know it"),
    "default-operator": ("S0211", "`?:` came with 2.1; 2.0.6 and Step Functions do not know it"),
    "function-eval": ("T1006", "Step Functions has no $eval (AWS guide), and neither has the standalone compiler"),
}


def params() -> list[Any]:
    if not SUITE.exists():
        return [pytest.param("", {}, marks=pytest.mark.skip(reason="no ../shared/jsonata-suite beside the repository"))]
    return [pytest.param(name, case, id=name) for name, case in cases()]


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case by `group/file[index]`, its expression read in where it stands in a file of its own."""
    for path in sorted(SUITE.glob("groups/*/*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        for index, case in enumerate(content if isinstance(content, list) else [content]):
            if "expr-file" in case:
                case["expr"] = (path.parent / case["expr-file"]).read_text(encoding="utf-8")
            yield f"{path.parent.name}/{path.name}[{index}]", case


@cache
def dataset(name: str) -> str:
    return (SUITE / "datasets" / f"{name}.json").read_text(encoding="utf-8")


def input_of(case: dict[str, Any]) -> JSON:
    if "data" in case:
        return case["data"]
    return jsonata.UNDEFINED if case.get("dataset") is None else json.loads(dataset(case["dataset"]))


def answer(case: dict[str, Any]) -> tuple[str, JSON]:
    """What comes out, as the suite tells it: `("result", value)`, `("undefinedResult", True)` or `("code", code)`."""
    try:
        value = jsonata.compile(case["expr"])(input_of(case), case.get("bindings") or {})
    except jsonata.JSONataError as error:
        return "code", error.code
    return ("undefinedResult", True) if value is jsonata.UNDEFINED else ("result", value)


def expected(name: str, case: dict[str, Any]) -> tuple[str, JSON]:
    for key in (name.partition("/")[0], name):
        if key in EXCEPTIONS and "undefinedResult" not in case:
            return "code", EXCEPTIONS[key][0]
    for kind in ("result", "undefinedResult", "code"):
        if kind in case:
            return kind, case[kind]
    return "code", case["error"]["code"]


def comparable(value: JSON, *, unordered: bool = False) -> JSON:
    """Numbers by value and never equal to booleans; arrays by their items alone where their order is left open."""
    if isinstance(value, list):
        items = [comparable(item) for item in value]
        return sorted(items, key=repr) if unordered else items
    if isinstance(value, dict):
        return {key: comparable(member) for key, member in value.items()}
    if isinstance(value, bool) or value is None:
        return ("literal", value)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else value


@pytest.mark.parametrize(("name", "case"), params())
def test_case(name: str, case: dict[str, Any]) -> None:
    kind, wanted = expected(name, case)

    found_kind, found = answer(case)

    unordered = bool(case.get("unordered"))
    assert found_kind == kind, (found, wanted)
    assert comparable(found, unordered=unordered) == comparable(wanted, unordered=unordered)
