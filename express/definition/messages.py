"""AWS's validation messages, one function or constant each.

Users search the web for these texts and test suites compare them, so they match AWS to the letter, odd spaces
included. Their provenance:

- recorded: answers of CreateStateMachine, ValidateStateMachineDefinition and TestState, kept as data cases;
- measured: quoted from the service in floci-io/floci issues #2670, #2735, #2745, #2968, #3733 and localstack
  issue #11978, and in badmintoncryer/cdk-preflight, whose `pf-sfn-asl-*` rules were checked against
  ValidateStateMachineDefinition in September 2026;
- ours: no answer of the service is known; the docstring says so.

Most problems are located at the wrong field. Those about fields that are missing, too many or not supported are
located at the object that holds (or lacks) them.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Recorded, without a location: the text is blank, or JSON but not an object.
NOT_AN_OBJECT: Final = "Definition must be a valid JSON object"
#: Measured, without a location: no top-level state is terminal. Unreachable states are then not reported.
NO_TERMINAL_STATE: Final = "Workflow has no terminal state"
#: Recorded (`Branches`), measured (`Choices`, `ErrorEquals`): an array with no items.
EMPTY: Final = "Value cannot be empty"
#: Measured: the value of a `...Path` field is not a path at all.
NOT_A_PATH: Final = "Value must be a valid JSONPath."
#: Measured: a path with `*`, `..`, a filter or `$$` where a single place must be named.
NOT_A_REFERENCE_PATH: Final = "Value is not a Reference Path"
#: Measured: `Variable` and the `...Path` operands of a Choice rule.
#: Recorded: `Timestamp` of a Wait state.
NOT_A_TIMESTAMP: Final = "String does not match RFC3339 timestamp"
#: Measured: `Resource` of a Task is not an ARN.
NOT_AN_ARN: Final = "Value is not a valid resource ARN"
#: Measured: a string that begins with `{%` and does not end with `%}`.
JSONATA_DELIMITERS: Final = "JSONata string must start with {% and end with %}"
#: Measured: `States.ALL` beside other names, or in a retrier or catcher that is not the last.
STATES_ALL: Final = "States.ALL must appear alone and at end of list"
#: Recorded: a state declares JSONPath in a JSONata machine; located at the state.
MIXED_QUERY_LANGUAGE: Final = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
#: Measured, code RESERVED_VARIABLE_NAME: `Assign` of `states`.
RESERVED_VARIABLE: Final = "Cannot assign to reserved variable '$states'."
#: The values of `Type`, in the order AWS lists them.
STATE_TYPES: Final = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")


def _listed(names: Iterable[object]) -> str:
    return f"[{', '.join(str(name) for name in names)}]"


def _listed_as_set(names: Iterable[str]) -> str:
    """The names joined in the iteration order of a Java HashSet.

    AWS does not document it, but every recorded or measured list of fields has that order, including [States,
    StartAt] and [SecondsPath, Seconds, TimestampPath, Timestamp], which have no other explanation.
    """
    fields = tuple(names)
    buckets = 16
    while len(fields) * 4 > buckets * 3:
        buckets *= 2

    def bucket(name: str) -> int:
        code = 0
        for character in name:
            code = (code * 31 + ord(character)) & 0xFFFF_FFFF
        return (code ^ code >> 16) % buckets

    ordered: list[str] = sorted(fields, key=bucket)
    return _listed(ordered)


def required(names: Iterable[str]) -> str:
    """Recorded: required fields are missing. Located at the object."""
    return f"These fields are required: {_listed_as_set(names)}"


def required_field(name: str) -> str:
    """Recorded for `RoleArn` of Credentials, measured for what an integration requires in its Parameters, in part for
    `CSVHeaderLocation`.

    Located at the object. Every other missing field is worded by `required`.
    """
    return f"The field '{name}' is required but was missing"


def unsupported_field(name: str) -> str:
    """Measured: the object does not know the field. Located at the object."""
    return f"Field '{name}' is not supported"


def other_query_language(name: str, *, language: str, needed: str) -> str:
    """Measured: a JSONPath field in a JSONata state or the reverse. Located at the state."""
    return (
        f"The QueryLanguage is set to '{language}', but field '{name}' "
        f"is only supported for the '{needed}' QueryLanguage"
    )


def only_one_of(names: Iterable[str]) -> str:
    """Measured: several fields that exclude each other are present. Located at the object."""
    return f"There should only be one of the following fields: {_listed_as_set(names)}"


def exactly_one_of(names: Iterable[str]) -> str:
    """Measured: none of the fields, of which exactly one is required, is present. Located at the object."""
    return f"This object should have only one of the following fields: {_listed_as_set(names)}"


def at_least_one_of(names: Iterable[str]) -> str:
    """Ours, after `exactly_one_of`: the guide states the rule for ItemBatcher, no answer of the service is known."""
    return f"This object should have at least one of the following fields: {_listed_as_set(names)}"


def rule_kind(names: Iterable[str]) -> str:
    """Measured: a Choice rule with none or several of And, Or, Not, Variable, Condition. Located at the rule."""
    return f"The object must have only one of the following fields, {_listed(names)}"


def expected_type(json_type: str) -> str:
    """Measured for STRING; the other JSON types (OBJECT, ARRAY, BOOLEAN) by analogy."""
    return f"Expected value of type [{json_type}]"


def expected_number(java_type: str) -> str:
    """Measured for Integer; Double by analogy."""
    return f"Expected value of type {java_type}"


def allowed_values(values: Iterable[object]) -> str:
    """Measured: `QueryLanguage`, `Version`, `JitterStrategy`, `ExecutionType`."""
    return f"Value should be one of the following: {_listed(values)}"


def no_allowed_value(name: str) -> str:
    """Measured: `Resource` of an ItemReader."""
    return f"The field '{name}' does not match any of the allowed values"


def state_type() -> str:
    """Recorded: `Type` of a state, which AWS words differently from every other enumeration."""
    return f"The field 'Type' should have one of these values: {_listed(STATE_TYPES)}"


def minimum(value: float) -> str:
    """Measured: `Minimum value is 0`, or `0.0` for a field of type double."""
    return f"Minimum value is {value}"


def maximum(value: float) -> str:
    """Measured: `Maximum value is 99999999`, or `100.0` for a field of type double."""
    return f"Maximum value is {value}"


def too_long(limit: int) -> str:
    """Ours."""
    return f"Maximum length is {limit}"


def missing_target(name: str) -> str:
    """Measured: `StartAt`, `Next` or `Default` names no state of the same scope; always says 'Next'."""
    return f"Missing 'Next' target: {name}"


def unreachable(name: str) -> str:
    """Measured: code MISSING_TRANSITION_TARGET, located at the state."""
    return f'State "{name}" is not reachable.'


def duplicate_state(name: str) -> str:
    """Measured: a name used twice in the machine, inner scopes included. Located at the later state."""
    return f"Duplicate State name: {name}"


def state_name_too_long(name: str) -> str:
    """Measured in part: the quoted answers shorten the name."""
    return f"Invalid State name: {name} exceeds the 80-character limit allowed by the service"


#: Ours: no answer of the service about the name `""` is known.
EMPTY_STATE_NAME: Final = "Invalid State name: a name has at least one character"


def duplicate_label(name: str) -> str:
    """Measured: code DUPLICATE_LABEL_NAME."""
    return f"Duplicate Label name: {name}"


def label_too_long(name: str) -> str:
    """Measured in part, like `state_name_too_long`: code INVALID_LABEL_NAME."""
    return f"Invalid Label name: {name} exceeds the 40-character limit allowed by the service"


def invalid_label(name: str) -> str:
    """Ours, after `label_too_long`: characters that the guide forbids. Code INVALID_LABEL_NAME."""
    return f"Invalid Label name: {name}"


def not_a_template_value(name: str) -> str:
    """Recorded: the value of a `.$` field. Located at the template (`/States/A/Parameters`), not at the field."""
    return f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call"


def unknown_resource(arn: str) -> str:
    """Recorded: a service integration AWS does not know."""
    return (
        f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, "
        "or the resource is not available in this region."
    )


def express_pattern(suffix: str) -> str:
    """Recorded: `.sync` or `.waitForTaskToken` in an Express machine. The trailing space of the latter is AWS's."""
    blank = " " if suffix == ".waitForTaskToken" else ""
    return f"Express state machine does not support '{suffix}' service integration{blank}"


#: Recorded: an activity as Resource in an Express machine.
EXPRESS_ACTIVITY: Final = "Express state machine does not support Activity ARN"
#: Measured: a distributed Map in an Express machine; located at its `Mode`.
EXPRESS_DISTRIBUTED: Final = (
    "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"
)
#: Measured: `Credentials` of a Task whose Resource is an activity; located at them.
ACTIVITY_CREDENTIALS: Final = "The field 'Credentials' is not supported for activities"
#: Ours: the guide states the rule ("Task workflow state"), no answer of the service is known.
HEARTBEAT_TOO_LONG: Final = "The value of 'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'"


def parameters_required(arn: str, field: str = "Parameters") -> str:
    """Measured: a service integration without Parameters; for Arguments by analogy. Located at the state."""
    return f"{field} field is required for resource ARN: {arn}"


def function_not_allowed(function: str, field: str, allowed: Iterable[str]) -> str:
    """Ours: the AWS guide ("Fail workflow state") lists the functions of ErrorPath and CausePath, quotes no answer."""
    return f"The intrinsic function {function} is not supported in '{field}', which allows only {_listed(allowed)}"


def invalid_variable(name: str) -> str:
    """Measured: code INVALID_VARIABLE_NAME."""
    return f"Invalid variable name '{name}': the variable name contains invalid characters."


def top_level_reference(name: str) -> str:
    """Measured: code UNSUPPORTED_JSONATA_EXPRESSION; a bare name has no context item to be read from."""
    return f"Reference to '{name}' at the top level is not supported."


#: Measured, code UNSUPPORTED_JSONATA_EXPRESSION: `$$`, wherever it stands.
ROOT_REFERENCE: Final = "Reference to '$$' is not supported."


def no_states_member(name: str) -> str:
    """Measured for `errorOutput` outside a catcher, code UNSUPPORTED_JSONATA_EXPRESSION; the others by analogy."""
    return f"Field '$states.{name}' does not exist."


def shadowed_variable(name: str) -> str:
    """Ours: the guide states the rule ("Passing data between states with variables"), quotes no answer."""
    return f"Variable '{name}' is already assigned in an outer scope"


def no_dollar(name: str, likeness: str) -> str:
    """Quoted in the API reference, "ValidateStateMachineDefinition"; for intrinsic functions by analogy.

    Located at the template.
    """
    return _looks_like(name, likeness, f"{name}.$")


def no_path(name: str, likeness: str) -> str:
    """Quoted in the API reference, "ValidateStateMachineDefinition". Located at the field."""
    return _looks_like(name, likeness, f"{name}Path")


def _looks_like(name: str, likeness: str, computed: str) -> str:
    advice = f"Instead of '{name}', use '{computed}' to evaluate it as {likeness} at runtime."
    return f"The value of '{name}' looks like {likeness}. {advice}"


def static_result(name: str) -> str:
    """Quoted in the API reference, "ValidateStateMachineDefinition". Located at the Result."""
    kinds = "as a JSONPath or Intrinsic Function at runtime"
    advice = f"Instead of 'Result', use 'Parameters' to evaluate it {kinds}."
    return f"The value of '{name}' will not evaluate {kinds}. {advice}"


def duplicate_field(name: str) -> str:
    """Ours: AWS accepts it silently."""
    return f"Field '{name}' appears more than once; only the last one counts"


def too_large(size: int, limit: int) -> str:
    """Ours: the API refuses such a request before it looks at the definition."""
    return f"Definition is {size} characters long, the maximum is {limit}"


def too_deep(limit: int) -> str:
    """Ours, modelled on Jackson's nesting limit."""
    return f"Definition is nested more than {limit} levels deep"


def value_too_deep(limit: int) -> str:
    """Ours: more than a payload can hold."""
    return f"Value is nested more than {limit} levels deep"


def scopes_too_deep(limit: int) -> str:
    """Ours: AWS has the code (TOO_DEEPLY_NESTED) but documents neither limit nor message."""
    return f"States are nested more than {limit} levels deep"


def rules_too_deep(limit: int) -> str:
    """Ours."""
    return f"Choice rules are nested more than {limit} levels deep"


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """Ours: a suggestion with the closest candidate; wrong case is the most common mistake."""
    folded = {candidate.lower(): candidate for candidate in candidates}
    matches = get_close_matches(name.lower(), folded, n=1, cutoff=0.7)
    return f"did you mean `{folded[matches[0]]}`?" if matches else None
