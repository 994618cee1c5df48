"""The cost of paths per evaluation, each beside the Python code a person would write for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.empty_scope import SCOPE
from express.expressions.jsonpath import build_path, parse_path
from express.expressions.paths import build_result_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from express.types import JSON, Scope

DATA: JSON = {
    "a": {"b": 1, "c": {"d": 2}},
    "items": [{"name": f"n{index}", "price": index * 3, "tags": ["t"]} for index in range(10)],
    "list": list(range(10)),
}

BY_HAND: dict[str, Callable[[JSON, Scope], JSON]] = {
    "$.a.b": lambda data, scope: data["a"]["b"],
    "$.a.c.d": lambda data, scope: data["a"]["c"]["d"],
    "$.items[0].name": lambda data, scope: data["items"][0]["name"],
    "$.items[*].name": lambda data, scope: [item["name"] for item in data["items"]],
    "$.items[?(@.price > 10)].name": lambda data, scope: [
        item["name"] for item in data["items"] if "price" in item and item["price"] > 10
    ],
    "$.items[?(@.name == 'n5')]": lambda data, scope: [item for item in data["items"] if item.get("name") == "n5"],
    "$.list[1:3]": lambda data, scope: data["list"][1:3],
    "$.list.length()": lambda data, scope: len(data["list"]),
}


@pytest.mark.parametrize("text", BY_HAND)
def test_path(benchmark: BenchmarkFixture, text: str) -> None:
    expression = build_path(parse_path(text))
    assert benchmark(expression, DATA, SCOPE) == BY_HAND[text](DATA, SCOPE)


@pytest.mark.parametrize("text", BY_HAND)
def test_by_hand(benchmark: BenchmarkFixture, text: str) -> None:
    benchmark(BY_HAND[text], DATA, SCOPE)


@pytest.mark.parametrize("text", ["$..price", "$.missing[*]"])
def test_path_without_a_rival(benchmark: BenchmarkFixture, text: str) -> None:
    benchmark(build_path(parse_path(text)), DATA, SCOPE)


@pytest.mark.parametrize("text", ["$.result", "$.a.result", "$.a.c.result"])
def test_result_path(benchmark: BenchmarkFixture, text: str) -> None:
    benchmark(build_result_path(parse_path(text)), DATA, 1)


@pytest.mark.parametrize("text", ["$.a.b", "$.items[?(@.price > 10 && @.name != 'n5')].name"])
def test_compile(benchmark: BenchmarkFixture, text: str) -> None:
    benchmark(lambda: build_path(parse_path(text)))
