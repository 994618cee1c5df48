"""What a Task's `Resource` names: a Lambda function, an activity, or a service integration (AWS guide "Integrating
services"; ASL spec "Task State").

Recognising it decides the history events AWS would write, the name in DataLimitExceeded causes, and what an Express
machine refuses. A Resource with `${...}` in it is a placeholder of a deployment template: AWS never sees those, so
they are taken as they are.
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


@dataclass(frozen=True, slots=True)
class Resource:
    """`name` is what AWS calls it in causes: the function's ARN, or the service (`lambda`, `aws-sdk:dynamodb`)."""

    arn: str
    kind: ResourceKind
    name: str
    pattern: Pattern = ""

    @property
    def is_lambda_invoke(self) -> bool:
        return self.kind == "service" and self.name == "lambda"


def parse_resource(text: str) -> Resource | None:
    """The resource a string names, or None where AWS would not recognise it."""
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
    if not service.startswith("aws-sdk:") and action not in OPTIMISED.get(service, ()):
        return None
    return Resource(text, "service", service, match["pattern"] or "")  # type: ignore[arg-type]
