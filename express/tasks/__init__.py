"""Task handlers: the registry, the kinds of handlers (`functions`, `http`), and mocks in their place (`mocks`)."""

from express.tasks.mocks import MockedCase, Mocks
from express.tasks.registry import Tasks

__all__ = ["MockedCase", "Mocks", "Tasks"]
