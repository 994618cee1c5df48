"""`express serve`: the Step Functions API on this machine, for boto3, the aws CLI, CDK and everything built on them.

It listens on loopback. Any other address needs `--unauthenticated`, which says what it is: whoever reaches the port
may run the machines. Handlers come from `--tasks` alone; nothing a request names is ever imported.
"""

from __future__ import annotations

import argparse
import ipaddress
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from express.cli.env import add_address, environment, exports
from express.cli.options import positive
from express.cli.status import FAILED, OK, CommandError
from express.cli.streams import usable

if TYPE_CHECKING:
    from express.cli import Subparsers
    from express.service import Service
    from express.tasks import Tasks
    from express.types import MachineType

_EPILOG = """\
examples:
  express serve --tasks handlers:tasks
  express serve --definitions workflows/ --tasks handlers:tasks
  eval "$(express env)"; aws stepfunctions list-state-machines

--definitions takes every *.json file of a directory as a machine, named after the file up to its first dot.
SIGTERM and Ctrl-C stop the endpoint: what has arrived is answered first. A second one stops it at once.
"""

#: Seconds for running executions to end when the endpoint is stopped; Kubernetes kills after 30.
_DRAIN: Final = 25


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
    parser.add_argument("--definitions", metavar="DIR", help="machines to begin with")
    parser.add_argument("--type", choices=("EXPRESS", "STANDARD"), default="EXPRESS", help="theirs; default: EXPRESS")
    parser.add_argument("--region", default="us-east-1", help="in ARNs; default: us-east-1")
    parser.add_argument("--account", default="123456789012", help="in ARNs; default: 123456789012")
    parser.add_argument(
        "--strict-aws",
        action="store_true",
        help="remember no Express executions, as AWS does; without it the recent ones can be described and listed",
    )
    parser.add_argument("--extended", dest="strict_aws", action="store_false", help="the opposite, and the default")
    parser.add_argument("--max-in-flight", metavar="N", type=positive, default=10_000, help="default: 10000")
    parser.add_argument("--drain", metavar="SECONDS", type=positive, default=_DRAIN, help=f"default: {_DRAIN}")
    safety = parser.add_argument_group("safety")
    safety.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a further Host header to answer to ('*': any)",
    )
    safety.add_argument("--unauthenticated", action="store_true", help="listen on an address others can reach")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command; it ends when it is told to."""
    if not arguments.unauthenticated and not _is_loopback(arguments.host):
        raise CommandError(
            f"--host {arguments.host} can be reached by others, and the endpoint asks nobody for credentials",
            hint="to let whoever reaches the port run the machines, say --unauthenticated",
        )
    try:
        import httptools  # noqa: F401
    except ImportError:
        raise CommandError("express serve needs the package httptools", hint="pip install 'express[server]'") from None
    from express.cli.inputs import load_tasks
    from express.runtime import run as run_loop
    from express.tasks import Tasks

    tasks = load_tasks(arguments.tasks) if arguments.tasks else Tasks()
    definitions = _read_definitions(Path(arguments.definitions)) if arguments.definitions else {}
    run_loop(_serve(arguments, tasks, definitions))
    return OK


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _serve(arguments: argparse.Namespace, tasks: Tasks, definitions: dict[Path, str]) -> None:
    from express.api import Endpoint, HostPolicy, Server
    from express.service import Account, Service

    account = Account(arguments.account, arguments.region)
    hosts = HostPolicy([arguments.host, *arguments.allow_host])
    async with Service(
        tasks, account=account, extended=not arguments.strict_aws, max_in_flight=arguments.max_in_flight
    ) as service:
        await _create(service, definitions, arguments.type)
        server = Server(Endpoint(service, hosts), arguments.host, arguments.port)
        try:
            await server.__aenter__()
        except OSError as error:
            raise CommandError(
                f"cannot listen on {arguments.host}:{arguments.port}: {error.strerror or error}",
                hint="another program may use the port: choose one with --port",
            ) from None
        try:
            _announce(server.url, service)
            await _until_told_to_stop()
            deadline = monotonic() + arguments.drain
            await server.close(arguments.drain)
            await service.close(max(deadline - monotonic(), 0))
        finally:
            await server.close(0)


def _read_definitions(directory: Path) -> dict[Path, str]:
    with usable("read", str(directory)):
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".json")
    texts = {}
    for path in paths:
        with usable("read", str(path)):
            texts[path] = path.read_text(encoding="utf-8-sig", errors="replace")
    return texts


async def _create(service: Service, definitions: dict[Path, str], machine_type: MachineType) -> None:
    """Create a machine for each definition. Raises CommandError for the first that is wrong."""
    from express.service import ServiceError

    role = f"arn:aws:iam::{service.account.id}:role/express"
    for path, text in definitions.items():
        request = {"name": path.name.split(".")[0], "definition": text, "roleArn": role, "type": machine_type}
        try:
            await service.catalogue.create(request)
        except ServiceError as error:
            raise _wrong_definition(path, machine_type, error.message) from None


def _wrong_definition(path: Path, machine_type: MachineType, message: str) -> CommandError:
    """Every mistake in its place in the text; where the definition is right, what else the service had against it."""
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


def _announce(url: str, service: Service) -> None:
    machines = list(service.catalogue.machines())
    print(f"Step Functions endpoint at {url}")
    for machine in machines:
        print(f"  {machine.type:8} {machine.arn}")
    print("for its clients:")
    for line in exports(environment(url)):
        print(f"  {line}")
    sys.stdout.flush()


async def _until_told_to_stop() -> None:
    """Return at the first SIGTERM or SIGINT; a second one does what it usually does."""
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    for number in signals:
        loop.remove_signal_handler(number)
    print("express: stopping; a second signal stops at once", file=sys.stderr)
