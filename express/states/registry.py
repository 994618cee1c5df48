"""The eight state types. A new one takes one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.states.choice import Choice
from express.states.fail import Fail
from express.states.map_ import Map
from express.states.parallel import Parallel
from express.states.pass_ import Pass
from express.states.succeed import Succeed
from express.states.task import Task
from express.states.wait import Wait

if TYPE_CHECKING:
    from express.states.state import Node

#: In the order in which AWS lists them in the error for an unknown Type (recorded).
STATE_TYPES: dict[str, type[Node]] = {
    node.TYPE: node for node in (Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map)
}
