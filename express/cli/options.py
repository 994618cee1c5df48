"""Types of command line options that several verbs share."""

from __future__ import annotations

import argparse
import re
from typing import Final

#: Upper bound of what is counted or waited for.
MOST: Final = 1_000_000_000


def positive(text: str) -> int:
    """An int of 1 or more."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return value


def amount(text: str) -> int:
    """An int from 1 to a billion: of executions at once, which is what a Runtime takes, of processes, or of seconds."""
    value = positive(text)
    if value > MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {MOST:,}")
    return value


def port(text: str) -> int:
    """A TCP port, 0 for any free one."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def account(text: str) -> str:
    """The id of an AWS account."""
    if re.fullmatch(r"[0-9]{12}", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not the id of an AWS account: 12 digits")
    return text


def region(text: str) -> str:
    """The name of an AWS region, as it stands in ARNs."""
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a region")
    return text


#: The environment variable in which Step Functions Local finds its mock configuration.
MOCK_CONFIG = "SFN_MOCK_CONFIG"


def add_mock_config(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare the mock configuration: an option, or Step Functions Local's environment variable."""
    parser.add_argument(
        "--mock-config", metavar="FILE", help=f"mocked responses, as for Step Functions Local; default: ${MOCK_CONFIG}"
    )
