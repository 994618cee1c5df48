"""Task: work done by a handler (ASL spec "Task State"; AWS guide "Task workflow state").

This file reads the state and finds its handler; `task_edge` builds the calls and data transfer between the two.

HeartbeatSeconds: the guide mentions activities and callback tasks, the specification any task. Here it applies to
every handler that can be interrupted; a handler that needs more time calls `context.heartbeat()`. A missed heartbeat
is recorded as States.Timeout.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from express.definition import messages
from express.definition.fields import MISSING
from express.expressions import templates
from express.expressions.jsonata import fields as queries
from express.expressions.jsonata.fields import is_query
from express.states.callback import CallbackEdge, has_token
from express.states.flow import read_template
from express.states.jsonata_fields import read_template_field
from express.states.recovery import give_recovery, read_catch, read_retry
from express.states.resource import Resource, parse_resource, short_name
from express.states.state import Node, read_flow, read_transition
from express.states.task_edge import Edge
from express.states.timeouts import TimeLimits, read_limits

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Step
    from express.states.state import Handler, Linker, Resolver, Surroundings
    from express.types import JSON, Expr


@dataclass(slots=True)
class Task(Node):
    TYPE: ClassVar[str] = "Task"

    resource: Resource | None = None
    handler: Handler | None = None
    resolver: Resolver | None = None
    function: str | None = None
    limits: TimeLimits | None = None
    credentials: templates.Template | queries.Template | None = None

    # ---------------------------------------------------------------------------------------------- read

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_flow(
            fields,
            jsonpath=("InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "Assign"),
            jsonata=("Arguments", "Output", "Assign"),
        )
        self._read_resource(fields, surroundings)
        self.limits = read_limits(fields)
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
            return
        if resource.kind == "service":
            self._read_request(fields, resource)
        self.handler = surroundings.mocks.get(self.name)
        self.resolver = surroundings.resolver
        if self.handler is not None or self.resolver is None:
            return
        self.handler = self.resolver.handler(resource.arn, self.function)
        if self.handler is None and not self._resolves_at_run_time(surroundings.resolver):
            named_in = fields.child("Resource")
            if self.function is not None:
                named_in = f"{fields.child(_request_field(fields))}/FunctionName"
            surroundings.unresolved.append((named_in, self.function or resource.arn))

    def _read_request(self, fields: Fields, resource: Resource) -> None:
        """Check the required fields of an integration; for `lambda:invoke` also take the function's name if it is
        literal."""
        field = _request_field(fields)
        parameters = fields.json(field)
        if parameters is MISSING:
            fields.report(None, messages.parameters_required(resource.arn, field))
        elif isinstance(parameters, dict):
            for name in resource.required:
                if not _names(fields, parameters, name):
                    fields.report(field, messages.required_field(name))
            function = parameters.get("FunctionName")
            computed = fields.is_jsonata and is_query(function)
            if resource.is_lambda_invoke and isinstance(function, str) and not computed:
                self.function = function

    def _resolves_at_run_time(self, resolver: Resolver | None) -> bool:
        return (
            resolver is not None
            and self.resource is not None
            and self.resource.is_lambda_invoke
            and self.function is None
            and resolver.has_functions
        )

    def _read_credentials(self, fields: Fields) -> None:
        """Credentials: a template with a RoleArn, for Lambda functions and service integrations only."""
        credentials = fields.object("Credentials")
        if credentials is None:
            return
        if self.resource is not None and self.resource.kind == "activity":
            fields.report("Credentials", messages.ACTIVITY_CREDENTIALS)
        elif not _names(fields, credentials.value, "RoleArn"):
            fields.report("Credentials", messages.required_field("RoleArn"))
        elif fields.is_jsonata:
            self.credentials = read_template_field(fields, "Credentials")
        else:
            self.credentials = read_template(fields, "Credentials")

    def build(self, step: Step, link: Linker) -> None:
        assert self.resource is not None
        step.resource = short_name(self.function or self.resource.arn)
        give_recovery(step, self.retriers, self.catchers, link)
        make = partial(CallbackEdge, handler=self.handler) if has_token(self.resource) else Edge
        edge = make(
            step=step,
            resource=self.resource,
            flow=self.flow,
            following=self.following(link),
            limits=self.limits,
            credentials=_build_credentials(self.credentials),
            witness=link.witness,
        )
        if self.handler is None:
            edge.build_dynamic(self.resolver)
        else:
            edge.build(self.handler)


def _request_field(fields: Fields) -> str:
    return "Arguments" if fields.is_jsonata else "Parameters"


def _names(fields: Fields, template: dict[str, JSON], field: str) -> bool:
    """Whether a template has the field, as a literal or computed."""
    return field in template or (not fields.is_jsonata and f"{field}.$" in template)


def _build_credentials(template: templates.Template | queries.Template | None) -> Expr | None:
    """Credentials are evaluated, so they must be valid, but have no effect: no role is assumed in process."""
    if template is None:
        return None
    if isinstance(template, templates.Template):
        return templates.build_template(template)
    role = queries.build_template(template)
    return lambda data, scope: role({"input": data}, scope)


def _express_refusal(resource: Resource) -> str | None:
    """The error for a resource that an Express machine must not use, in AWS's recorded text."""
    if resource.kind == "activity":
        return messages.EXPRESS_ACTIVITY
    return messages.express_pattern(resource.pattern.removesuffix(":2")) if resource.pattern else None
