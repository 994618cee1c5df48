"""Succeed: ends its scope with its input as output (ASL spec "Succeed State")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from express.program import END
from express.states.flow import build_pass_through, read_data_flow
from express.states.state import Linker, Node, Surroundings

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Step


@dataclass(slots=True)
class Succeed(Node):
    TYPE: ClassVar[str] = "Succeed"
    TRANSITION: ClassVar[bool] = False

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_data_flow(fields, "InputPath", "OutputPath")

    def build(self, step: Step, link: Linker) -> None:
        step.run = build_pass_through(self.flow, step, END)
