"""The request parameters of every action, in one table.

Source: API reference, "Request Parameters" of each action. AWS lists an enum's values in its messages in an order of
its own, which is kept here where it was recorded (`statusFilter`).
"""

from __future__ import annotations

from typing import Final

from express.api.constraints import Boolean, Integer, ListOf, Number, Shape, Structure, Text

ARN: Final = Text(256, 1)
LONG_ARN: Final = Text(2000, 1)
NAME: Final = Text(80, 1)
ALIAS_NAME: Final = Text(80, 1, r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$")
DEFINITION: Final = Text(1_048_576, 1, sensitive=True)
DESCRIPTION: Final = Text(256, sensitive=True)
DATA: Final = Text(262_144, sensitive=True)
ERROR: Final = Text(256, sensitive=True)
CAUSE: Final = Text(32_768, sensitive=True)
TRACE_HEADER: Final = Text(256, pattern=r"\p{ASCII}*")
CLIENT_TOKEN: Final = Text(64, 1, r"[!-~]+")
PAGE_TOKEN: Final = Text(1024, 1)
PAGE_SIZE: Final = Integer(0, 1000)
STATE_NAME: Final = Text(80, 1, sensitive=True)
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
PAGE: Final[dict[str, Shape]] = {"maxResults": PAGE_SIZE, "nextToken": PAGE_TOKEN}
CHANGES: Final[dict[str, Shape]] = {
    "definition": DEFINITION,
    "roleArn": ARN,
    "loggingConfiguration": LOGGING,
    "tracingConfiguration": TRACING,
    "publish": Boolean(),
    "versionDescription": DESCRIPTION,
    "encryptionConfiguration": ENCRYPTION,
}
START: Final[dict[str, Shape]] = {"stateMachineArn": ARN, "name": NAME, "input": DATA, "traceHeader": TRACE_HEADER}
TASK_TOKEN: Final = Text(2048, 1, sensitive=True)
OF_MACHINE: Final[dict[str, Shape]] = {"stateMachineArn": ARN}
OF_EXECUTION: Final[dict[str, Shape]] = {"executionArn": ARN}
OF_ALIAS: Final[dict[str, Shape]] = {"stateMachineAliasArn": ARN}

MOCK: Final = Structure(
    "MockInput",
    {
        "result": DATA,
        "errorOutput": Structure("MockErrorOutput", {"error": ERROR, "cause": CAUSE}),
        "fieldValidationMode": Text(values=("STRICT", "PRESENT", "NONE")),
    },
)
STATE_CONFIGURATION: Final = Structure(
    "TestStateConfiguration",
    {
        "retrierRetryCount": Integer(0),
        "errorCausedByState": STATE_NAME,
        "mapIterationFailureCount": Integer(0),
        "mapItemReaderData": DATA,
    },
)


def _takes(*required: str, **members: Shape) -> Structure:
    return Structure("Input", members, required)


REQUESTS: Final[dict[str, Structure]] = {
    "CreateStateMachine": _takes("name", "definition", "roleArn", name=NAME, type=MACHINE_TYPE, tags=TAGS, **CHANGES),
    "UpdateStateMachine": _takes("stateMachineArn", **OF_MACHINE, **CHANGES),
    "DescribeStateMachine": _takes("stateMachineArn", **OF_MACHINE, includedData=INCLUDED_DATA),
    "DeleteStateMachine": _takes("stateMachineArn", **OF_MACHINE),
    "ListStateMachines": _takes(**PAGE),
    "ValidateStateMachineDefinition": _takes(
        "definition",
        definition=DEFINITION,
        type=MACHINE_TYPE,
        severity=Text(values=("ERROR", "WARNING")),
        maxResults=Integer(0, 100),
    ),
    "PublishStateMachineVersion": _takes("stateMachineArn", **OF_MACHINE, revisionId=Text(), description=DESCRIPTION),
    "ListStateMachineVersions": _takes("stateMachineArn", **OF_MACHINE, **PAGE),
    "DeleteStateMachineVersion": _takes("stateMachineVersionArn", stateMachineVersionArn=LONG_ARN),
    "CreateStateMachineAlias": _takes(
        "name", "routingConfiguration", description=DESCRIPTION, name=ALIAS_NAME, routingConfiguration=ROUTING
    ),
    "DescribeStateMachineAlias": _takes("stateMachineAliasArn", **OF_ALIAS),
    "UpdateStateMachineAlias": _takes(
        "stateMachineAliasArn", **OF_ALIAS, description=DESCRIPTION, routingConfiguration=ROUTING
    ),
    "DeleteStateMachineAlias": _takes("stateMachineAliasArn", **OF_ALIAS),
    "ListStateMachineAliases": _takes("stateMachineArn", **OF_MACHINE, **PAGE),
    "TagResource": _takes("resourceArn", "tags", resourceArn=ARN, tags=TAGS),
    "UntagResource": _takes("resourceArn", "tagKeys", resourceArn=ARN, tagKeys=ListOf(Text(128, 1))),
    "ListTagsForResource": _takes("resourceArn", resourceArn=ARN),
    "StartExecution": _takes("stateMachineArn", **START),
    "StartSyncExecution": _takes("stateMachineArn", **START, includedData=INCLUDED_DATA),
    "StopExecution": _takes("executionArn", **OF_EXECUTION, error=ERROR, cause=CAUSE),
    "DescribeExecution": _takes("executionArn", **OF_EXECUTION, includedData=INCLUDED_DATA),
    "GetExecutionHistory": _takes(
        "executionArn", **OF_EXECUTION, **PAGE, reverseOrder=Boolean(), includeExecutionData=Boolean()
    ),
    "RedriveExecution": _takes("executionArn", **OF_EXECUTION, clientToken=CLIENT_TOKEN),
    "DescribeStateMachineForExecution": _takes("executionArn", **OF_EXECUTION, includedData=INCLUDED_DATA),
    "ListExecutions": _takes(
        **OF_MACHINE,
        statusFilter=EXECUTION_STATUS,
        maxResults=PAGE_SIZE,
        nextToken=Text(3096, 1),
        mapRunArn=LONG_ARN,
        redriveFilter=Text(values=("REDRIVEN", "NOT_REDRIVEN")),
    ),
    "CreateActivity": _takes("name", name=NAME, tags=TAGS, encryptionConfiguration=ENCRYPTION),
    "DescribeActivity": _takes("activityArn", activityArn=ARN),
    "DeleteActivity": _takes("activityArn", activityArn=ARN),
    "ListActivities": _takes(**PAGE),
    "GetActivityTask": _takes("activityArn", activityArn=ARN, workerName=NAME),
    "SendTaskSuccess": _takes("taskToken", "output", taskToken=TASK_TOKEN, output=DATA),
    "SendTaskFailure": _takes("taskToken", taskToken=TASK_TOKEN, error=ERROR, cause=CAUSE),
    "SendTaskHeartbeat": _takes("taskToken", taskToken=TASK_TOKEN),
    "ListMapRuns": _takes("executionArn", **OF_EXECUTION, **PAGE),
    "DescribeMapRun": _takes("mapRunArn", mapRunArn=LONG_ARN),
    "TestState": _takes(
        "definition",
        definition=DEFINITION,
        roleArn=ARN,
        input=DATA,
        inspectionLevel=Text(values=("INFO", "DEBUG", "TRACE")),
        revealSecrets=Boolean(),
        variables=DATA,
        stateName=STATE_NAME,
        mock=MOCK,
        context=DATA,
        stateConfiguration=STATE_CONFIGURATION,
    ),
    "UpdateMapRun": _takes(
        "mapRunArn",
        mapRunArn=LONG_ARN,
        maxConcurrency=Integer(0),
        toleratedFailureCount=Integer(0),
        toleratedFailurePercentage=Number(0, 100),
    ),
}
