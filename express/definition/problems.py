"""Diagnostics of a definition, each with its place.

A Problem is plain data: AWS's code, message and location, and in addition a line, a column and a suggestion, which
AWS does not give. `Document.report` makes it and `render` prints it; `str(problem)` is the one line that
CreateStateMachine puts into its InvalidDefinition message.

The codes are those of the API reference, "ValidateStateMachineDefinitionDiagnostic"; codes that the page does not
list were seen in answers of the service (see `messages`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from express.types import Severity

#: The definition is not JSON.
INVALID_JSON_DESCRIPTION: Final = "INVALID_JSON_DESCRIPTION"
#: There is no definition: none was given, or its file cannot be read.
MISSING_DESCRIPTION: Final = "MISSING_DESCRIPTION"
#: A field is missing, unknown, of the wrong type or out of range.
SCHEMA_VALIDATION_FAILED: Final = "SCHEMA_VALIDATION_FAILED"
INVALID_RESOURCE: Final = "INVALID_RESOURCE"
MISSING_END_STATE: Final = "MISSING_END_STATE"
DUPLICATE_STATE_NAME: Final = "DUPLICATE_STATE_NAME"
INVALID_STATE_NAME: Final = "INVALID_STATE_NAME"
DUPLICATE_LABEL_NAME: Final = "DUPLICATE_LABEL_NAME"
INVALID_LABEL_NAME: Final = "INVALID_LABEL_NAME"
#: A `Next`, `Default` or `StartAt` names no state, or no transition leads to a state.
MISSING_TRANSITION_TARGET: Final = "MISSING_TRANSITION_TARGET"
TOO_DEEPLY_NESTED: Final = "TOO_DEEPLY_NESTED"

#: Codes missing from the page that the service gives for JSONata and for variables.
INVALID_JSONATA_EXPRESSION: Final = "INVALID_JSONATA_EXPRESSION"
UNSUPPORTED_JSONATA_EXPRESSION: Final = "UNSUPPORTED_JSONATA_EXPRESSION"
RESERVED_VARIABLE_NAME: Final = "RESERVED_VARIABLE_NAME"
INVALID_VARIABLE_NAME: Final = "INVALID_VARIABLE_NAME"

#: Warnings listed on the page.
NO_DOLLAR: Final = "NO_DOLLAR"
NO_PATH: Final = "NO_PATH"
PASS_RESULT_IS_STATIC: Final = "PASS_RESULT_IS_STATIC"

#: Ours, a warning: JSON allows a repeated field and AWS silently takes the last.
DUPLICATE_FIELD: Final = "DUPLICATE_FIELD"


@dataclass(frozen=True, slots=True)
class Problem:
    """One diagnostic of a definition.

    `location` is the place as AWS writes it (`/States/A/Next`, `/States/C/Choices[0]`, `/` for the root), or None
    where AWS gives none. For a text that is not JSON it is Jackson's location, for a file that cannot be read its
    path. `line` and `column` count from 1 and are 0 when there is no text to point into; `column` and `length` are
    characters of `source_line`.
    """

    code: str
    message: str
    location: str | None = None
    severity: Severity = "ERROR"
    suggestion: str | None = None
    line: int = 0
    column: int = 0
    length: int = 0
    source_line: str = ""

    def __str__(self) -> str:
        """AWS's one-line form; the service prints a missing location as `null`."""
        return f"{self.code}: {self.message} at {'null' if self.location is None else self.location}"
