"""Task: work done by a handler (ASL spec "Task State"; AWS guide "Task workflow state").

This file reads the state and finds its handler; `edge` builds what crosses between the two.

HeartbeatSeconds: the guide speaks of activities and callback tasks, the specification of any task. Here it holds for
every handler that can be interrupted: one that wants more time beats `context.heartbeat()`. A miss is recorded as
States.Timeout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from express.definition import messages
from express.states.edge import Edge, TimeLimits
from express.states.flow import read_data_flow, read_reference_field, read_template
from express.states.recovery import MAX_SECONDS, build_recovery, read_catch, read_retry
from express.states.resource import Resource, parse_resource
from express.states.state import Node, read_transition

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.expressions.templates import Template
    from express.program import Step
    from express.states.state import Handler, Linker, Resolver, Surroundings


@dataclass(slots=True)
class Task(Node):
    TYPE: ClassVar[str] = "Task"

    resource: Resource | None = None
    handler: Handler | None = None
    resolver: Resolver | None = None
    function: str | None = None
    limits: TimeLimits | None = None
    credentials: Template | None = None

    # ---------------------------------------------------------------------------------------------- read

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_data_flow(
            fields, "InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "Assign"
        )
        self._read_resource(fields, surroundings)
        self._read_limits(fields)
        self._read_credentials(fields)
        self.retriers = read_retry(fields)
        self.catchers = read_catch(fields)
        read_transition(self, fields)

    def _read_resource(self, fields: Fields, surroundings: Surroundings) -> None:
        text = fields.text("Resource", required=True)
        if text is None:
            return
        resource = self.resource = parse_resource(text)
        if resource is None:
            is_arn = text.startswith("arn:")
            fields.report("Resource", messages.unknown_resource(text) if is_arn else messages.NOT_AN_ARN)
            return
        refusal = _express_refusal(resource) if surroundings.machine_type == "EXPRESS" else None
        if refusal is not None:
            fields.report("Resource", refusal)
        if resource.is_lambda_invoke:
            self._read_function(fields)
        self.resolver = surroundings.resolver
        if self.resolver is None or refusal is not None:
            return
        self.handler = self.resolver.handler(resource.arn, self.function)
        if self.handler is None and not self._resolves_at_run_time(surroundings.resolver):
            surroundings.unresolved.append((fields.child("Resource"), self.function or resource.arn))

    def _read_function(self, fields: Fields) -> None:
        """The Lambda function that `lambda:invoke` names; None where a path decides at run time."""
        if not fields.has("Parameters"):
            fields.report(None, messages.required_field("FunctionName"))
            return
        parameters = fields.json("Parameters")
        if not isinstance(parameters, dict):
            return
        name = parameters.get("FunctionName")
        if isinstance(name, str):
            self.function = name
        elif "FunctionName.$" not in parameters and "FunctionName" not in parameters:
            fields.report("Parameters", messages.required_field("FunctionName"))

    def _resolves_at_run_time(self, resolver: Resolver | None) -> bool:
        return (
            resolver is not None
            and self.resource is not None
            and self.resource.is_lambda_invoke
            and self.function is None
            and resolver.has_functions
        )

    def _read_limits(self, fields: Fields) -> None:
        timeout = fields.integer("TimeoutSeconds", minimum=1, maximum=MAX_SECONDS)
        heartbeat = fields.integer("HeartbeatSeconds", minimum=1, maximum=MAX_SECONDS)
        limits = TimeLimits(
            timeout,
            read_reference_field(fields, "TimeoutSecondsPath"),
            heartbeat,
            read_reference_field(fields, "HeartbeatSecondsPath"),
        )
        fields.exclusive("TimeoutSeconds", "TimeoutSecondsPath")
        fields.exclusive("HeartbeatSeconds", "HeartbeatSecondsPath")
        if timeout is not None and heartbeat is not None and heartbeat >= timeout:
            fields.report("HeartbeatSeconds", "The value of 'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'")
        if limits != TimeLimits():
            self.limits = limits

    def _read_credentials(self, fields: Fields) -> None:
        if not fields.has("Credentials"):
            return
        value = fields.json("Credentials")
        if not isinstance(value, dict):
            fields.object("Credentials")
        elif "RoleArn" not in value and "RoleArn.$" not in value:
            fields.report("Credentials", messages.required_field("RoleArn"))
        else:
            self.credentials = read_template(fields, "Credentials")

    def build(self, step: Step, link: Linker) -> None:
        assert self.resource is not None
        step.retries = bool(self.retriers)
        step.recover = build_recovery(self.retriers, self.catchers, step, link)
        edge = Edge(
            step=step,
            resource=self.resource,
            flow=self.flow,
            following=self.following(link),
            limits=self.limits,
            credentials=self.credentials,
        )
        if self.handler is None:
            edge.build_dynamic(self.resolver)
        else:
            edge.build(self.handler)


def _express_refusal(resource: Resource) -> str | None:
    """What an Express machine must not use, in AWS's recorded words."""
    if resource.kind == "activity":
        return messages.EXPRESS_ACTIVITY
    return messages.express_pattern(resource.pattern.removesuffix(":2")) if resource.pattern else None
