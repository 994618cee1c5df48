"""StartSyncExecution over HTTP: the endpoint against a handwritten handler, on the same server, and under uvicorn.

Both answer the same requests with the same JSON, on sixteen keep-alive connections. The endpoint runs the machine
(W1, a single Pass). The handler does what its author would write instead: parse the body and the input in it,
serialise the output and the answer. Both use `express.api.wire` for sockets and HTTP, so the ratio is what the API
costs on top: names, constraints, ARNs, records, metering, and the engine.

A third leg is the endpoint that keeps no Express executions (`--strict-aws`); it saves the cost of their records and
histories. A fourth is the first as an ASGI application under uvicorn, which `express.api.wire` replaces, on the same
event loop and with the same parser. It is left out where uvicorn is not installed (`pip install 'express[bench]'`).

The server runs in a process of its own and the legs take turns. Requests per second include the cost of the client,
which shares the machine; CPU time per request is the server's alone and the number to trust. Finally, `express serve`
itself is started a few times: seconds until it answers, and its memory with one machine before and after the first
requests.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import orjson
from rich.console import Console
from rich.table import Table

import express
from bench.machine import headline
from bench.workload import load_workloads
from express.api import Endpoint, HostPolicy, Server
from express.api.messages import CONTENT_TYPE, Request, Response
from express.service import Service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from multiprocessing.connection import Connection

    from express.api.messages import Application

CONNECTIONS: Final = 16
#: Target for the ratio endpoint / hand-written handler.
TARGET: Final = 0.5

#: Target for the seconds to the first answer.
START_TARGET: Final = 1.0

ENDPOINT, STRICT, HANDWRITTEN, UVICORN = "endpoint", "endpoint, strict", "handwritten", "endpoint, uvicorn"
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


class Asgi:
    """An endpoint as an ASGI application, for uvicorn."""

    def __init__(self, application: Endpoint) -> None:
        self._application = application

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        request = Request(scope["method"].encode(), dict(scope["headers"]), body, scope["raw_path"])
        response = await self._application(request)
        length = (b"content-length", str(len(response.body)).encode())
        headers = [(b"content-type", CONTENT_TYPE), length]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})


async def _under_uvicorn(application: Endpoint, stack: AsyncExitStack) -> int:
    """Serve an endpoint under uvicorn until the stack is left; return its port."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(Asgi(application), http="httptools", lifespan="off", access_log=False, log_level="error")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn signals no such event
        await asyncio.sleep(0.01)

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    port: int = listening.getsockname()[1]
    return port


def serve(pipe: Connection) -> None:
    """Serve all legs; send their ports, then the CPU time used so far for every message received."""
    express.run(_serve(pipe))


async def _endpoint(extended: bool, stack: AsyncExitStack) -> Endpoint:
    """Return an endpoint with the machine, open until the stack is left."""
    service = await stack.enter_async_context(Service(extended=extended))
    definition = orjson.dumps(load_workloads()["W1"].definition).decode()
    role = "arn:aws:iam::123456789012:role/bench"
    await service.catalogue.create({"name": "W1", "definition": definition, "roleArn": role, "type": "EXPRESS"})
    return Endpoint(service, HostPolicy())


async def _serve(pipe: Connection) -> None:
    async with AsyncExitStack() as stack:
        endpoint, strict = [await _endpoint(extended, stack) for extended in (True, False)]
        applications: dict[str, Application] = {ENDPOINT: endpoint, HANDWRITTEN: Handwritten(), STRICT: strict}
        ports = {name: (await stack.enter_async_context(Server(one))).port for name, one in applications.items()}
        if importlib.util.find_spec("uvicorn"):
            ports[UVICORN] = await _under_uvicorn(endpoint, stack)
        pipe.send(ports)
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
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
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
    """A request as botocore sends it, with a placeholder for the signature."""
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
    """The figures of every round.

    Requests per second, microseconds of the server's CPU time for each, 50th and 99th percentile of latency in
    milliseconds.
    """

    clients: list[Client]
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


async def measure(pipe: Connection, ports: dict[str, int], rounds: int, seconds: float) -> dict[str, Leg]:
    """Measure the legs in turn, `rounds` times each for `seconds`, after a first turn that only warms up."""
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
                leg.p50.append(times[len(times) // 2] * 1e3)
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
    for heading in ("", "requests/s", "processor us/request", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for name, leg in legs.items():
        table.add_row(
            name,
            f"{median(leg.rates):,.0f}",
            f"{median(leg.costs):.1f}",
            f"{median(leg.p50):.2f}",
            f"{median(leg.p99):.2f}",
        )
    console.print(table)
    _compare(legs, ENDPOINT, HANDWRITTEN, f" (target {TARGET:g})", console)
    _compare(legs, STRICT, HANDWRITTEN, "", console)
    if UVICORN in legs:
        _compare(legs, ENDPOINT, UVICORN, "", console)
    else:
        console.print("uvicorn is not installed, its leg is left out: pip install uvicorn")


def _compare(legs: dict[str, Leg], one: str, other: str, target: str, console: Console) -> None:
    ours, theirs = legs[one], legs[other]
    by_rate = median(a / b for a, b in zip(ours.rates, theirs.rates, strict=True))
    by_cost = median(b / a for a, b in zip(ours.costs, theirs.costs, strict=True))
    console.print(f"{one} / {other}: {by_rate:.2f} by rate, {by_cost:.2f} by processor time{target}")


# --------------------------------------------------------------------------------------------------------------
# the command


@dataclass(frozen=True, slots=True)
class Start:
    """One start of `express serve`.

    Wall and CPU seconds until it listened, and bytes of memory then and after some thousand requests.
    """

    seconds: float
    processor: float
    memory: int
    memory_used: int


def start_command(requests: int) -> Start:
    """Start `express serve` with one machine, send it `requests` requests, and stop it."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "W1.asl.json").write_bytes(orjson.dumps(load_workloads()["W1"].definition))
        command = [sys.executable, "-m", "express.cli", "serve", "--port", "0", "--definitions", directory]
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            seconds = time.perf_counter() - begin
            processor, memory = _processor_of(process.pid), _memory_of(process.pid)
            express.run(_ask(port, requests))
            used = _memory_of(process.pid)
            process.terminate()
        return Start(seconds, processor, memory, used)


async def _ask(port: int, requests: int) -> None:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(partial(Client, make_request(port)), "127.0.0.1", port)
    for _ in range(requests):
        await client.run(0)
    client.close()


def _processor_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_of(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def show_starts(starts: Sequence[Start], requests: int, console: Console) -> None:
    seconds, processor = median(one.seconds for one in starts), median(one.processor for one in starts)
    memory, used = (median(getattr(one, name) for one in starts) / 2**20 for name in ("memory", "memory_used"))
    console.print(
        f"express serve listens after {seconds:.2f} s (target {START_TARGET:g} s), {processor:.2f} s of processor; "
        f"{memory:.0f} MiB, {used:.0f} MiB after {requests:,} requests"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.endpoint", description="The endpoint against hand-written.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each leg runs (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each leg runs in a round (default 1)")
    parser.add_argument("--starts", type=int, default=5, help="how often `express serve` is started (default 5)")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, not how fast")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds, options.starts = 1, 0.05, 1
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
    requests = 100 if options.quick else 5_000
    show_starts([start_command(requests) for _ in range(options.starts)], requests, console)


if __name__ == "__main__":
    main()
