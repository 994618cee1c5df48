"""A sample workflow to look at and to experiment with: an order, from its event to its parcel.

`order.asl.json` is the definition as it would be deployed to AWS, `order` has its Lambda functions as Python handlers
(`--tasks express.cli.samples.order:tasks`), `events` generates the orders.
"""

from __future__ import annotations

from pathlib import Path

#: The definition of the order workflow.
ORDER_DEFINITION = Path(__file__).with_name("order.asl.json")
#: Its handlers, as `--tasks` takes them.
ORDER_TASKS = "express.cli.samples.order:tasks"
