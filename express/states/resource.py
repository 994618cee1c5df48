"""The `Resource` of a Task: a Lambda function, an activity, or a service integration.

Its kind decides the history events, the name in DataLimitExceeded causes, and what an Express machine refuses. A
Resource with `${...}` in it is a placeholder of a deployment template: AWS never sees one, so any is accepted.

Sources: AWS guide "Integrating services"; ASL spec "Task State".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

ResourceKind: TypeAlias = Literal["function", "activity", "service", "placeholder"]
Pattern: TypeAlias = Literal["", ".sync", ".sync:2", ".waitForTaskToken"]

_FUNCTION = re.compile(r"arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?\Z")
_ACTIVITY = re.compile(r"arn:aws[\w-]*:states:[\w-]+:\d{12}:activity:[^:\s]+\Z")
_SERVICE = re.compile(
    r"arn:aws[\w-]*:states:[\w-]*:(?:\d{12})?:(?P<service>(?:aws-sdk:)?[\w-]+):(?P<action>\w+)"
    r"(?P<pattern>\.sync:2|\.sync|\.waitForTaskToken)?\Z"
)

#: The optimised integrations and their actions (AWS guide "Integrating optimized services"). Everything else a
#: workflow calls through `aws-sdk:service:action`, whose 200 services are not listed here.
OPTIMISED: dict[str, frozenset[str]] = {
    service: frozenset(actions.split())
    for service, actions in {
        "apigateway": "invoke",
        "athena": "startQueryExecution stopQueryExecution getQueryExecution getQueryResults",
        "batch": "submitJob",
        "bedrock": "createModelCustomizationJob invokeModel",
        "codebuild": "startBuild stopBuild batchDeleteBuilds batchGetReports startBuildBatch stopBuildBatch "
        "retryBuildBatch deleteBuildBatch",
        "databrew": "startJobRun",
        "dynamodb": "getItem putItem updateItem deleteItem",
        "ecs": "runTask",
        "eks": "call runJob createCluster deleteCluster createFargateProfile deleteFargateProfile createNodegroup "
        "deleteNodegroup",
        "elasticmapreduce": "createCluster terminateCluster addStep cancelStep setClusterTerminationProtection "
        "modifyInstanceFleetByName modifyInstanceGroupByName",
        "emr-containers": "createVirtualCluster deleteVirtualCluster startJobRun",
        "emr-serverless": "createApplication startApplication stopApplication deleteApplication startJobRun "
        "cancelJobRun",
        "events": "putEvents",
        "glue": "startJobRun",
        "http": "invoke",
        "lambda": "invoke",
        "mediaconvert": "createJob",
        "sagemaker": "createEndpoint createEndpointConfig createHyperParameterTuningJob createLabelingJob createModel "
        "createProcessingJob createTrainingJob createTransformJob updateEndpoint",
        "sns": "publish",
        "sqs": "sendMessage",
        "states": "startExecution",
    }.items()
}

#: The fields required in an integration's Parameters, as far as ValidateStateMachineDefinition was seen to require
#: them (measured by badmintoncryer/cdk-preflight, September 2026).
REQUIRED: dict[tuple[str, str], tuple[str, ...]] = {
    ("dynamodb", "getItem"): ("TableName", "Key"),
    ("dynamodb", "putItem"): ("TableName", "Item"),
    ("ecs", "runTask"): ("TaskDefinition",),
    ("events", "putEvents"): ("Entries",),
    ("glue", "startJobRun"): ("JobName",),
    ("lambda", "invoke"): ("FunctionName",),
    ("sns", "publish"): ("Message",),
    ("sqs", "sendMessage"): ("QueueUrl", "MessageBody"),
    ("states", "startExecution"): ("StateMachineArn",),
}

#: Services without the Run a Job pattern and without the callback pattern (AWS guide "Integrating optimized services",
#: confirmed by the same measurements; "HTTP Task" knows neither). `.sync:2` exists only for nested executions.
WITHOUT_SYNC = frozenset({"apigateway", "dynamodb", "events", "http", "lambda", "sns", "sqs"})
WITHOUT_CALLBACK = frozenset(
    {"athena", "batch", "codebuild", "databrew", "dynamodb", "elasticmapreduce", "emr-containers", "emr-serverless"}
    | {"glue", "http", "mediaconvert", "sagemaker"}
)


@dataclass(frozen=True, slots=True)
class Resource:
    """`name` is AWS's name for it in causes: the function's ARN, or the service (`lambda`, `aws-sdk:dynamodb`).

    `required`: the fields that a service integration's Parameters must have.
    """

    arn: str
    kind: ResourceKind
    name: str
    pattern: Pattern = ""
    required: tuple[str, ...] = ()

    @property
    def is_lambda_invoke(self) -> bool:
        return self.kind == "service" and self.name == "lambda"


def short_name(resource: str) -> str:
    """A function's own name, or `service:action`: unique among the resources of one account."""
    return resource.rpartition(":function:")[2].removeprefix("arn:aws:states:::")


def parse_resource(text: str) -> Resource | None:
    """The resource that a string names, or None where AWS would not recognise it."""
    if "${" in text:
        return Resource(text, "placeholder", text)
    if _FUNCTION.match(text):
        return Resource(text, "function", text)
    if _ACTIVITY.match(text):
        return Resource(text, "activity", text)
    match = _SERVICE.match(text)
    if match is None:
        return None
    service, action = match["service"], match["action"]
    pattern: Pattern = match["pattern"] or ""  # type: ignore[assignment]
    is_sdk = service.startswith("aws-sdk:")
    if not is_sdk and action not in OPTIMISED.get(service, ()):
        return None
    if not _has_pattern(service, pattern, is_sdk=is_sdk):
        return None
    return Resource(text, "service", service, pattern, REQUIRED.get((service, action), ()))


def _has_pattern(service: str, pattern: Pattern, *, is_sdk: bool) -> bool:
    match pattern:
        case ".sync":
            return not is_sdk and service not in WITHOUT_SYNC
        case ".sync:2":
            return service == "states"
        case ".waitForTaskToken":
            return service not in WITHOUT_CALLBACK
    return True
