"""A worker: listens, answers from its replica, and carries out its owner's messages."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from express.api.app import Endpoint
from express.api.counting import Counted, no_answers
from express.api.hosts import HostPolicy
from express.api.server import Server
from express.api.signatures import Signed
from express.api.wire import Limits
from express.api.workers.channel import Channel
from express.api.workers.forwarding import Deputy, call, start
from express.runtime.loops import run
from express.service.replication import Replica
from express.service.store import MemoryStore

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from express.api.messages import Application
    from express.service import Service


@dataclass(frozen=True, slots=True)
class Plan:
    """The configuration of a worker, pickled on its way into the process.

    make_service: makes the process's Service around a store. allowed_hosts: for its HostPolicy. keys: secrets by access
    key id, if requests must be signed. owner: the path of the owner's socket. metrics: where to push counts.
    """

    make_service: Callable[[MemoryStore], Service]
    owner: str
    allowed_hosts: tuple[str, ...] = ()
    keys: Mapping[str, str] | None = None
    metrics: str | None = None
    limits: Limits = field(default_factory=Limits)


def work(plan: Plan, listening: socket.socket, end: socket.socket) -> None:
    """The main function of a worker process, which ends when the owner says so or has ended."""
    # Only the owner reacts to these signals and stops the workers; a terminal sends them to every process.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    run(_work(plan, listening, end))


async def _work(plan: Plan, listening: socket.socket, end: socket.socket) -> None:
    store = MemoryStore()
    with ExitStack() as stack:
        async with plan.make_service(store) as service:
            service.executions.elsewhere = partial(start, plan.owner)
            service.task_tokens.elsewhere = partial(call, plan.owner)
            application = _application(plan, service)
            if plan.metrics is not None:
                from express.service.metrics import ServiceMetrics

                answers = no_answers()
                application = Counted(application, answers)
                stack.enter_context(ServiceMetrics(service, answers).push(plan.metrics))
            server = Server(application, limits=plan.limits, listening=listening)
            channel = await Channel.over(end)
            channel.take()
            deadline = monotonic() + await _obey(channel, server, Replica(store, service.catalogue))
            await server.close(max(deadline - monotonic(), 0))
            await service.close(max(deadline - monotonic(), 0), is_cut_off=True)


def _application(plan: Plan, service: Service) -> Application:
    hosts = HostPolicy(plan.allowed_hosts)
    deputy = Deputy(Endpoint(service, hosts), hosts, plan.owner)
    return deputy if plan.keys is None else Signed(deputy, plan.keys, service.account.region)


async def _obey(channel: Channel, server: Server, replica: Replica) -> float:
    """Carry out the owner's messages until `stop`; returns the seconds to drain, 0 when the owner has ended."""
    while (message := await channel.hear()) is not None:
        match message:
            case {"put": image}:
                await replica.put(image)
            case {"delete": arn}:
                replica.delete(arn)
            case {"listen": _}:
                await server.__aenter__()
            case {"stop": seconds}:
                channel.take()
                return float(seconds)
        channel.take()
    return 0
