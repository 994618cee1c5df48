"""The functions that Step Functions adds to JSONata: counterparts of its intrinsics.

AWS guide, "Transforming data with JSONata", which gives neither signatures nor errors. The results for missing and
odd arguments, and the errors, were measured (floci-io/floci, `JsonataEvaluator` and pull request 2676). Numbers used
as integers lose their fraction: -1.7 is -1. `$eval`, which Step Functions removed, is not defined: calling it is
T1006.
"""

from __future__ import annotations

import json
import math
import random
import re
import uuid
from typing import TYPE_CHECKING, Any, Final

from express.expressions.intrinsics.encoding import ALGORITHMS
from express.expressions.java_random import next_double, seeded
from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import paced
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.values import UNDEFINED, Undefined, Value
from express.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.expressions.jsonata.evaluation import Evaluation

#: In the service's order.
_ALGORITHMS_SHOWN: Final = "SHA-1, SHA-384, SHA-256, SHA-512, MD5"

_LONG: Final = 2**63
#: The end of a key, or of a string that looks like a key.
_KEY_ENDS: Final = re.compile(r'"[ \t\r\n]*:')


def _missing(function_name: str, index: int) -> JSONataError:
    """The error for an argument that the signature makes optional, but these functions require."""
    return JSONataError("T0410", token=function_name, index=index, value=UNDEFINED)


@function("partition", "<xn?:x>", bounded=True, aws=True, cost=5)
def partition(evaluation: Evaluation, items: Value, size: float | Undefined) -> Value:
    """Arrays of `size` items each, the last one possibly shorter; always an array (recorded: `[[0]]`).

    Without a size all items are one chunk; an empty array or a size of 0 gives UNDEFINED. Raises T0412 for a
    non-array, D3137 for a size below 0.
    """
    if isinstance(items, Undefined):
        return UNDEFINED
    if type(items) is not list:
        raise JSONataError("T0412", token="partition", index=1, value=items)
    length = len(items) if isinstance(size, Undefined) else math.trunc(size)
    if length < 0:
        raise JSONataError("D3137", message="Second argument must be zero or greater", value=size)
    if not items or not length:
        return UNDEFINED
    evaluation.gather(len(items))
    return [items[start : start + length] for start in paced(evaluation, range(0, len(items), length), 4)]


@function("range", "<nnn?:a>", bounded=True, sequence=True, aws=True)
def range_(
    evaluation: Evaluation, start: float | Undefined, end: float | Undefined, step: float | Undefined
) -> list[int]:
    """The integers from `start` in steps of `step` up to and including `end`, as a sequence.

    A single number therefore collapses (recorded: `$range(1,9,9)` is 1); the sequence is empty if the step is
    missing, 0, or leads away from the end. Raises T0410 if the start or the end is missing, and U1002 for too many
    numbers.
    """
    if isinstance(start, Undefined):
        raise _missing("range", 1)
    if isinstance(end, Undefined):
        raise _missing("range", 2)
    stride = 0 if isinstance(step, Undefined) else math.trunc(step)
    if stride == 0:
        return []
    first, last = math.trunc(start), math.trunc(end)
    evaluation.gather(max(0, (last - first) // stride + 1))
    return list(range(first, last + (1 if stride > 0 else -1), stride))


@function("hash", "<ss?:s>", bounded=True, aws=True, cost=9)
def hash_(evaluation: Evaluation, text: str | Undefined, algorithm: str | Undefined) -> Value:
    """The lower-case hexadecimal digest of the string in UTF-8; UNDEFINED without an algorithm.

    `algorithm` is MD5, SHA-1, SHA-256, SHA-384 or SHA-512; anything else is D3137. A missing text is T0410.
    """
    if isinstance(text, Undefined):
        raise _missing("hash", 1)
    if isinstance(algorithm, Undefined):
        return UNDEFINED
    digest = ALGORITHMS.get(algorithm)
    if digest is None:
        message = f"Hash algorithm '{algorithm}' must be one of {_ALGORITHMS_SHOWN}"
        raise JSONataError("D3137", message=message, value=algorithm)
    evaluation.spend(len(text) >> 4)
    hexadecimal: str = digest(text.encode("utf-8", "replace")).hexdigest()
    return hexadecimal


@function("random", "<n?:n>", aws=True, cost=6)
def random_(seed: float | Undefined) -> float:
    """A random number in [0, 1); with a seed, the first one of `java.util.Random`."""
    return random.random() if isinstance(seed, Undefined) else next_double(seeded(math.trunc(seed)))


@function("uuid", "<:s>", aws=True, cost=23)
def uuid_() -> str:
    """A random (version 4) UUID."""
    return str(uuid.uuid4())


@function("parse", "<s:x>", bounded=True, aws=True, cost=8)
def parse(evaluation: Evaluation, text: str | Undefined) -> Value:
    """The value of a JSON text; raises D3137 if it is not JSON, or if an object in it repeats a key.

    Whole numbers become integers (`1.0` is 1), those beyond 64 bits the nearest double.
    """
    if isinstance(text, Undefined):
        return UNDEFINED
    # Containers take most of the time.
    opening = text.count("[") + text.count("{")
    evaluation.spend((len(text) >> 4) + 3 * text.count(",") + 4 * opening)
    try:
        value = parse_json(text.encode())
        value, keys = _with_numbers(value)
        if keys != sum(1 for _ in _KEY_ENDS.finditer(text)):
            # There are more key ends than keys: a key is repeated, or a string looks like the end of one.
            json.loads(text, object_pairs_hook=_without_repeated_keys)
    except (ValueError, OverflowError, RecursionError):
        # Not JSON, a lone surrogate, or an integer of thousands of digits.
        raise JSONataError("D3137", message="Invalid JSON", value=text) from None
    return value


def _with_numbers(value: Value) -> tuple[Value, int]:
    """The value with its numbers converted in place, and the number of its keys; raises OverflowError."""
    root, keys = [value], 0
    pending: list[Any] = [root]
    for container in pending:
        if type(container) is dict:
            keys += len(container)
            members: Iterable[tuple[Any, Value]] = container.items()
        else:
            members = enumerate(container)
        for key, member in members:
            kind = type(member)
            if kind is dict or kind is list:
                pending.append(member)
            elif kind is float and member.is_integer() and -_LONG <= member < _LONG:
                container[key] = int(member)
            elif kind is int and not -_LONG <= member < _LONG:
                container[key] = float(member)
    return root[0], keys


def _without_repeated_keys(pairs: list[tuple[str, Value]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands there twice")
