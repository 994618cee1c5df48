"""The Lambda functions of the order workflow, as Python handlers.

Each stands for a service behind a network; here they compute their answers, so that the engine is what is measured.
Two of them yield to the event loop once, as any real call would.
"""

from __future__ import annotations

import asyncio
from typing import Any

import express

tasks = express.Tasks()


class InvalidOrder(Exception):
    """The order contradicts itself; nothing catches this, so the execution fails with the class's name."""


class PaymentDeclined(Exception):
    """The bank refuses; the workflow catches it and releases the items."""


class PaymentServiceUnavailable(Exception):
    """The payment service is busy; the workflow tries again after a second."""


@tasks.task("ValidateOrder")
async def validate_order(order: dict[str, Any]) -> dict[str, Any]:
    items = order["items"]
    if not items:
        raise InvalidOrder(f"order {order['order_id']} has no items")
    if any(item["qty"] <= 0 for item in items):
        raise InvalidOrder(f"order {order['order_id']} has an item without a quantity")
    total = round(sum(item["qty"] * item["price"] for item in items), 2)
    if total != order["total"]:
        raise InvalidOrder(f"order {order['order_id']} says {order['total']}, its items cost {total}")
    return {"valid": True, "units": sum(item["qty"] for item in items)}


@tasks.task("ScreenForFraud")
async def screen_for_fraud(order: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(0)
    orders_before = order["customer"]["orders"]
    return {"suspicious": orders_before == 0 and order["payment"]["method"] == "card", "orders_before": orders_before}


@tasks.task("ReserveItem")
async def reserve_item(request: dict[str, Any]) -> dict[str, Any]:
    item = request["item"]
    return {"sku": item["sku"], "qty": item["qty"], "reservation": f"{request['order_id']}/{request['line']}"}


@tasks.task("ReleaseItems")
async def release_items(request: dict[str, Any]) -> dict[str, Any]:
    return {"released": len(request["reservations"])}


@tasks.task("ChargePayment")
async def charge_payment(charge: dict[str, Any], context: express.TaskContext) -> dict[str, Any]:
    await asyncio.sleep(0)
    token = charge["payment"]["token"]
    if token.startswith("tok_busy") and context.attempt == 0:
        raise PaymentServiceUnavailable("the payment service is busy")
    if token.startswith("tok_declined"):
        raise PaymentDeclined("the bank declined the charge")
    return {"authorization": f"auth-{charge['order_id']}"}


@tasks.task("BookCourier")
async def book_courier(order: dict[str, Any]) -> dict[str, Any]:
    return {"carrier": "courier", "parcel": f"C-{order['order_id']}"}


@tasks.task("SendReceipt")
async def send_receipt(receipt: dict[str, Any]) -> dict[str, Any]:
    return {"message_id": f"mail-{receipt['order_id']}"}
