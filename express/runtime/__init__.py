"""The only part that schedules. It runs a `Program` and does not know the compiler that made it."""

from express.runtime.handle import Execution
from express.runtime.loops import run
from express.runtime.runtime import Runtime

__all__ = ["Execution", "Runtime", "run"]
