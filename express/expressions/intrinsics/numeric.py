"""Numeric arguments and the math intrinsics (AWS guide, "Intrinsics for math operations").

The service turns fractions into integers in two ways. `States.MathAdd` rounds each argument like Java's `Math.round`,
half towards positive infinity (recorded: 1.5 -> 2, -1.5 -> -1, -0.5 -> 0). Everywhere else (array indexes and sizes,
ranges, random bounds) the guide says "rounded" too, but observed runs truncate: `ArrayRange(5.4, -0.6, -2.4)` is
`[5, 3, 1]`, `ArrayPartition(a, 0.6)` fails, `MathRandom(1.4, 1.6)` fails. This module follows the service.
"""

from __future__ import annotations

import random
from math import floor, isfinite
from typing import TYPE_CHECKING, Final

from express.expressions.intrinsics.registry import ArgumentsError, intrinsic
from express.expressions.java_random import seeded

if TYPE_CHECKING:
    from express.types import JSON

#: The 32-bit integers, Java's `int`.
_LOWEST: Final = -(2**31)
_HIGHEST: Final = 2**31 - 1


def truncated(value: JSON) -> int:
    """A numeric argument without its fraction, as Java's `Number.intValue` gives it."""
    kind = type(value)
    if kind is int or (kind is float and isfinite(value)):
        return int(value)
    raise ArgumentsError


def rounded(value: JSON) -> int:
    """A numeric argument rounded to the nearest integer, half towards positive infinity (`Math.round`)."""
    if type(value) is int:
        integer: int = value
        return integer
    if type(value) is not float or not isfinite(value):
        raise ArgumentsError
    below = floor(value)
    return below + (value - below >= 0.5)


@intrinsic("States.MathAdd", 2)
def math_add(augend: JSON, addend: JSON) -> int:
    """The sum of two numbers, each rounded first; arguments and sum are 32-bit integers."""
    left, right = rounded(augend), rounded(addend)
    total = left + right
    if _LOWEST <= left <= _HIGHEST and _LOWEST <= right <= _HIGHEST and _LOWEST <= total <= _HIGHEST:
        return total
    raise ArgumentsError


@intrinsic("States.MathRandom", range(2, 4), pure=False)
def math_random(start: JSON, end: JSON, *seed: JSON) -> int:
    """A random integer from `start` (inclusive) to `end` (exclusive); equal seeds give equal numbers."""
    first, last = truncated(start), truncated(end)
    if not _LOWEST <= first < last <= _HIGHEST:
        raise ArgumentsError
    if seed:
        return _java_random(truncated(seed[0]), first, last)
    return random.randrange(first, last)


def _java_random(seed: int, start: int, end: int) -> int:
    """The first value of `new java.util.Random(seed).ints(start, end)`.

    The values for a seed are not documented. The service's other random function (JSONata `$random(seed)`) is known
    to be `java.util.Random`, and a generator fixed by its specification never changes under a workflow.
    """
    next_bits = seeded(seed)
    bound = end - start
    if bound > _HIGHEST:  # wider than an int: draw 32-bit integers until one is in the interval
        number = end
        while not start <= number < end:
            number = (next_bits(32) ^ 2**31) - 2**31
        return number
    bits = next_bits(31)
    if bound & -bound == bound:
        return start + (bound * bits >> 31)
    while (
        bits - bits % bound + bound > 2**31
    ):  # reject the last, incomplete run of `bound` numbers, which would favour the small ones
        bits = next_bits(31)
    return start + bits % bound
