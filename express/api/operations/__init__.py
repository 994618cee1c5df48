"""The actions of the Step Functions API, a file for each family; importing a family enters its actions in the table."""

from __future__ import annotations

from typing import Final

from express.api.operations import (
    activities,
    aliases,
    executions,
    history,
    machines,
    map_runs,
    state_tests,
    tags,
    task_tokens,
    versions,
)
from express.api.operations.registry import OPERATIONS, Operation

FAMILIES: Final = (
    activities,
    aliases,
    executions,
    history,
    machines,
    map_runs,
    state_tests,
    tags,
    task_tokens,
    versions,
)

__all__ = ["FAMILIES", "OPERATIONS", "Operation"]
