"""Something to look at: four workflows of a shop under a load that comes and goes, with metrics served.

Orders and readings are started one by one; payments come out of a log and thumbnails out of a queue, in memory, through
a pump each.

    python -m grafana.load --port 9464          until Ctrl-C

The load swells and ebbs once in every `--period`; in the last quarter of it the bank is in trouble: it answers slowly,
declines more and sometimes not at all, so that retries, catches, timeouts and a full runtime can be seen. Handlers
only wait, as calls of other services do, so that a small machine is enough.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import express
from express.cli.samples import ORDER_DEFINITION
from express.consumers import Backoff, MemoryLog, MemoryLogSource, MemoryQueue, MemorySource, Outcomes, Pump
from express.metrics import Metrics
from grafana.prometheus import stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from express.consumers import Source
    from express.types import JSON

#: Executions at once, by default: few enough for the trouble to fill it.
_MAX_IN_FLIGHT = 60

_TICK_SECONDS = 0.05
#: Share of the messages that are broken, and dead letters that are kept.
_BROKEN = 0.003
_DEAD_LETTERS = 100
#: What is printed before the address of the metrics.
_ANNOUNCEMENT = "metrics: "
_ROOT = Path(__file__).parent.parent

#: Charges a card: two kinds of trouble, one of them worth another attempt. Whoever waits too long gives up.
PAYMENTS: dict[str, Any] = {
    "StartAt": "Charge",
    "TimeoutSeconds": 3,
    "States": {
        "Charge": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "Charge", "Payload.$": "$"},
            "Retry": [
                {"ErrorEquals": ["PaymentServiceUnavailable"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}
            ],
            "Catch": [{"ErrorEquals": ["PaymentDeclined"], "ResultPath": "$.declined", "Next": "AskForAnotherCard"}],
            "ResultPath": "$.charge",
            "Next": "Book",
        },
        "Book": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:putItem",
            "Parameters": {"TableName": "payments", "Item": {"amount": {"N.$": "States.Format('{}', $.amount)"}}},
            "End": True,
        },
        "AskForAnotherCard": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "https://sqs.invalid/declined", "MessageBody.$": "$.declined"},
            "End": True,
        },
    },
}

_SCALE = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Scale", "End": True}
_SIZES = {
    "Type": "Parallel",
    "Branches": [{"StartAt": f"Scale{size}", "States": {f"Scale{size}": _SCALE}} for size in (64, 256, 1024)],
    "End": True,
}

#: Scales every picture of an upload to three sizes.
THUMBNAILS: dict[str, Any] = {
    "StartAt": "EachPicture",
    "States": {
        "EachPicture": {
            "Type": "Map",
            "ItemsPath": "$.pictures",
            "MaxConcurrency": 4,
            "ItemProcessor": {"StartAt": "Sizes", "States": {"Sizes": _SIZES}},
            "End": True,
        }
    },
}

#: Sorts readings by what they mean; nothing in it waits.
READINGS: dict[str, Any] = {
    "StartAt": "Normalise",
    "States": {
        "Normalise": {
            "Type": "Pass",
            "Parameters": {"sensor.$": "$.sensor", "celsius.$": "States.MathAdd($.raw, -40)"},
            "Next": "Judge",
        },
        "Judge": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.celsius", "NumericGreaterThan": 80, "Next": "TooHot"}],
            "Default": "Fine",
        },
        "TooHot": {"Type": "Fail", "Error": "SensorOverheated", "Cause": "The reading is above 80 degrees."},
        "Fine": {"Type": "Succeed"},
    },
}


class PaymentServiceUnavailable(Exception):
    """Worth another attempt."""


class PaymentDeclined(Exception):
    """Caught: the customer is told, or asked for another card."""


class InvalidOrder(Exception):
    """Nobody catches it."""


@dataclass(slots=True)
class Weather:
    """What the time of the period makes of load and bank; `period` in seconds."""

    period: float
    began: float

    @property
    def phase(self) -> float:
        """Where in the period we are, from 0 to 1."""
        return (time.monotonic() - self.began) / self.period % 1

    @property
    def swell(self) -> float:
        """What the usual load is multiplied by, from 0.5 to 1.5."""
        return 1 - 0.5 * math.cos(2 * math.pi * self.phase)

    @property
    def trouble(self) -> bool:
        return self.phase > 0.75


async def _take(milliseconds: float, spread: float = 0.4) -> None:
    """Wait as a call of another service does: usually about as long, sometimes much longer."""
    await asyncio.sleep(random.lognormvariate(math.log(milliseconds / 1_000), spread))


def shop_tasks(weather: Weather) -> express.Tasks:
    """The handlers of all four workflows."""
    tasks = express.Tasks()

    def service(name: str, milliseconds: float, answer: JSON) -> None:
        async def call(payload: JSON) -> JSON:
            await _take(milliseconds)
            return answer

        tasks.task(name)(call)

    @tasks.task("Charge")
    @tasks.task("ChargePayment")
    async def charge(payment: JSON) -> JSON:
        troubled = weather.trouble
        await _take(400 if troubled else 45, 0.9 if troubled else 0.5)
        chance = random.random()
        if chance < (0.12 if troubled else 0.004):
            raise PaymentServiceUnavailable("try again later")
        if chance < (0.2 if troubled else 0.02):
            raise PaymentDeclined("the bank declines the charge")
        if troubled and chance > 0.96:
            await asyncio.sleep(5)
        return {"authorization": "a-1"}

    @tasks.task("ValidateOrder")
    async def validate(order: JSON) -> JSON:
        await _take(4)
        if random.random() < 0.006:
            raise InvalidOrder("an item has no quantity")
        return {"valid": True, "units": 2}

    service("ScreenForFraud", 60, {"suspicious": False})
    service("ReserveItem", 8, {"reserved": True})
    service("ReleaseItems", 8, {})
    service("BookCourier", 30, {"carrier": "courier", "parcel": "C-1"})
    service("SendReceipt", 12, {"message_id": "m-1"})
    service("Scale", 25, {"key": "picture"})
    service("arn:aws:states:::dynamodb:putItem", 3, {})
    service("arn:aws:states:::sqs:sendMessage", 5, {"MessageId": "m-1"})
    return tasks


@dataclass(frozen=True, slots=True)
class Demand:
    """A workflow and how often a second it is usually started, with what.

    given_up: share that is stopped. broker: where its events come from, if they are not started at once; `source` is a
    consumer of it.
    """

    workflow: express.Workflow
    rate: float
    event: Callable[[], JSON]
    given_up: float = 0.0
    broker: MemoryQueue | MemoryLog | None = None
    source: Source | None = None


def _order() -> JSON:
    lines = [{"sku": f"s-{number}", "qty": 1, "price": 20.0} for number in range(random.randint(1, 5))]
    return {
        "order_id": "o-1",
        "customer": {"email": "ada@example.com"},
        "items": lines,
        "total": random.expovariate(1 / 600),
        "payment": {"method": "card", "token": "tok"},
        "priority": random.choice(("standard", "standard", "express")),
    }


def demands(weather: Weather) -> tuple[Demand, ...]:
    tasks = shop_tasks(weather)
    card_payments, uploads = MemoryLog("card-payments"), MemoryQueue("uploads")
    return (
        Demand(express.compile(ORDER_DEFINITION, tasks, name="orders"), 40, _order, 0.01),
        Demand(
            express.compile(PAYMENTS, tasks, name="payments"),
            60,
            lambda: {"amount": 12.5},
            broker=card_payments,
            source=MemoryLogSource(card_payments),
        ),
        Demand(
            express.compile(THUMBNAILS, tasks, name="thumbnails"),
            6,
            lambda: {"pictures": [f"p-{number}.jpg" for number in range(random.randint(2, 12))]},
            broker=uploads,
            source=MemorySource(uploads),
        ),
        Demand(
            express.compile(READINGS, tasks, name="readings"),
            90,
            lambda: {"sensor": "t-1", "raw": random.gauss(60, 20)},
        ),
    )


async def _drive(runtime: express.Runtime, demand: Demand, weather: Weather) -> None:
    """Start executions at the demanded rate, for ever; while the runtime is full, wait as its users would."""
    owed = 0.0
    while True:
        owed += demand.rate * weather.swell * _TICK_SECONDS * random.uniform(0.8, 1.2)
        while owed >= 1:
            owed -= 1
            if demand.broker is not None:
                _put(demand.broker, demand.event())
                continue
            execution = await runtime.start(demand.workflow, demand.event())
            if random.random() < demand.given_up:
                execution.stop("GivenUp", "the customer has left")
        await asyncio.sleep(_TICK_SECONDS)


def _put(broker: MemoryQueue | MemoryLog, event: JSON) -> None:
    """Add an event, now and then one that is none; nobody looks after the dead letters here."""
    if random.random() < _BROKEN:
        broker.put_bytes(b"<event/>")
    else:
        broker.put(event)
    del broker.dead_letters[:-_DEAD_LETTERS]


def _pumps(runtime: express.Runtime, demands: Sequence[Demand]) -> list[Pump]:
    """What feeds the runtime from brokers. In trouble the bank is too slow for as many payments as may be in flight."""
    outcomes = Outcomes(retryable=frozenset({"PaymentServiceUnavailable", "States.Timeout"}))
    share = max(runtime.max_in_flight // 3, 1)
    return [
        Pump(
            runtime,
            demand.workflow,
            demand.source,
            in_flight=share,
            max_deliveries=2,
            outcomes=outcomes,
            retries=Backoff(0.5, 2.0),
            grace=0,
        )
        for demand in demands
        if demand.source is not None
    ]


async def run(port: int, period: float, max_in_flight: int) -> None:
    """Serve metrics on the port (0: any free one) and keep the load up until told to stop. Prints where it serves."""
    weather = Weather(period, time.monotonic())
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    assert me is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, me.cancel)
    async with express.Runtime(max_in_flight=max_in_flight, drain_timeout=0) as runtime:
        metrics = Metrics(runtime)
        wanted = demands(weather)
        for demand in wanted:
            metrics.register(demand.workflow)
        pumps = _pumps(runtime, wanted)
        for pump in pumps:
            metrics.add_source(pump)
        with metrics.serve(port) as server:
            print(f"{_ANNOUNCEMENT}{server.url}", flush=True)
            async with asyncio.TaskGroup() as drivers:
                for demand in wanted:
                    drivers.create_task(_drive(runtime, demand, weather))
                for pump in pumps:
                    drivers.create_task(pump.run())


@contextmanager
def loaded(names: Sequence[str], *, period: float, max_in_flight: int = _MAX_IN_FLIGHT) -> Iterator[dict[str, str]]:
    """Processes of their own that run the load; gives the address of each one's metrics, by instance name."""
    options = ["--port", "0", "--period", str(period), "--max-in-flight", str(max_in_flight)]
    with ExitStack() as processes:
        addresses = {name: processes.enter_context(_process(options)) for name in names}
        yield addresses


@contextmanager
def _process(options: list[str]) -> Iterator[str]:
    command = [sys.executable, "-m", "grafana.load", *options]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith(_ANNOUNCEMENT):
                raise RuntimeError("the load does not start: its error is above")
            yield urlsplit(line.removeprefix(_ANNOUNCEMENT).strip()).netloc
        finally:
            stop(process)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m grafana.load", description="Run a shop and serve its metrics.")
    parser.add_argument("--port", type=int, default=9464, help="default: 9464; 0: any free port")
    parser.add_argument("--period", type=float, default=240, metavar="SECONDS", help="of the load; default: 240")
    parser.add_argument("--max-in-flight", type=int, default=_MAX_IN_FLIGHT, metavar="N", help="default: 60")
    chosen = parser.parse_args(arguments)
    try:
        with suppress(asyncio.CancelledError):
            express.run(run(chosen.port, chosen.period, chosen.max_in_flight))
    except OSError as error:
        parser.exit(2, f"python -m grafana.load: {error.strerror}; --port 0 takes a free one\n")


if __name__ == "__main__":
    main()
