"""The scope for expressions measured in isolation: no variables, no context, no time limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.types import JSON


class EmptyScope:
    """A scope without variables and context."""

    deferral: JSON = None

    @property
    def variables(self) -> Mapping[str, JSON]:
        return {}

    def context(self, section: str | None = None) -> dict[str, JSON]:
        return {}

    def time_ns(self) -> int:
        return time.time_ns()

    def look(self, ahead_ns: int = 0) -> None:
        """Do nothing: time is unlimited."""

    def apart(self) -> EmptyScope:
        return self


SCOPE = EmptyScope()
