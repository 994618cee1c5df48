"""Group-by: `{key: value}` over many items (JSONata docs, "Sorting, Grouping and Aggregation").

Each item is added to the groups of its keys. Then each group's value is evaluated once, with the group as its
context: the item itself if there is only one, otherwise an array. An item that is an array is appended as by
jsonata-js `append`, so the group is one level flatter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import gather, paced
from express.expressions.jsonata.values import UNDEFINED, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.expressions.jsonata.evaluation import Evaluation

#: Steps to add an item to its group.
_ITEM_COST: Final = 5

#: The key and the value of a grouping, as functions of the item or group.
Pair = tuple["Callable[[Value], Value]", "Callable[[Value], Value]"]


def group(items: Sequence[Value], pairs: Sequence[Pair], position: int, evaluation: Evaluation) -> dict[str, Value]:
    """The object of the groups, in the order in which their keys first occur.

    Raises T1003 for a key that is not a string, D1009 for a key from two pairs.
    """
    groups: dict[str, tuple[int, list[Value]]] = {}
    for item in paced(evaluation, items or (UNDEFINED,), _ITEM_COST * len(pairs)):
        for number, (key_of, _) in enumerate(pairs):
            key = key_of(item)
            if key is not UNDEFINED:
                put(groups, check_key(key, position), number, item, position)
    made = {}
    for key, (number, members) in groups.items():
        value = pairs[number][1](merged(members, evaluation))
        if value is not UNDEFINED:
            made[key] = value
    return made


def check_key(key: Value, position: int) -> str:
    if type(key) is not str:
        raise JSONataError("T1003", position, value=key)
    return key


def put(groups: dict[str, tuple[int, list[Any]]], key: str, number: int, item: Any, position: int) -> None:
    """Add an item to its group."""
    known = groups.get(key)
    if known is None:
        groups[key] = number, [item]
    elif known[0] == number:
        known[1].append(item)
    else:
        raise JSONataError("D1009", position, value=key)


def merged(members: list[Value], evaluation: Evaluation | None) -> Value:
    """The members of a group as one value."""
    defined = [member for member in members if member is not UNDEFINED]
    if len(defined) < 2:
        return defined[0] if defined else UNDEFINED
    whole: list[Value] = []
    for member in defined:
        if type(member) is list:
            gather(evaluation, len(member), len(whole))
            whole += member
        else:
            whole.append(member)
    return whole


def together(items: list[Value]) -> Value:
    """All items as one group, that of a literal key."""
    return merged(items, None)
