"""How long hostile JSONata holds the event loop: `python -m bench.jsonata_gaps`.

An evaluation is one uninterrupted piece of work, bounded by a budget that it checks as it goes. Two things are
measured for each expression of `tests/expressions/jsonata/hostile.py`: the longest stretch of work between two
checks, and the whole evaluation. Both are CPU time of this thread, which does not depend on how busy the machine is,
and the minimum of several runs. Garbage is collected between expressions, not in them, as in `timeit`.
"""

from __future__ import annotations

import argparse
import gc
from time import thread_time_ns
from typing import TYPE_CHECKING, Any, Final

from bench.machine import headline
from express.expressions.jsonata import Expression, JSONataError, compiler
from express.expressions.jsonata import compile as compile_jsonata
from express.expressions.jsonata.evaluation import DEFAULT_LIMITS, Evaluation, Limits
from tests.expressions.jsonata.hostile import DATA, HONEST, hostile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import Scope

_MILLISECOND: Final = 1_000_000


class Watched(Evaluation):
    """An evaluation that records the longest time between checks of its budget, in nanoseconds."""

    __slots__ = ("_steps",)

    last = 0
    longest = 0
    left = 0

    def __init__(self, limits: Limits, scope: Scope | None = None) -> None:
        self._steps = 0
        super().__init__(limits, scope)

    @classmethod
    def begin(cls) -> None:
        """Reset the record before an expression is evaluated."""
        cls.longest = 0
        cls.left = DEFAULT_LIMITS.steps
        cls.last = thread_time_ns()

    @classmethod
    def look(cls) -> None:
        """Record a check of the budget."""
        now = thread_time_ns()
        cls.longest = max(cls.longest, now - cls.last)
        cls.last = thread_time_ns()

    @property
    def steps(self) -> int:
        return self._steps

    @steps.setter
    def steps(self, value: int) -> None:
        self._steps = Watched.left = value
        self.look()


def measure(text: str, rounds: int) -> tuple[float, float, float, str]:
    """Longest gap and whole in milliseconds, the fraction of the budget used, and how the expression ended."""
    plain, watched = compile_jsonata(text), compile_watched(text)
    gaps, totals = [], []
    gc.collect()
    for _ in range(rounds):
        start = thread_time_ns()
        end = outcome(plain)
        totals.append((thread_time_ns() - start) / _MILLISECOND)
        Watched.begin()
        outcome(watched)
        Watched.look()
        gaps.append(Watched.longest / _MILLISECOND)
    return min(gaps), min(totals), 1 - Watched.left / DEFAULT_LIMITS.steps, end


def compile_watched(text: str) -> Expression:
    """Compile the expression to use `Watched`, whose overhead is why the whole is measured without it."""
    namespace: dict[str, Any] = compiler._GLOBALS
    before = namespace["Evaluation"]
    namespace["Evaluation"] = Watched
    try:
        return compile_jsonata(text)
    finally:
        namespace["Evaluation"] = before


def outcome(expression: Expression) -> str:
    """The code of the error an expression ends in, or an empty string."""
    try:
        expression.evaluate(None, {}, DATA)
    except JSONataError as error:
        return error.code
    return ""


def report(texts: list[str], rounds: int, most: int) -> Iterator[str]:
    """The longest gap and hold of a list of expressions, then its worst `most` expressions."""
    rows: list[tuple[tuple[float, float, float, str], str]] = [(measure(text, rounds), text) for text in texts]
    yield f"longest gap {max(row[0] for row, _ in rows):.1f} ms, longest hold {max(row[1] for row, _ in rows):.1f} ms"
    yield f"{'gap':>8}{'whole':>9}{'budget':>8}  ends"
    rows.sort(key=lambda row: max(row[0][0] * 10, row[0][1]), reverse=True)
    for (gap, total, used, end), text in rows[:most]:
        yield f"{gap:8.2f}{total:9.2f}{used:8.0%}  {end:6}{text[:100]}"


def main() -> None:
    """Print the worst expressions of each list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=25, help="how many lines")
    parser.add_argument("--quick", action="store_true", help="one round, for a first look")
    options = parser.parse_args()
    print(headline())
    gc.disable()
    rounds = 1 if options.quick else options.rounds
    for title, texts in (("hostile", hostile(DEFAULT_LIMITS.size)), ("honest", list(HONEST))):
        print(f"\n{title}: {len(texts)} expressions")
        for line in report(texts, rounds, options.most):
            print(line)


if __name__ == "__main__":
    main()
