"""ARNs of Step Functions: how they are built, parsed and refused.

    arn:aws:states:us-east-1:123456789012:stateMachine:orders          a machine
    arn:aws:states:us-east-1:123456789012:stateMachine:orders:3        its version 3
    arn:aws:states:us-east-1:123456789012:stateMachine:orders:PROD     its alias PROD
    arn:aws:states:us-east-1:123456789012:stateMachine:orders/each     the Distributed Map `each` in it
    arn:aws:states:us-east-1:123456789012:execution:orders:monday      a Standard execution
    arn:aws:states:us-east-1:123456789012:express:orders:monday:uuid   an Express execution
    arn:aws:states:us-east-1:123456789012:activity:approval            an activity
    arn:aws:states:us-east-1:123456789012:mapRun:orders/each:uuid      a run of the Distributed Map `each`

Source: AWS guide "ARN formats"; the errors were recorded. An ARN of another account or region is valid and names
nothing here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from express.service.errors import invalid_arn, invalid_role_arn, wrong_resource_type

#: The resource types of execution ARNs.
ExecutionKind: TypeAlias = Literal["execution", "express"]

#: The resource type of activities.
ACTIVITY: Final = "activity"
_MAP_RUN: Final = "mapRun"

_ARN: Final = re.compile(r"arn:[^:]+:states:[^:]*:[^:]*:(?P<kind>[^:/]+):(?P<rest>.+)\Z", re.DOTALL)
_ROLE: Final = re.compile(r"arn:[^:]+:iam::[^:]*:role/.+\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Account:
    """The account, region and partition in the ARNs of an endpoint; by default AWS's documentation account."""

    id: str = "123456789012"
    region: str = "us-east-1"
    partition: str = "aws"

    def machine_arn(self, name: str) -> str:
        return f"arn:{self.partition}:states:{self.region}:{self.id}:stateMachine:{name}"

    def activity_arn(self, name: str) -> str:
        return f"arn:{self.partition}:states:{self.region}:{self.id}:activity:{name}"


@dataclass(frozen=True, slots=True)
class MachineArn:
    """The parts of a state machine's ARN.

    `base` names the machine, `qualifier` a version or alias, `label` a Distributed Map in it.
    """

    base: str
    qualifier: str | None = None
    label: str | None = None


def read_machine_arn(text: str) -> MachineArn:
    """The ARN of a machine, qualified or not. Raises ServiceError InvalidArn."""
    kind, rest = _kind_and_rest(text)
    if kind != "stateMachine":
        raise wrong_resource_type(kind)
    name, _, qualifier = rest.partition(":")
    base = text.removesuffix(f":{qualifier}") if qualifier else text.removesuffix(":")
    _, slash, label = name.partition("/")
    if slash:
        return MachineArn(base[: -len(label) - 1], qualifier or None, label)
    return MachineArn(base, qualifier or None)


def read_execution_arn(text: str) -> ExecutionKind:
    """What kind of execution an ARN names. Raises ServiceError InvalidArn."""
    kind, _ = _kind_and_rest(text)
    if kind == "execution":
        return "execution"
    if kind == "express":
        return "express"
    raise wrong_resource_type(kind)


def read_activity_arn(text: str) -> None:
    """Raise ServiceError InvalidArn unless `text` is the ARN of an activity, which need not exist."""
    kind, _ = _kind_and_rest(text)
    if kind != ACTIVITY:
        raise wrong_resource_type(kind)


def check_map_run_arn(text: str) -> None:
    """Raise ServiceError InvalidArn unless `text` is the ARN of a Map Run, which need not exist."""
    kind, _ = _kind_and_rest(text)
    if kind != _MAP_RUN:
        raise wrong_resource_type(kind)


def is_activity_arn(text: str) -> bool:
    match = _ARN.match(text)
    return match is not None and match["kind"] == ACTIVITY


def check_role_arn(text: str) -> None:
    """Raise ServiceError InvalidArn unless `text` is the ARN of an IAM role, which need not exist."""
    if not _ROLE.match(text):
        raise invalid_role_arn(text)


def _kind_and_rest(text: str) -> tuple[str, str]:
    match = _ARN.match(text)
    if match is None:
        raise invalid_arn(f"Invalid ARN prefix: {text}")
    return match["kind"], match["rest"]
