"""What Step Functions adds to JSONata (AWS guide, "Transforming data with JSONata"): counterparts of its intrinsics.

The guide gives no signatures and no errors. The kinds of arguments follow from its prose, arguments that are of the
right kind but make no sense are T0410 like those of the wrong kind, and numbers wanted whole are rounded down, as the
guide says of all of these functions. `$eval`, which Step Functions removed, is nowhere: calling it is T1006.
"""

from __future__ import annotations

import hashlib
import math
import random
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from express.expressions.java_random import next_double, seeded
from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import paced
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.values import UNDEFINED, Undefined, Value
from express.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.expressions.jsonata.evaluation import Evaluation

_ALGORITHMS: Final[dict[str, Callable[[bytes], Any]]] = {
    "MD5": partial(hashlib.md5, usedforsecurity=False),
    "SHA-1": partial(hashlib.sha1, usedforsecurity=False),
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


@function("partition", "<an:a>", bounded=True, aws=True, cost=5)
def partition(evaluation: Evaluation, items: list[Value] | Undefined, size: float | Undefined) -> Value:
    """Arrays of `size` items each, the last one with what is left; always an array (recorded: `[[0]]`).

    Raises T0410 for a size below 1.
    """
    if isinstance(items, Undefined) or isinstance(size, Undefined):
        return UNDEFINED
    length = math.floor(size)
    if length < 1:
        raise JSONataError("T0410", index=2, value=size)
    evaluation.gather(len(items))
    return [items[start : start + length] for start in paced(evaluation, range(0, len(items), length), 4)]


@function("range", "<nnn:a>", bounded=True, sequence=True, aws=True)
def range_(
    evaluation: Evaluation, start: float | Undefined, end: float | Undefined, step: float | Undefined
) -> list[int]:
    """The integers from `start` in steps of `step` up to and including `end`, as a sequence.

    So one number comes alone (recorded: `$range(1,9,9)` is 1). Raises T0410 for a step of 0 and U1002 for too many
    numbers.
    """
    if isinstance(start, Undefined) or isinstance(end, Undefined) or isinstance(step, Undefined):
        return []
    first, last, stride = math.floor(start), math.floor(end), math.floor(step)
    if stride == 0:
        raise JSONataError("T0410", index=3, value=step)
    evaluation.gather(max(0, (last - first) // stride + 1))
    return list(range(first, last + (1 if stride > 0 else -1), stride))


@function("hash", "<ss:s>", bounded=True, aws=True, cost=9)
def hash_(evaluation: Evaluation, text: str | Undefined, algorithm: str | Undefined) -> Value:
    """The lower-case hexadecimal digest of the string in UTF-8.

    `algorithm` is MD5, SHA-1, SHA-256, SHA-384 or SHA-512; anything else is T0410.
    """
    if isinstance(text, Undefined):
        return UNDEFINED
    digest = None if isinstance(algorithm, Undefined) else _ALGORITHMS.get(algorithm)
    if digest is None:
        raise JSONataError("T0410", index=2, value=algorithm)
    evaluation.spend(len(text) >> 4)
    hexadecimal: str = digest(text.encode("utf-8", "replace")).hexdigest()
    return hexadecimal


@function("random", "<n?:n>", aws=True, cost=6)
def random_(seed: float | Undefined) -> float:
    """A random number from 0 up to but not including 1; the same for the same seed, that of `java.util.Random`."""
    return random.random() if isinstance(seed, Undefined) else next_double(seeded(math.floor(seed)))


@function("uuid", "<:s>", aws=True, cost=23)
def uuid_() -> str:
    """A random (version 4) UUID."""
    return str(uuid.uuid4())


@function("parse", "<s:x>", bounded=True, aws=True, cost=8)
def parse(evaluation: Evaluation, text: str | Undefined) -> Value:
    """The value of a JSON text. Raises D3120 when it is none."""
    if isinstance(text, Undefined):
        return UNDEFINED
    # What opens takes most of the time.
    evaluation.spend((len(text) >> 4) + text.count(",") + 2 * (text.count("[") + text.count("{")))
    try:
        return parse_json(text.encode())
    except ValueError as error:  # no JSON, a surrogate without its other half, an integer of thousands of digits
        message = f"Syntax error in text passed to function parse: {error}"
        raise JSONataError("D3120", message=message, value=text) from None
