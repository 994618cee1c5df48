"""Compiled JSONata against the same work written by hand: `python -m bench.jsonata`.

The hand-written twin is what a Python programmer who knows the data would write: no missing values, no sequences, no
type checks, no budget. Both are called the same way, in turns, and the medians of many rounds are compared, so that
the ratio is meaningful on a busy machine too.
"""

from __future__ import annotations

import argparse
import math
import statistics
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from bench.machine import headline
from express.expressions.jsonata import compile_tree
from express.expressions.jsonata.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Contest:
    """An expression, its twin, and the allowed multiple of the twin's time."""

    name: str
    text: str
    twin: Callable[[dict[str, Any], dict[str, Any]], Any]
    allowed: float = 4.0


def _total(states: dict[str, Any], variables: dict[str, Any]) -> Any:
    return states["input"]["order"]["total"] > 1000


def _object(states: dict[str, Any], variables: dict[str, Any]) -> Any:
    order = states["input"]
    return {"id": order["id"], "sum": sum([item["price"] * item["qty"] for item in order["items"]])}


def _map(states: dict[str, Any], variables: dict[str, Any]) -> Any:
    return [item["price"] * 2 for item in states["input"]["items"]]


def _filter(states: dict[str, Any], variables: dict[str, Any]) -> Any:
    return [item["name"] for item in states["input"]["items"] if item["price"] > 10]


def _text(states: dict[str, Any], variables: dict[str, Any]) -> Any:
    order = states["input"]
    return order["name"].upper() + "-" + str(order["id"])


CONTESTS = (
    Contest("E1", "$states.input.order.total > 1000", _total, 1.5),
    Contest("E2", '{"id": $states.input.id, "sum": $sum($states.input.items.(price * qty))}', _object),
    Contest("E3", "$map($states.input.items, function($v) { $v.price * 2 })", _map),
    Contest("E4", "$states.input.items[price > 10].name", _filter),
    Contest("E5", '$uppercase($states.input.name) & "-" & $string($states.input.id)', _text),
)


def states_of(count: int) -> dict[str, Any]:
    """`$states` with `count` items in its input."""
    items = [
        {"name": f"item {number}", "price": 2.5 + number * 1.7, "qty": 1 + number % 4, "sku": f"S{number}"}
        for number in range(count)
    ]
    return {"input": {"order": {"total": 1234}, "id": 12345, "name": "order", "items": items}}


def _same(expected: Any, got: Any) -> bool:
    """Whether two results agree; Python 3.12 and later sum floats more accurately than JavaScript does."""
    if isinstance(expected, dict):
        return all(_same(value, got[key]) for key, value in expected.items())
    return bool(math.isclose(expected, got) if isinstance(expected, float) else expected == got)


def _time(evaluate: Callable[..., Any], states: dict[str, Any], calls: int) -> float:
    """Nanoseconds per call."""
    variables: dict[str, Any] = {}
    turns = range(calls)
    start = perf_counter_ns()
    for _ in turns:
        evaluate(states, variables)
    return (perf_counter_ns() - start) / calls


def measure(contest: Contest, count: int, rounds: int) -> tuple[float, float]:
    """Median times of the twin and of the expression, in nanoseconds."""
    states = states_of(count)
    evaluate = compile_tree(parse(contest.text), contest.text, variables=frozenset()).evaluate
    expected, got = contest.twin(states, {}), evaluate(states, {})
    if not _same(expected, got):
        raise AssertionError(f"{contest.name}: {got!r} is not {expected!r}")
    calls = max(2_000_000 // max(int(_time(contest.twin, states, 100)), 1) // 10, 20)
    twins, ours = [], []
    for _ in range(rounds):
        twins.append(_time(contest.twin, states, calls))
        ours.append(_time(evaluate, states, calls))
    return statistics.median(twins), statistics.median(ours)


def report(counts: Sequence[int], rounds: int) -> Iterator[str]:
    """One line for each contest and size."""
    yield f"{'':4}{'items':>6}{'by hand':>12}{'JSONata':>12}{'ratio':>8}{'allowed':>9}"
    for contest in CONTESTS:
        for count in counts:
            twin, ours = measure(contest, count, rounds)
            yield f"{contest.name:4}{count:6}{twin:9.0f} ns{ours:9.0f} ns{ours / twin:8.2f}{contest.allowed:9.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--items", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--quick", action="store_true", help="a few seconds, for a first look")
    options = parser.parse_args()
    print(headline())
    for line in report(options.items, 5 if options.quick else options.rounds):
        print(line)


if __name__ == "__main__":
    main()
