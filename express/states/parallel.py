"""Parallel: runs branches on the same input, side by side (ASL spec "Parallel State").

Each branch gets the effective input; the result is the array of their outputs in the order of `Branches`. A retry runs
all branches again. `fork` has the execution and failure of branches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from express.program import Frame
from express.states.fork import Siblings, build_fork
from express.states.recovery import give_recovery, read_catch, read_retry
from express.states.sizes import measured_input
from express.states.state import Linker, Node, Surroundings, read_flow, read_transition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.definition.fields import Fields
    from express.program import Program, Step
    from express.types import JSON


@dataclass(slots=True)
class Parallel(Node):
    TYPE: ClassVar[str] = "Parallel"

    nested: list[Any] = field(default_factory=list)

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_flow(
            fields,
            jsonpath=("InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "Assign"),
            jsonata=("Arguments", "Output", "Assign"),
        )
        branches = fields.objects("Branches", required=True, allow_empty=False)
        self.nested = [surroundings.read_branch(branch, surroundings) for branch in branches]
        self.retriers = read_retry(fields)
        self.catchers = read_catch(fields)
        read_transition(self, fields)

    def branches(self) -> Iterable[Any]:
        return self.nested

    def build(self, step: Step, link: Linker) -> None:
        programs = tuple(link.program(branch) for branch in self.nested)
        prepare = self.flow.build_prepare()
        leave = self.flow.build_leave(step, self.following(link))
        factor, constant = self.flow.growth()
        give_recovery(step, self.retriers, self.catchers, link, exit_events=2)

        def begin(frame: Frame) -> _Branches:
            raw = frame.data
            data, size = raw, frame.size
            if prepare is not None:
                data, size = prepare(raw, frame), factor * frame.size + constant
                if size > frame.run.host.payload_limit:
                    size = measured_input(frame, data, step.name, size)
            frame.run.events += 1
            return _Branches(frame, programs, data, size)

        def finish(frame: Frame, branches: _Branches) -> Step:
            return leave(frame, frame.data, branches.results, branches.total)

        build_fork(step, programs, begin, finish, link.witness)


class _Branches(Siblings):
    __slots__ = ("data", "programs", "size", "total")

    def __init__(self, parent: Frame, programs: tuple[Program, ...], data: JSON, size: int) -> None:
        super().__init__(parent, len(programs), len(programs))
        self.programs = programs
        self.data = data
        self.size = size
        self.total = 2

    def enter(self, index: int) -> Frame:
        parent = self.parent
        return Frame(parent.run, self.programs[index].start, self.data, self.size, parent.variables)

    def leave(self, index: int, frame: Frame) -> None:
        self.results[index] = frame.data
        self.total += frame.size + 1
