"""The only part that schedules executions; it runs a `Program` and does not depend on the compiler that made it."""

from express.runtime.handle import Execution
from express.runtime.loops import run
from express.runtime.runtime import Runtime

__all__ = ["Execution", "Runtime", "run"]
