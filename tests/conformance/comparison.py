"""Comparing what came out with what AWS recorded.

A recording masks ids, dates and ARNs, so some places of the expected value match anything (`wildcards`) or only have a
known shape (`wildcard_patterns`). Everywhere else values must be equal as JSON texts are: `1`, `1.0` and `true` differ,
the order of an object's keys does not count because the recordings have lost it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import JSON

#: Keys that lead to a value, from the outside in, such as ("output", "Items", 0).
Place = tuple[Any, ...]

_STEP = re.compile(r"""\.?(?P<name>[^.\[\]"]+)|\["(?P<quoted>[^"]+)"\]|\[(?P<index>\d+)\]""")
_ANYTHING = re.compile("", re.DOTALL)
#: What stands for a date, an id or a token where a recording lists no wildcards: in the payloads of tasks.
_PLACEHOLDER = re.compile(r"<[\w-]+(?::\d+)?>|a_task_token")
#: In the context object since November 2023, and so missing from older recordings.
_NEWER_KEYS = frozenset({"RedriveCount"})


class Expectation:
    """The `expected` of a recorded case, with its masked places."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.expected: dict[str, Any] = case["expected"]
        self._masks = {_place(path): _ANYTHING for path in case["wildcards"]}
        for path, pattern in case.get("wildcard_patterns", {}).items():
            self._masks[_place(path)] = re.compile(pattern, re.DOTALL)

    def differences(self, name: str, actual: JSON) -> list[str]:
        """Where `actual` differs from the expected field `name`, in words; empty when it does not."""
        return list(_compare(self.expected.get(name), actual, (name,), self._masks))

    def differences_of_cause(self, cause: str | None) -> list[str]:
        """A cause that was recorded as parsed JSON has lost its exact text: compare what it says."""
        expected = self.expected
        if expected.get("cause_json") and not expected.get("cause_text_exact") and cause is not None:
            same = json.loads(cause) == json.loads(expected["cause"])
            return [] if same else self.differences("cause", cause)
        return self.differences("cause", cause)


def payload_differences(expected: JSON, actual: JSON) -> list[str]:
    """Where the payload a task got differs from the recorded one."""
    return list(_compare(expected, actual, ("payload",), {}, masked=True))


def _compare(
    expected: JSON, actual: JSON, place: Place, masks: dict[Place, re.Pattern[str]], *, masked: bool = False
) -> Iterator[str]:
    mask = masks.get(place)
    if masked and isinstance(expected, str) and _PLACEHOLDER.fullmatch(expected):
        mask = _ANYTHING
    if mask is not None:
        if mask is not _ANYTHING and not (isinstance(actual, str) and mask.search(actual)):
            yield f"{place}: {actual!r} does not match {mask.pattern!r}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected.keys() | actual.keys():
            if key in expected and key in actual:
                yield from _compare(expected[key], actual[key], (*place, key), masks, masked=masked)
            elif not (masked and key in _NEWER_KEYS):
                yield f"{place}: {key!r} is {'missing' if key in expected else 'too much'}"
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _compare(*pair, (*place, index), masks, masked=masked)
    elif json.dumps(expected) != json.dumps(actual):
        yield f"{place}: expected {json.dumps(expected)}, got {json.dumps(actual)}"


def _place(path: str) -> Place:
    """`output.Items[0]["x-id"]` as a place."""
    return tuple(
        int(step["index"]) if step["index"] is not None else step["name"] or step["quoted"]
        for step in _STEP.finditer(path)
    )
