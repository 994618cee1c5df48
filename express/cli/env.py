"""`express env` prints the environment that sends boto3, the aws CLI and every other SDK to `express serve`.

    eval "$(express env)"        # sh, bash, zsh
    express env | source         # fish, where `export` is a function

The second variable is as necessary as the first: the SDKs put `sync-` before the host of StartSyncExecution, and
`sync-127.0.0.1` is no host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.cli.options import port
from express.cli.status import OK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from express.cli import Subparsers

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8083

#: Without `--auth` the endpoint checks no credentials, but an SDK without any sends no request.
_CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "express",
    "AWS_SECRET_ACCESS_KEY": "express",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def add_parser(subparsers: Subparsers) -> None:
    """Declare `express env`."""
    parser = subparsers.add_parser(
        "env",
        help="print the environment for clients of `express serve`",
        description='Print the export lines that send the AWS SDKs to `express serve`: eval "$(express env)", in fish: '
        "express env | source",
    )
    add_address(parser)
    parser.add_argument(
        "--credentials", action="store_true", help="dummy credentials and a region too, where none are configured"
    )
    parser.set_defaults(handler=run)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Declare where the endpoint is."""
    parser.add_argument("--host", default=DEFAULT_HOST, help=f"default: {DEFAULT_HOST}")
    parser.add_argument("--port", type=port, default=DEFAULT_PORT, help=f"default: {DEFAULT_PORT}")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    variables = environment(f"http://{host}:{arguments.port}")
    for line in exports({**variables, **_CREDENTIALS} if arguments.credentials else variables):
        print(line)
    return OK


def environment(url: str) -> dict[str, str]:
    """The variables that send an SDK to the endpoint at `url`."""
    return {"AWS_ENDPOINT_URL_SFN": url, "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}


def exports(variables: Mapping[str, str]) -> list[str]:
    """Lines for a POSIX shell."""
    from shlex import quote

    return [f"export {name}={quote(value)}" for name, value in variables.items()]
