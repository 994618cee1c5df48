"""The data of a state machine: its revisions, versions, aliases and tags.

A machine has one current revision, which every change of definition, role or configuration replaces. Publishing freezes
the current revision under a number; numbers only grow and are never reused, even after a deletion (recorded). An alias
names one or two versions and how many of a hundred starts each of them gets. Executions keep the revision they began
with.

Sources: AWS guide "Managing continuous deployments with versions and aliases"; API reference of each action.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from express.names import execution_arn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from express.types import MachineType
    from express.workflow import Workflow

#: The revision id of a machine that was never changed; the API does not show it (recorded).
INITIAL: Final = "INITIAL"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configurations of a machine as the API writes them, defaults filled in."""

    logging: Mapping[str, Any]
    tracing: Mapping[str, Any]
    encryption: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """An immutable state of a machine, shared by the machine, its versions and its executions.

    `created` is in seconds since the epoch. `variables`: for each state that reads workflow variables, their names.
    """

    id: str
    definition: str
    role_arn: str
    configuration: Configuration
    created: float
    workflow: Workflow
    variables: Mapping[str, list[str]]

    @property
    def shown_id(self) -> str | None:
        """The id as the API shows it, which omits that of the first revision."""
        return None if self.id == INITIAL else self.id


@dataclass(frozen=True, slots=True)
class Version:
    """A revision published under a number."""

    arn: str
    number: int
    revision: Revision
    created: float
    description: str | None


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of an alias: of a hundred starts, `weight` go to the version."""

    version: int
    weight: int


@dataclass(slots=True)
class Alias:
    """A name for one or two versions. `sequence` orders the aliases of a machine by creation."""

    arn: str
    name: str
    description: str | None
    routes: tuple[Route, ...]
    sequence: int
    created: float
    updated: float

    def choose(self, random: Random) -> int:
        """The version for the next execution, chosen by weight."""
        first = self.routes[0]
        if len(self.routes) == 1 or random.random() * 100 < first.weight:
            return first.version
        return self.routes[1].version


@dataclass(slots=True)
class StateMachine:
    """A named machine. `asked` holds further parameters that a repeated CreateStateMachine must match."""

    arn: str
    name: str
    type: MachineType
    created: float
    revision: Revision
    asked: tuple[Any, ...]
    tags: dict[str, str]
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    #: The last version number and the last alias sequence assigned.
    last_version: int = 0
    last_alias: int = 0
    deleting: bool = False
    _target: Target | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def target(self) -> Target:
        """The target of the machine's unqualified ARN, cached for each revision."""
        target = self._target
        if target is None or target.revision is not self.revision:
            target = self._target = Target(self, self.revision)
        return target

    def version_arn(self, number: int) -> str:
        return f"{self.arn}:{number}"

    def published(self) -> Version | None:
        """The version of the current revision, if it has been published."""
        for version in self.versions.values():
            if version.revision is self.revision:
                return version
        return None

    def aliases_of(self, number: int) -> list[str]:
        """The names of the aliases that route to a version."""
        return [alias.name for alias in self.aliases.values() if any(route.version == number for route in alias.routes)]


class Target:
    """What an ARN given to StartExecution names: a machine, the revision to run, and the qualifiers that led to it.

    It holds what its executions have in common, and is never changed.
    """

    __slots__ = ("alias_arn", "machine", "revision", "version_arn")

    def __init__(
        self, machine: StateMachine, revision: Revision, version_arn: str | None = None, alias_arn: str | None = None
    ) -> None:
        self.machine = machine
        self.revision = revision
        self.version_arn = version_arn
        self.alias_arn = alias_arn

    def execution_arn(self, name: str, unique: str) -> str:
        """The ARN of an execution of the machine."""
        return execution_arn(self.machine.arn, self.machine.type, name, unique)
