"""The bill of a month over several workflows: as text for people, JSON and CSV for programs.

Duration tiers apply to the account, not to a workflow, so the lines of the bill are computed from the sum. A
workflow's share is its part of the total: requests exactly, duration in proportion to its gigabyte-seconds.
"""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING

from express.cli.report import dollars
from express.pricing import FREE_TRANSITIONS, REQUEST_USD, Bill, express_bill, standard_bill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from express.cli.usage import Usage
    from express.types import JSON


class BillOfMonth:
    """Prices the usages of workflows together; amounts are unrounded USD until they are rendered."""

    def __init__(self, usages: Sequence[Usage]) -> None:
        self.usages = usages
        self.executions = sum((usage.executions for usage in usages), Decimal(0))
        self.gigabyte_seconds = sum((usage.gigabyte_seconds for usage in usages), Decimal(0))
        self.express: Bill = express_bill(int(self.executions), self.gigabyte_seconds)
        known = all(usage.transitions is not None for usage in usages)
        self.transitions = sum((usage.transitions or Decimal(0) for usage in usages), Decimal(0)) if known else None
        self.standard: Bill | None = None
        if self.transitions is not None:
            self.standard = standard_bill(int(self.transitions), free_transitions=FREE_TRANSITIONS)

    def shares(self) -> Iterator[tuple[Usage, Decimal]]:
        """Yield each workflow with its share in USD, the most expensive first."""
        duration = self.express.total - self.express.charges[0].usd
        rate = duration / self.gigabyte_seconds if self.gigabyte_seconds else Decimal(0)
        priced = ((usage, usage.executions * REQUEST_USD + usage.gigabyte_seconds * rate) for usage in self.usages)
        yield from sorted(priced, key=lambda share: -share[1])

    def render_json(self) -> str:
        """One object: `express` and `standard` bills with their charges, `workflows` with their shares."""
        document: dict[str, JSON] = {
            "executions": float(self.executions),
            "gigabyte_seconds": float(self.gigabyte_seconds),
            "express": _document(self.express),
            "standard": None if self.standard is None else _document(self.standard),
            "workflows": [
                {
                    "workflow": usage.workflow,
                    "executions": float(usage.executions),
                    "gigabyte_seconds": float(usage.gigabyte_seconds),
                    "transitions": None if usage.transitions is None else float(usage.transitions),
                    "usd": float(usd),
                }
                for usage, usd in self.shares()
            ],
        }
        return json.dumps(document, indent=2) + "\n"

    def render_csv(self) -> str:
        """A row for each charge: type, item, quantity, unit, price, usd; then one for each workflow."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("type", "item", "quantity", "unit", "price_usd", "usd"))
        for kind, bill in (("express", self.express), ("standard", self.standard)):
            for charge in bill.charges if bill is not None else ():
                quantity = f"{charge.quantity:f}"
                writer.writerow((kind, charge.item, quantity, charge.unit, f"{charge.price:f}", f"{charge.usd:f}"))
        for usage, usd in self.shares():
            writer.writerow(("workflow", usage.workflow, f"{usage.executions:f}", "execution", "", f"{usd:f}"))
        return text.getvalue()

    def render_text(self) -> str:
        """Aligned columns: the charges as Express, the total as Standard, each workflow's share."""
        rows = [
            (f"  {charge.item}", f"{charge.quantity:,.2f}", f"{charge.unit}s at ${charge.price:f}", dollars(charge.usd))
            for charge in self.express.charges
        ]
        blocks = [("Express", [*rows, ("  total", "", "", dollars(self.express.total))])]
        if self.standard is not None:
            (charge,) = self.standard.charges
            free = f"{charge.unit}s at ${charge.price:f}, {FREE_TRANSITIONS:,} free"
            blocks.append(("Standard", [("  total", f"{charge.quantity:,.0f}", free, dollars(charge.usd))]))
        shares = [
            (f"  {usage.workflow}", f"{usage.executions:,.0f}", f"executions, {usd / total:.1%}", dollars(usd))
            for usage, usd in self.shares()
            if (total := self.express.total)
        ]
        blocks.append(("By workflow (Express)", shares))
        text = "\n\n".join(f"{title}\n{_aligned(rows)}" for title, rows in blocks)
        note = "" if self.standard else "\nStandard: not known, no source counts state transitions (--transitions N)\n"
        return f"{text}\n{note}"


def _document(bill: Bill) -> dict[str, JSON]:
    charges = [
        {
            "item": charge.item,
            "quantity": float(charge.quantity),
            "unit": charge.unit,
            "price_usd": float(charge.price),
            "usd": float(charge.usd),
        }
        for charge in bill.charges
    ]
    return {"total_usd": float(bill.total), "charges": charges}


def _aligned(rows: Sequence[tuple[str, str, str, str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    return "\n".join(
        f"{name:<{widths[0]}}  {quantity:>{widths[1]}} {unit:<{widths[2]}}  {usd:>{widths[3]}}"
        for name, quantity, unit, usd in rows
    )
