"""`express serve` serves the Step Functions API on this machine to boto3, the aws CLI, CDK and what builds on them.

It listens on loopback. Any other address needs `--auth` (the keys that requests are signed with) or
`--unauthenticated`, which lets anyone who reaches the port run the machines. Handlers come from `--tasks` alone;
nothing a request names is ever imported.
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import socket
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from express.cli.env import add_address, environment, exports
from express.cli.options import account, add_mock_config, amount, port, region
from express.cli.status import FAILED, OK, CommandError
from express.cli.streams import usable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.api import Server
    from express.api.counting import Answers
    from express.api.messages import Application
    from express.api.workers import Owner, Plan
    from express.cli import Subparsers
    from express.service import Service
    from express.service.replication import ReplicatedStore
    from express.service.store import MemoryStore
    from express.tasks import Tasks
    from express.types import MachineType

_EPILOG = """\
examples:
  express serve --tasks handlers:tasks
  express serve --definitions workflows/ --tasks handlers:tasks
  eval "$(express env)"; aws stepfunctions list-state-machines

--lambda-endpoint calls the functions no handler is registered for at a server that speaks Lambda's Invoke API:
sam local start-lambda, http://127.0.0.1:3001.
--mock-config answers the tasks of stateMachineArn#TestCase by a mock configuration of Step Functions Local.
--definitions takes every *.json file of a directory as a machine, named after the file up to its first dot.
--auth takes a file with a line ID:SECRET for each access key; without it, the variable EXPRESS_ACCESS_KEYS is looked
at, where commas separate them. With keys, a request that is not signed by one of them is refused, as AWS refuses it.
--workers spreads the load over processes; Standard executions, activities and task tokens stay in one, and Express
executions are not remembered.
SIGTERM and Ctrl-C stop the endpoint: what has arrived is answered first. A second one stops it at once.
"""

#: Seconds that running executions have to end after a stop, below the 30 after which Kubernetes kills.
_DRAIN: Final = 25
#: Environment variable of the access keys, if no file is given.
_KEYS: Final = "EXPRESS_ACCESS_KEYS"
#: Upper bound on connections per process, if the system has file descriptors for them.
_CONNECTIONS: Final = 10_000


def add_parser(subparsers: Subparsers) -> None:
    """Declare `express serve`."""
    parser = subparsers.add_parser(
        "serve",
        help="serve the Step Functions API on this machine",
        description="Serve the Step Functions API: boto3 and the aws CLI work with it unchanged.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_address(parser)
    parser.add_argument("--tasks", metavar="MODULE:REGISTRY", help="the express.Tasks object with the handlers")
    parser.add_argument("--lambda-endpoint", metavar="URL", help="where the other Lambda functions are invoked")
    add_mock_config(parser)
    parser.add_argument("--definitions", metavar="DIR", help="machines to begin with")
    parser.add_argument("--type", choices=("EXPRESS", "STANDARD"), default="EXPRESS", help="theirs; default: EXPRESS")
    parser.add_argument("--region", type=region, default="us-east-1", help="in ARNs; default: us-east-1")
    parser.add_argument("--account", type=account, default="123456789012", help="in ARNs; default: 123456789012")
    parser.add_argument(
        "--strict-aws",
        action="store_true",
        help="remember no Express executions, as AWS does; without it the recent ones can be described and listed",
    )
    parser.add_argument(
        "--max-in-flight",
        metavar="N",
        type=amount,
        default=10_000,
        help="executions of each type at once, in each worker; default: 10000",
    )
    parser.add_argument("--workers", metavar="N", type=amount, default=1, help="processes that answer; default: 1")
    parser.add_argument("--metrics-port", metavar="PORT", type=port, help="serve Prometheus metrics there, on --host")
    parser.add_argument("--drain", metavar="SECONDS", type=amount, default=_DRAIN, help=f"default: {_DRAIN}")
    safety = parser.add_argument_group("safety")
    safety.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a further Host header to answer to ('*': any)",
    )
    safety.add_argument("--auth", metavar="FILE", help=f"answer only what is signed with a key of it (or of {_KEYS})")
    safety.add_argument("--unauthenticated", action="store_true", help="listen on an address others can reach")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command, until it is stopped."""
    keys = _read_keys(arguments.auth)
    if keys is None and not arguments.unauthenticated and not _is_loopback(arguments.host):
        raise CommandError(
            f"--host {arguments.host} can be reached by others, and the endpoint asks nobody for credentials",
            hint="give it access keys with --auth; to let whoever reaches the port run the machines, --unauthenticated",
        )
    if arguments.workers > 1 and os.name == "nt":
        raise CommandError("--workers needs Unix sockets, which this system does not have")
    try:
        import httptools  # noqa: F401
    except ImportError:
        raise CommandError("express serve needs the package httptools", hint="pip install httptools") from None
    from express.runtime import run as run_loop

    definitions = _read_definitions(Path(arguments.definitions)) if arguments.definitions else {}
    run_loop(_serve(arguments, keys, definitions))
    return OK


def _read_keys(path: str | None) -> Mapping[str, str] | None:
    """Return the secrets by access key id, or None if requests need no signature."""
    text, place = os.environ.get(_KEYS), _KEYS
    if path is not None:
        with usable("read", path):
            text, place = Path(path).read_text(encoding="utf-8"), path
    if text is None:
        return None
    from express.api.signatures import read_keys

    try:
        return read_keys(text)
    except ValueError as error:
        raise CommandError(f"{place}: {error}", hint="write ID:SECRET, one to a line") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _make_service(arguments: argparse.Namespace, store: MemoryStore) -> Service:
    """Create the Service of one process: the only one, the owner of workers, or a worker."""
    from express.cli.inputs import load_mocks
    from express.service import Account, Service

    return Service(
        _load_tasks(arguments),
        account=Account(arguments.account, arguments.region),
        store=store,
        extended=arguments.workers == 1 and not arguments.strict_aws,
        max_in_flight=arguments.max_in_flight,
        mocks=load_mocks(arguments.mock_config),
    )


def _load_tasks(arguments: argparse.Namespace) -> Tasks:
    """Return the handlers of `--tasks`, with `--lambda-endpoint` for all other functions."""
    from express.cli.inputs import load_tasks
    from express.tasks import Tasks

    tasks = load_tasks(arguments.tasks) if arguments.tasks else Tasks()
    if arguments.lambda_endpoint is not None:
        tasks.http("*", arguments.lambda_endpoint)
    return tasks


async def _serve(arguments: argparse.Namespace, keys: Mapping[str, str] | None, definitions: dict[Path, str]) -> None:
    from express.api import no_answers
    from express.service.replication import ReplicatedStore

    async with AsyncExitStack() as stack:
        store = ReplicatedStore()
        service = await stack.enter_async_context(_make_service(arguments, store))
        await _create(service, definitions, arguments.type)
        answers = no_answers()
        pushed_to, metrics_url = _serve_metrics(arguments, service, answers, stack)
        server = _make_server(arguments, service, store, keys, pushed_to, answers)
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            raise _cannot_listen(arguments.host, arguments.port, error) from None
        _announce(server.url, service, metrics_url)
        await _until_told_to_stop()
        deadline = monotonic() + arguments.drain
        await server.close(arguments.drain)
        await service.close(max(deadline - monotonic(), 0), is_cut_off=True)


def _cannot_listen(host: str, port: int, error: OSError) -> CommandError:
    hint = {
        errno.EADDRINUSE: "another program uses the port: choose one with --port",
        errno.EACCES: "ports below 1024 are for the system: choose one with --port",
    }.get(error.errno or 0, "give it an address of this machine with --host")
    # asyncio's text for a failed bind repeats the address; gaierror has error codes of its own.
    reason = error.strerror or str(error)
    if error.errno is not None and not isinstance(error, socket.gaierror):
        reason = os.strerror(error.errno)
    return CommandError(f"cannot listen on {host}:{port}: {reason}", hint=hint)


def _serve_metrics(
    arguments: argparse.Namespace, service: Service, answers: Answers, stack: AsyncExitStack
) -> tuple[str | None, str | None]:
    """Serve metrics if wanted; return the socket that workers push theirs to, and the page's address."""
    if arguments.metrics_port is None:
        return None, None
    from tempfile import TemporaryDirectory

    from express.metrics import Gathering
    from express.service.metrics import ServiceMetrics

    metrics, path = ServiceMetrics(service, answers), None
    try:
        if arguments.workers == 1:
            page = metrics.serve(arguments.metrics_port, arguments.host)
        else:
            path = os.path.join(stack.enter_context(TemporaryDirectory(prefix="express-")), "metrics")
            page = stack.enter_context(Gathering(path)).serve(arguments.metrics_port, arguments.host)
            stack.enter_context(metrics.push(path))
    except OSError as error:
        raise CommandError(
            error.strerror or str(error), hint="another program may use the port: choose one with --metrics-port"
        ) from None
    return path, stack.enter_context(page).url


def _make_server(
    arguments: argparse.Namespace,
    service: Service,
    store: ReplicatedStore,
    keys: Mapping[str, str] | None,
    pushed_to: str | None,
    answers: Answers,
) -> Server | Owner:
    """Create the listener: a server in this process, or the owner of worker processes."""
    from express.api import Counted, Endpoint, HostPolicy, Limits, Server, Signed
    from express.api.descriptors import room_for_connections

    limits = Limits(connections=room_for_connections(_CONNECTIONS))
    # With keys the Host header need not be checked: a web page cannot sign requests.
    allowed = ("*",) if keys is not None else (arguments.host, *arguments.allow_host)
    if arguments.workers == 1:
        endpoint = Endpoint(service, HostPolicy(allowed))
        application: Application = endpoint if keys is None else Signed(endpoint, keys, service.account.region)
        if arguments.metrics_port is not None:
            application = Counted(application, answers)
        return Server(application, arguments.host, arguments.port, limits)
    from express.api.workers import Owner, Plan

    make_service = partial(_make_service, arguments)

    def make_plan(owner: str) -> Plan:
        return Plan(make_service, owner, allowed, keys, pushed_to, limits)

    return Owner(
        Endpoint(service, HostPolicy()),
        store,
        make_plan,
        count=arguments.workers,
        host=arguments.host,
        port=arguments.port,
    )


def _read_definitions(directory: Path) -> dict[Path, str]:
    with usable("read", str(directory)):
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".json")
    texts = {}
    for path in paths:
        with usable("read", str(path)):
            texts[path] = path.read_text(encoding="utf-8-sig", errors="replace")
    return texts


async def _create(service: Service, definitions: dict[Path, str], machine_type: MachineType) -> None:
    """Create a machine for each definition. Raises CommandError for the first invalid one."""
    from express.service import ServiceError

    role = f"arn:aws:iam::{service.account.id}:role/express"
    for path, text in definitions.items():
        request = {"name": path.name.split(".")[0], "definition": text, "roleArn": role, "type": machine_type}
        try:
            await service.catalogue.create(request)
        except ServiceError as error:
            raise _wrong_definition(path, machine_type, error.message) from None


def _wrong_definition(path: Path, machine_type: MachineType, message: str) -> CommandError:
    """Return an error with every mistake at its place in the text, or else the service's own message."""
    from express.cli.terminal import wants_color
    from express.compiler import check
    from express.definition.document import load_definition
    from express.definition.render import render_text
    from express.errors import DefinitionError

    try:
        problems = [*check(load_definition(path), type=machine_type)]
    except DefinitionError as error:
        problems = [*error.problems]  # type: ignore[list-item]  # a Problem is a Diagnostic
    if any(problem.severity == "ERROR" for problem in problems):
        message = render_text(problems, source_name=str(path), color=wants_color(sys.stderr)).rstrip()
    return CommandError(f"{path} cannot be served\n\n{message}\n", status=FAILED)


def _announce(url: str, service: Service, metrics_url: str | None) -> None:
    machines = list(service.catalogue.machines())
    print(f"Step Functions endpoint at {url}")
    for machine in machines:
        print(f"  {machine.type:8} {machine.arn}")
    if metrics_url is not None:
        print(f"metrics at {metrics_url}")
    print("for its clients:")
    for line in exports(environment(url)):
        print(f"  {line}")
    sys.stdout.flush()


async def _until_told_to_stop() -> None:
    """Return at the first signal that ends a command; a second one has its default effect."""
    import asyncio

    from express.cli.signals import on_first_signal

    stop = asyncio.Event()
    on_first_signal(stop.set)
    await stop.wait()
    print("express: stopping; a second signal stops at once", file=sys.stderr)
