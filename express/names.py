"""What AWS allows as the name of a state machine or an execution.

Both rules are one (API reference, CreateStateMachine and StartSyncExecution: `name`): 1 to 80 characters without
blanks, brackets, wildcards, `" # % \\ ^ | ~ ` $ & , ; : /` and control characters. A name becomes part of an ARN, which
is why `:` and `/` are among them.
"""

from __future__ import annotations

import re

MAX_NAME = 80

_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


def check_name(name: str) -> None:
    """Raise ValueError, in AWS's words, unless a state machine or an execution may be called this."""
    if not 1 <= len(name) <= MAX_NAME or _FORBIDDEN.search(name):
        raise ValueError(f"Invalid Name: '{name}'")
