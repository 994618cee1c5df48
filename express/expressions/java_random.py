"""`java.util.Random`: the generator behind the service's random functions with a seed.

The numbers for a seed are not documented anywhere, but must never change; this generator is fixed by its
specification (Java SE API, `java.util.Random`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

#: Draws the given number of random bits as an integer.
NextBits: TypeAlias = Callable[[int], int]

_MULTIPLIER: Final = 0x5DEECE66D
_MASK: Final = 2**48 - 1


def seeded(seed: int) -> NextBits:
    """`new Random(seed)`: 48 bits of state, the high ones of which are the result."""
    state = (seed ^ _MULTIPLIER) & _MASK

    def next_bits(count: int) -> int:
        nonlocal state
        state = (state * _MULTIPLIER + 0xB) & _MASK
        return state >> (48 - count)

    return next_bits


def next_double(next_bits: NextBits) -> float:
    """`nextDouble()`: 53 bits as a number in [0, 1)."""
    return ((next_bits(26) << 27) + next_bits(27)) * 2.0**-53
