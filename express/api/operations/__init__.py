"""The actions of the Step Functions API, a module per family; importing a module registers its actions."""

from __future__ import annotations

from express.api.operations import (  # noqa: F401 - imported for what they enter
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

__all__ = ["OPERATIONS", "Operation"]
