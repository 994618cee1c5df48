"""Order events like those of a shop: seeded, so that every run of the demo has the same ones.

Of a hundred orders about one is invalid in one of three ways, one pays with a token the payment service is too busy
for at first, two are declined, and some of the large ones come from unknown customers.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

_CATALOGUE = (
    ("coffee-1kg", 18.9),
    ("mug-blue", 12.5),
    ("filter-100", 6.2),
    ("kettle", 89.0),
    ("grinder", 249.0),
    ("espresso-machine", 1190.0),
)
_WEIGHTS = (30, 22, 25, 12, 8, 3)
_FIRST = ("ada", "alan", "barbara", "edsger", "grace", "john", "margaret", "tony")
_METHODS = ("card", "card", "card", "wallet", "invoice")
_PRIORITIES = ("standard", "standard", "standard", "express")

#: Of 1000 orders, how many are invalid, meet a busy payment service, or are declined.
_INVALID, _BUSY, _DECLINED = 13, 10, 20


def order_events(count: int, seed: int = 42) -> Iterator[bytes]:
    """Yield `count` orders as JSON Lines, newline included; equal seeds yield equal orders."""
    chance = random.Random(seed)
    for number in range(count):
        yield orjson.dumps(_order(number, chance), option=orjson.OPT_APPEND_NEWLINE)


def _order(number: int, chance: random.Random) -> dict[str, Any]:
    lines = chance.choices(_CATALOGUE, _WEIGHTS, k=1 + int(chance.random() * 3.5))
    items: list[dict[str, Any]] = [
        {"sku": sku, "qty": 1 + int(chance.random() ** 3 * 4), "price": price} for sku, price in lines
    ]
    name = chance.choice(_FIRST)
    order: dict[str, Any] = {
        "order_id": f"o-{number:07d}",
        "customer": {"name": name, "email": f"{name}@example.com", "orders": int(chance.expovariate(0.2))},
        "items": items,
        "total": round(sum(item["qty"] * item["price"] for item in items), 2),
        "payment": {"method": chance.choice(_METHODS), "token": f"tok_{number:07d}"},
        "priority": chance.choice(_PRIORITIES),
    }
    _decide_fate(order, number, int(chance.random() * 1_000))
    return order


def _decide_fate(order: dict[str, Any], number: int, fate: int) -> None:
    if fate < _INVALID:
        match fate % 3:
            case 0:
                order["items"] = []
            case 1:
                order["items"][0]["qty"] = 0
            case _:
                order["total"] += 1
    elif fate < _INVALID + _BUSY:
        order["payment"]["token"] = f"tok_busy_{number:07d}"
    elif fate < _INVALID + _BUSY + _DECLINED:
        order["payment"]["token"] = f"tok_declined_{number:07d}"
