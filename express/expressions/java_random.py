"""`java.util.Random`: what the service's random functions draw from when they are given a seed.

Which numbers a seed gives is documented nowhere, but they must be the same ones for ever, and this generator is fixed
by its specification (Java SE API, `java.util.Random`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

#: Draws so many random bits as a number.
NextBits: TypeAlias = Callable[[int], int]

_MULTIPLIER: Final = 0x5DEECE66D
_MASK: Final = 2**48 - 1


def seeded(seed: int) -> NextBits:
    """`new Random(seed)`: 48 bits of state, of which the high ones are the result."""
    state = (seed ^ _MULTIPLIER) & _MASK

    def next_bits(count: int) -> int:
        nonlocal state
        state = (state * _MULTIPLIER + 0xB) & _MASK
        return state >> (48 - count)

    return next_bits


def next_double(next_bits: NextBits) -> float:
    """`nextDouble()`: 53 bits as a number from 0 up to but not including 1."""
    return ((next_bits(26) << 27) + next_bits(27)) * 2.0**-53
