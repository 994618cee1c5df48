"""The actions of the Step Functions API, a file for each family; importing a family enters its actions in the table."""

from __future__ import annotations

from typing import Final

from express.api.operations import aliases, executions, machines, map_runs, tags, versions
from express.api.operations.registry import OPERATIONS, UNSUPPORTED, Operation

FAMILIES: Final = (aliases, executions, machines, map_runs, tags, versions)

__all__ = ["FAMILIES", "OPERATIONS", "UNSUPPORTED", "Operation"]
