"""What AWS allows as the name of a state machine or an execution.

Both rules are one (API reference, CreateStateMachine and StartSyncExecution: `name`): 1 to 80 characters without
blanks, brackets, wildcards, `" # % \\ ^ | ~ ` $ & , ; : /` and control characters. A name becomes part of an ARN, which
is why `:` and `/` are among them.

What a name is to be made from may be anything: the key of a message, its place in a topic. `fitting_name` makes one.
"""

from __future__ import annotations

import re
from hashlib import sha256

MAX_NAME = 80
#: Hexadecimal digits of a name that is made from too much: 128 bits, so that no two ever meet.
_DIGEST = 32

_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


def check_name(name: str) -> None:
    """Raise ValueError, in AWS's words, unless a state machine or an execution may be called this."""
    if not 1 <= len(name) <= MAX_NAME or _FORBIDDEN.search(name):
        raise ValueError(f"Invalid Name: '{name}'")


def fitting_name(text: str) -> str:
    """The text itself where it may be a name, else one made from it: always the same, and another for another text.

    What can be read of it stays in front: `orders/eu:17` becomes `orders-eu-17-` and a hash.
    """
    if 1 <= len(text) <= MAX_NAME and not _FORBIDDEN.search(text):
        return text
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{_FORBIDDEN.sub('-', text[: MAX_NAME - _DIGEST - 1])}-{digest}"
