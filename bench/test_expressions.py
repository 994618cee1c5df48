"""The cost of templates, intrinsic calls and Choice rules per evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.empty_scope import SCOPE
from express.expressions.comparisons import OPERATORS
from express.expressions.jsonpath import build_path, parse_path
from express.expressions.templates import build_expression, build_template, parse_expression, parse_template
from express.expressions.timestamps import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from express.types import JSON


DATA: JSON = {
    "n": 3,
    "order": {"id": "o-17", "total": 129.5, "status": "PAID", "at": "2025-01-01T12:00:00.250Z"},
    "items": [{"sku": f"sku-{index}", "price": index} for index in range(20)],
}


@pytest.mark.parametrize(
    "template",
    [
        pytest.param({"step": 0}, id="constant"),
        pytest.param({"n.$": "$.n", "id.$": "$.order.id", "step": 0}, id="two paths"),
        pytest.param({"a": {"b": {"id.$": "$.order.id"}}, "e": [{"n.$": "$.n"}]}, id="nested"),
        pytest.param({f"k{index}.$": "$.order.id" for index in range(8)}, id="eight paths"),
    ],
)
def test_template(benchmark: BenchmarkFixture, template: JSON) -> None:
    run = build_template(parse_template(template, report=lambda *_: None))
    benchmark(run, DATA, SCOPE)


@pytest.mark.parametrize(
    "call",
    [
        "States.Format('order {}', $.order.id)",
        "States.Format('{}/{}/{}', $.order.id, $.n, $.order.total)",
        "States.MathAdd($.n, 1)",
        "States.ArrayGetItem(States.StringSplit($.order.id, '-'), 1)",
        "States.ArrayContains($.items[*].sku, 'sku-19')",
        "States.JsonToString($.order)",
        "States.Hash($.order.id, 'SHA-256')",
        "States.UUID()",
    ],
)
def test_intrinsic(benchmark: BenchmarkFixture, call: str) -> None:
    benchmark(build_expression(parse_expression(call)), DATA, SCOPE)


@pytest.mark.parametrize(
    ("variable", "operator", "operand"),
    [
        ("$.order.total", "NumericGreaterThan", 100),
        ("$.order.total", "NumericGreaterThanPath", "$.n"),
        ("$.order.status", "StringEquals", "PAID"),
        ("$.order.id", "StringLessThan", "p"),
        ("$.order.id", "StringMatches", "o-*"),
        ("$.order.at", "TimestampLessThan", "2026-01-01T00:00:00Z"),
        ("$.order.none", "IsPresent", True),
        ("$.order.status", "IsString", True),
    ],
)
def test_comparison(benchmark: BenchmarkFixture, variable: str, operator: str, operand: JSON) -> None:
    row = OPERATORS[operator]
    right = build_path(parse_path(operand)) if row.operand == "path" else operand
    benchmark(row.build(build_path(parse_path(variable)), right), DATA, SCOPE)


def test_parse_timestamp(benchmark: BenchmarkFixture) -> None:
    benchmark(parse_timestamp, "2025-01-01T12:00:00.250Z")


def test_format_timestamp(benchmark: BenchmarkFixture) -> None:
    benchmark(format_timestamp, 1_735_732_800_250_000_000)
