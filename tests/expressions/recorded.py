"""What the expression tests share: a scope to evaluate in, and the cases recorded from AWS.

The recordings are not part of the project; where they are absent, the tests that replay them are skipped.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from express.types import JSON

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "aws-cases"


@dataclass
class FixedScope:
    """Variables and a context object given beforehand."""

    variables: dict[str, JSON] = field(default_factory=dict)
    context_object: dict[str, JSON] = field(default_factory=dict)
    deferral: Any = None

    def context(self, section: str | None = None) -> dict[str, JSON]:
        return self.context_object

    def time_ns(self) -> int:
        return time.time_ns()

    def look(self, ahead_ns: int = 0) -> None:
        """There is time."""

    def apart(self) -> FixedScope:
        return self


SCOPE = FixedScope()


def recorded(pattern: str) -> list[dict[str, Any]]:
    """The recorded cases of the files that match `pattern`, such as `execution/choice_operators__*.json`."""
    cases: list[dict[str, Any]] = []
    for path in sorted(RECORDINGS.glob(pattern)):
        cases += json.loads(path.read_text(encoding="utf-8"))
    return cases


def case_params(cases: list[dict[str, Any]]) -> list[Any]:
    """One test parameter for each case, named by its id; a single skipped one when there are none."""
    if not cases:
        reason = f"no recorded AWS cases at {RECORDINGS.name}: ../shared is not beside the repository"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(case, id=case["id"]) for case in cases]
