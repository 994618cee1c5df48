"""Who does the work: the registry of task handlers, what stands behind one, and what may stand in for it."""

from express.tasks.mocks import MockedCase, Mocks
from express.tasks.registry import Tasks

__all__ = ["MockedCase", "Mocks", "Tasks"]
