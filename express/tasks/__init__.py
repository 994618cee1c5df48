"""Who does the work: the registry of task handlers and what stands behind one."""

from express.tasks.registry import Tasks

__all__ = ["Tasks"]
