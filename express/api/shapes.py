"""The parameters of every action: the one table the API's requests are read by.

Source: API reference, "Request Parameters" of each action. The order in which AWS lists the values of an enum in its
messages is its own and is kept where it was recorded (`statusFilter`).
"""

from __future__ import annotations

from typing import Final

from express.api.constraints import Boolean, Integer, ListOf, Structure, Text

ARN: Final = Text(256, 1)
LONG_ARN: Final = Text(2000, 1)
NAME: Final = Text(80, 1)
ALIAS_NAME: Final = Text(80, 1, r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$")
DEFINITION: Final = Text(1_048_576, 1, sensitive=True)
DESCRIPTION: Final = Text(256, sensitive=True)
DATA: Final = Text(262_144, sensitive=True)
ERROR: Final = Text(256, sensitive=True)
CAUSE: Final = Text(32_768, sensitive=True)
TRACE_HEADER: Final = Text(256, pattern=r"[\x00-\x7f]*")
PAGE_TOKEN: Final = Text(1024, 1)
PAGE_SIZE: Final = Integer(0, 1000)
MACHINE_TYPE: Final = Text(values=("STANDARD", "EXPRESS"))
INCLUDED_DATA: Final = Text(values=("ALL_DATA", "METADATA_ONLY"))

LOG_GROUP: Final = Structure("CloudWatchLogsLogGroup", {"logGroupArn": ARN})
LOGGING: Final = Structure(
    "LoggingConfiguration",
    {
        "level": Text(values=("ALL", "ERROR", "FATAL", "OFF")),
        "includeExecutionData": Boolean(),
        "destinations": ListOf(Structure("LogDestination", {"cloudWatchLogsLogGroup": LOG_GROUP})),
    },
)
TRACING: Final = Structure("TracingConfiguration", {"enabled": Boolean()})
ENCRYPTION: Final = Structure(
    "EncryptionConfiguration",
    {
        "kmsKeyId": Text(2048, 1),
        "kmsDataKeyReusePeriodSeconds": Integer(60, 900),
        "type": Text(values=("AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY")),
    },
    ("type",),
)
TAGS: Final = ListOf(Structure("Tag", {"key": Text(128, 1), "value": Text(256)}))
ROUTING: Final = ListOf(
    Structure(
        "RoutingConfigurationListItem",
        {"stateMachineVersionArn": ARN, "weight": Integer(0, 100)},
        ("stateMachineVersionArn", "weight"),
    ),
    2,
    1,
)
EXECUTION_STATUS: Final = Text(values=("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"))
PAGE: Final = {"maxResults": PAGE_SIZE, "nextToken": PAGE_TOKEN}
CHANGES: Final = {
    "definition": DEFINITION,
    "roleArn": ARN,
    "loggingConfiguration": LOGGING,
    "tracingConfiguration": TRACING,
    "publish": Boolean(),
    "versionDescription": DESCRIPTION,
    "encryptionConfiguration": ENCRYPTION,
}
START: Final = {"stateMachineArn": ARN, "name": NAME, "input": DATA, "traceHeader": TRACE_HEADER}
OF_MACHINE: Final = {"stateMachineArn": ARN}
OF_EXECUTION: Final = {"executionArn": ARN}
OF_ALIAS: Final = {"stateMachineAliasArn": ARN}


def _request(action: str, members: dict[str, object], *required: str) -> tuple[str, Structure]:
    return action, Structure(f"{action}Input", members, required)  # type: ignore[arg-type]  # shapes of all kinds


REQUESTS: Final[dict[str, Structure]] = dict(
    [
        _request(
            "CreateStateMachine",
            {"name": NAME, "type": MACHINE_TYPE, "tags": TAGS, **CHANGES},
            *("name", "definition", "roleArn"),
        ),
        _request("UpdateStateMachine", {**OF_MACHINE, **CHANGES}, "stateMachineArn"),
        _request("DescribeStateMachine", {**OF_MACHINE, "includedData": INCLUDED_DATA}, "stateMachineArn"),
        _request("DeleteStateMachine", {**OF_MACHINE}, "stateMachineArn"),
        _request("ListStateMachines", {**PAGE}),
        _request(
            "ValidateStateMachineDefinition",
            {
                "definition": DEFINITION,
                "type": MACHINE_TYPE,
                "severity": Text(values=("ERROR", "WARNING")),
                "maxResults": Integer(0, 100),
            },
            "definition",
        ),
        _request(
            "PublishStateMachineVersion",
            {**OF_MACHINE, "revisionId": Text(), "description": DESCRIPTION},
            "stateMachineArn",
        ),
        _request("ListStateMachineVersions", {**OF_MACHINE, **PAGE}, "stateMachineArn"),
        _request("DeleteStateMachineVersion", {"stateMachineVersionArn": LONG_ARN}, "stateMachineVersionArn"),
        _request(
            "CreateStateMachineAlias",
            {"description": DESCRIPTION, "name": ALIAS_NAME, "routingConfiguration": ROUTING},
            *("name", "routingConfiguration"),
        ),
        _request("DescribeStateMachineAlias", {**OF_ALIAS}, "stateMachineAliasArn"),
        _request(
            "UpdateStateMachineAlias",
            {**OF_ALIAS, "description": DESCRIPTION, "routingConfiguration": ROUTING},
            "stateMachineAliasArn",
        ),
        _request("DeleteStateMachineAlias", {**OF_ALIAS}, "stateMachineAliasArn"),
        _request("ListStateMachineAliases", {**OF_MACHINE, **PAGE}, "stateMachineArn"),
        _request("TagResource", {"resourceArn": ARN, "tags": TAGS}, "resourceArn", "tags"),
        _request("UntagResource", {"resourceArn": ARN, "tagKeys": ListOf(Text(128, 1))}, "resourceArn", "tagKeys"),
        _request("ListTagsForResource", {"resourceArn": ARN}, "resourceArn"),
        _request("StartExecution", {**START}, "stateMachineArn"),
        _request("StartSyncExecution", {**START, "includedData": INCLUDED_DATA}, "stateMachineArn"),
        _request("StopExecution", {**OF_EXECUTION, "error": ERROR, "cause": CAUSE}, "executionArn"),
        _request("DescribeExecution", {**OF_EXECUTION, "includedData": INCLUDED_DATA}, "executionArn"),
        _request("DescribeStateMachineForExecution", {**OF_EXECUTION, "includedData": INCLUDED_DATA}, "executionArn"),
        _request(
            "ListExecutions",
            {
                **OF_MACHINE,
                "statusFilter": EXECUTION_STATUS,
                "maxResults": PAGE_SIZE,
                "nextToken": Text(3096, 1),
                "mapRunArn": LONG_ARN,
                "redriveFilter": Text(values=("REDRIVEN", "NOT_REDRIVEN")),
            },
        ),
        _request("ListMapRuns", {**OF_EXECUTION, **PAGE}, "executionArn"),
        _request("DescribeMapRun", {"mapRunArn": LONG_ARN}, "mapRunArn"),
        _request("UpdateMapRun", {"mapRunArn": LONG_ARN}, "mapRunArn"),
    ]
)
