"""The eight state types. A new one is one file and one line here."""

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

#: In the order in which AWS lists them when a Type is none of them (recorded).
STATE_TYPES: dict[str, type[Node]] = {
    node.TYPE: node for node in (Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map)
}
