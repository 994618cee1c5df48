"""ARNs taken apart and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from express.service import Account, ServiceError
from express.service.arns import MachineArn, check_role_arn, read_execution_arn, read_machine_arn

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "arn:aws:states:us-east-1:123456789012"
M = f"{HEAD}:stateMachine:m"

MACHINES = [
    (M, MachineArn(M)),
    (f"{M}:1", MachineArn(M, "1")),
    (f"{M}:PROD", MachineArn(M, "PROD")),
    (f"{M}/each", MachineArn(M, None, "each")),
    (f"{M}/each:1", MachineArn(M, "1", "each")),
    ("arn:aws-cn:states:cn-north-1:1:stateMachine:ä.b", MachineArn("arn:aws-cn:states:cn-north-1:1:stateMachine:ä.b")),
]
REFUSED: list[tuple[Callable[[str], object], str, str]] = [
    (read_machine_arn, "m", "Invalid ARN prefix: m"),
    (read_machine_arn, "", "Invalid ARN prefix: "),
    (
        read_machine_arn,
        "arn:aws:lambda:us-east-1:1:function:f",
        "Invalid ARN prefix: arn:aws:lambda:us-east-1:1:function:f",
    ),
    (read_machine_arn, f"{HEAD}:stateMachine:", f"Invalid ARN prefix: {HEAD}:stateMachine:"),
    (read_machine_arn, f"{HEAD}:execution:m:e", "Resource type not valid in this context: execution"),
    (read_execution_arn, "e", "Invalid ARN prefix: e"),
    (read_execution_arn, M, "Resource type not valid in this context: stateMachine"),
]


@pytest.mark.parametrize(("text", "parts"), MACHINES)
def test_machine_arns(text: str, parts: MachineArn) -> None:
    assert read_machine_arn(text) == parts


@pytest.mark.parametrize("kind", ["execution", "express"])
def test_execution_arns(kind: str) -> None:
    assert read_execution_arn(f"{HEAD}:{kind}:m:e:x") == kind


@pytest.mark.parametrize(("read", "text", "detail"), REFUSED)
def test_refusals(read: Callable[[str], object], text: str, detail: str) -> None:
    with pytest.raises(ServiceError) as refused:
        read(text)
    assert (refused.value.code, refused.value.message) == ("InvalidArn", f"Invalid Arn: '{detail}'")


@pytest.mark.parametrize("text", ["", "role/r", "arn:aws:iam::1:user/u", "arn:aws:sts::1:assumed-role/r/s"])
def test_roles_that_are_none(text: str) -> None:
    with pytest.raises(ServiceError) as refused:
        check_role_arn(text)
    assert refused.value.message == f"Invalid Role Arn: '{text}'"


def test_accounts_make_arns() -> None:
    assert Account().machine_arn("m") == M
    assert Account("1", "cn-north-1", "aws-cn").machine_arn("x") == "arn:aws-cn:states:cn-north-1:1:stateMachine:x"
    check_role_arn("arn:aws:iam::123456789012:role/service-role/r")
