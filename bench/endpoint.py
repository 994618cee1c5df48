"""StartSyncExecution over HTTP: the endpoint against a handler written by hand, on the same server.

Both answer the same requests with the same JSON, on sixteen keep-alive connections: the endpoint runs the machine
(W1, a single Pass), the handler does what its author would write instead: read the body, read the input in it, write
the output, write the answer. What the two have in common, sockets and HTTP, is `express.api.wire`; the ratio is what
the API costs on top: names, constraints, ARNs, records, metering, and the engine.

The server runs in a process of its own and the legs take turns. Requests per second count the client too, which shares
the machine; processor time per request is the server's alone and the number to trust.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import orjson
from rich.console import Console
from rich.table import Table

import express
from bench.machine import headline
from bench.workload import load_workloads
from express.api import Endpoint, HostPolicy, Server
from express.api.messages import Request, Response
from express.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

CONNECTIONS: Final = 16
#: The ratio endpoint / hand-written handler to reach.
TARGET: Final = 0.5

ENDPOINT, HANDWRITTEN = "endpoint", "handwritten"
_ARN: Final = "arn:aws:states:us-east-1:123456789012"
_MACHINE: Final = f"{_ARN}:stateMachine:W1"

# --------------------------------------------------------------------------------------------------------------
# the server's process


class Handwritten:
    """The same job without a workflow engine."""

    def __init__(self) -> None:
        self._answered = 0

    async def __call__(self, request: Request) -> Response:
        parameters = orjson.loads(request.body)
        started = round(time.time(), 3)
        text = parameters["input"]
        output = orjson.dumps(orjson.loads(text)).decode()
        self._answered += 1
        name = f"00000000-0000-4000-a000-{self._answered:012x}"
        answer = {
            "executionArn": f"{_ARN}:express:W1:{name}:{name}",
            "stateMachineArn": parameters["stateMachineArn"],
            "name": name,
            "startDate": started,
            "stopDate": round(time.time(), 3),
            "status": "SUCCEEDED",
            "input": text,
            "inputDetails": {"included": True},
            "output": output,
            "outputDetails": {"included": True},
            "billingDetails": {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100},
        }
        return Response(200, orjson.dumps(answer))


def serve(pipe: Connection) -> None:
    """Serve both legs; tell their ports, then the processor time used so far each time something is sent."""
    express.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(Service())
        definition = orjson.dumps(load_workloads()["W1"].definition).decode()
        role = "arn:aws:iam::123456789012:role/bench"
        await service.catalogue.create({"name": "W1", "definition": definition, "roleArn": role, "type": "EXPRESS"})
        endpoint = await stack.enter_async_context(Server(Endpoint(service, HostPolicy())))
        handwritten = await stack.enter_async_context(Server(Handwritten()))
        pipe.send({ENDPOINT: endpoint.port, HANDWRITTEN: handwritten.port})
        asked = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), asked.set)
        while True:
            await asked.wait()
            asked.clear()
            if pipe.recv() is None:
                return
            pipe.send(time.process_time())


# --------------------------------------------------------------------------------------------------------------
# the client's process


class Client(asyncio.Protocol):
    """One connection that sends the same request again as soon as it has been answered."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._buffer = b""
        self._transport: Any = None
        self._until = 0.0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sent = 0.0
        #: How long each answer took, in seconds.
        self.times: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    async def run(self, until: float) -> None:
        self.times = []
        self._until = until
        self._done = asyncio.get_running_loop().create_future()
        self._send()
        await self._done

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        if b"SUCCEEDED" not in body:
            self._done.set_exception(RuntimeError(self._buffer.decode()))
            return
        self._buffer = b""
        now = time.perf_counter()
        self.times.append(now - self._sent)
        if now < self._until:
            self._send()
        else:
            self._done.set_result(None)

    def close(self) -> None:
        self._transport.close()


def make_request(port: int) -> bytes:
    """What botocore sends, its signature included."""
    event = orjson.dumps(load_workloads()["W1"].events(1)[0]).decode()
    body = orjson.dumps({"stateMachineArn": _MACHINE, "input": event})
    credential = "Credential=AKIDEXAMPLE/20260101/us-east-1/states/aws4_request"
    signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-target"
    lines = [
        "POST / HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Accept-Encoding: identity",
        "X-Amz-Target: AWSStepFunctions.StartSyncExecution",
        "Content-Type: application/x-amz-json-1.0",
        "User-Agent: Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux lang/python#3.13.0 cfg/retry-mode#standard",
        "X-Amz-Date: 20260101T000000Z",
        f"Authorization: AWS4-HMAC-SHA256 {credential}, {signed}, Signature={'0' * 64}",
        "amz-sdk-invocation-id: 00000000-0000-4000-a000-000000000000",
        "amz-sdk-request: attempt=1",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class Leg:
    """Requests per second, microseconds of the server's processor for each, and the milliseconds within which 99 of 100
    were answered, of every round."""

    clients: list[Client]
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


async def measure(pipe: Connection, ports: dict[str, int], rounds: int, seconds: float) -> dict[str, Leg]:
    """Let the legs take turns, `rounds` times each for `seconds`, after a first turn that only warms up."""
    loop = asyncio.get_running_loop()
    legs = {}
    for name, port in ports.items():
        make_client = partial(Client, make_request(port))
        connected = [await loop.create_connection(make_client, "127.0.0.1", port) for _ in range(CONNECTIONS)]
        legs[name] = Leg([client for _, client in connected])
    for round_ in range(rounds + 1):
        for leg in legs.values():
            before, begin = _processor_time(pipe), time.perf_counter()
            await asyncio.gather(*(client.run(begin + seconds) for client in leg.clients))
            times = sorted(taken for client in leg.clients for taken in client.times)
            if round_:
                leg.rates.append(len(times) / (time.perf_counter() - begin))
                leg.costs.append((_processor_time(pipe) - before) / len(times) * 1e6)
                leg.p99.append(times[len(times) * 99 // 100] * 1e3)
    for leg in legs.values():
        for client in leg.clients:
            client.close()
    return legs


def _processor_time(pipe: Connection) -> float:
    pipe.send("?")
    used: float = pipe.recv()
    return used


def show(legs: dict[str, Leg], console: Console) -> None:
    table = Table(title=f"StartSyncExecution of W1, {CONNECTIONS} keep-alive connections, one server process")
    for heading in ("", "requests/s", "processor us/request", "p99 ms"):
        table.add_column(heading, justify="right")
    for name, leg in legs.items():
        table.add_row(name, f"{median(leg.rates):,.0f}", f"{median(leg.costs):.1f}", f"{median(leg.p99):.1f}")
    console.print(table)
    ours, theirs = legs[ENDPOINT], legs[HANDWRITTEN]
    by_rate = median(a / b for a, b in zip(ours.rates, theirs.rates, strict=True))
    by_cost = median(b / a for a, b in zip(ours.costs, theirs.costs, strict=True))
    console.print(f"endpoint / handwritten: {by_rate:.2f} by rate, {by_cost:.2f} by processor time (target {TARGET:g})")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.endpoint", description="The endpoint against hand-written.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each leg runs (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each leg runs in a round (default 1)")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, not how fast")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 0.05
    console = Console(width=110)
    console.print(headline(), highlight=False)
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        show(express.run(measure(pipe, pipe.recv(), options.rounds, options.seconds)), console)
    finally:
        pipe.send(None)
        process.join(10)


if __name__ == "__main__":
    main()
