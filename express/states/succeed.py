"""Succeed: ends its scope with its input as output (ASL spec "Succeed State")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from express.program import END
from express.states.state import Linker, Node, Surroundings, read_flow

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Step


@dataclass(slots=True)
class Succeed(Node):
    TYPE: ClassVar[str] = "Succeed"
    TERMINAL: ClassVar[bool] = True

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_flow(fields, jsonpath=("InputPath", "OutputPath"), jsonata=("Output",))

    def build(self, step: Step, link: Linker) -> None:
        step.run = self.flow.build_pass_through(step, END)
