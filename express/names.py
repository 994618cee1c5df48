"""AWS's rules for the names of state machines and executions, and the ARNs built from such names.

One rule holds for both (API reference, CreateStateMachine and StartSyncExecution: `name`): 1 to 80 characters without
blanks, brackets, wildcards, `" # % \\ ^ | ~ ` $ & , ; : /` and control characters. A name becomes part of an ARN,
which is why `:` and `/` are among them.

`fitting_name` makes a name from any text, such as the key of a message or its place in a topic.
"""

from __future__ import annotations

import re
from hashlib import sha256

MAX_NAME = 80
#: Hexadecimal digits of the hash in a generated name: 128 bits, so that no two names collide.
_DIGEST = 32

_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


def check_text(argument: str, value: object) -> None:
    """Raise TypeError, which names the argument, unless its value is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a string, not a {type(value).__name__}")


def check_name(name: str) -> None:
    """Raise ValueError, in AWS's words, unless this may name a state machine or an execution; TypeError for what is no
    string."""
    check_text("name", name)
    if not 1 <= len(name) <= MAX_NAME or _FORBIDDEN.search(name):
        raise ValueError(f"Invalid Name: '{name}'")


def execution_arn(machine_arn: str, machine_type: str, name: str, unique: str | None = None) -> str:
    """The ARN of an execution.

    That of an Express execution ends with its unique id, if that is known (AWS guide, "ARN formats").
    """
    kind = ":express:" if machine_type == "EXPRESS" else ":execution:"
    arn = f"{machine_arn.replace(':stateMachine:', kind)}:{name}"
    return arn if unique is None or machine_type != "EXPRESS" else f"{arn}:{unique}"


def map_run_arn(machine_arn: str, label: str, unique: str) -> str:
    """The ARN of a Map Run, of the distributed Map with this label (AWS guide, "Viewing Map Runs")."""
    return f"{machine_arn.replace(':stateMachine:', ':mapRun:')}/{label}:{unique}"


def fitting_name(text: str) -> str:
    """The text itself if it is a valid name, else a deterministic name made from it, distinct for distinct texts.

    The readable part stays in front: `orders/eu:17` becomes `orders-eu-17-` and a hash.
    """
    if 1 <= len(text) <= MAX_NAME and not _FORBIDDEN.search(text):
        return text
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{_FORBIDDEN.sub('-', text[: MAX_NAME - _DIGEST - 1])}-{digest}"
