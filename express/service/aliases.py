"""Aliases: names for one or two published versions of a machine, each with its share of the starts.

Source: API reference CreateStateMachineAlias; order and wording of the errors were recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from express.service import errors
from express.service.arns import read_machine_arn
from express.service.machines import Alias, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from express.service.catalogue import Catalogue
    from express.service.machines import StateMachine
    from express.service.store import Store

#: AWS guide "Service quotas".
MAX_ALIASES: Final = 100

_ROUTING: Final = "Routing configuration must contain"
_NOTHING_TO_UPDATE: Final = "Either the description or the RoutingConfiguration must be specified"


class Aliases:
    """The aliases of all machines in a catalogue."""

    def __init__(self, store: Store, catalogue: Catalogue, now: Callable[[], float]) -> None:
        self._store = store
        self._catalogue = catalogue
        self._now = now

    def create(self, name: str, routing: Sequence[Mapping[str, Any]], description: str | None) -> Alias:
        """CreateStateMachineAlias; a repeated request returns the existing alias."""
        machine, routes = self._read_routing(routing)
        if machine.deleting:
            raise errors.machine_deleting(machine.arn)
        existing = machine.aliases.get(name)
        if existing is not None:
            if (existing.routes, existing.description) != (routes, description):
                raise errors.conflict(
                    "Failed to create alias because an alias with the same name and a different routing "
                    "configuration already exists."
                )
            return existing
        if len(machine.aliases) >= MAX_ALIASES:
            raise errors.quota(f"A state machine has {MAX_ALIASES} aliases at most: delete unused ones.")
        machine.last_alias += 1
        now = self._now()
        alias = Alias(f"{machine.arn}:{name}", name, description, routes, machine.last_alias, now, now)
        machine.aliases[name] = alias
        self._store.save_machine(machine)
        return alias

    def find(self, arn: str) -> tuple[StateMachine, Alias]:
        """The alias of an ARN and its machine. Raises ServiceError ResourceNotFound."""
        parts = read_machine_arn(arn)
        machine = self._store.machine(parts.base)
        alias = None if machine is None or parts.qualifier is None else machine.aliases.get(parts.qualifier)
        if machine is None or alias is None:
            raise errors.resource_missing()
        return machine, alias

    def update(self, arn: str, routing: Sequence[Mapping[str, Any]] | None, description: str | None) -> Alias:
        """UpdateStateMachineAlias; omitted parameters stay unchanged."""
        if routing is None and description is None:
            raise errors.validation(_NOTHING_TO_UPDATE, "MISSING_REQUIRED_PARAMETER")
        machine, alias = self.find(arn)
        if machine.deleting:
            raise errors.machine_deleting(machine.arn)
        if routing is not None:
            target, routes = self._read_routing(routing)
            if target is not machine:
                raise errors.invalid_routing(f"{_ROUTING} versions of '{machine.arn}'. Received: {_listed(routing)}")
            alias.routes = routes
        if description is not None:
            alias.description = description
        alias.updated = self._now()
        self._store.save_machine(machine)
        return alias

    def delete(self, arn: str) -> None:
        """DeleteStateMachineAlias; a missing alias is no error (recorded)."""
        parts = read_machine_arn(arn)
        machine = self._store.machine(parts.base)
        if machine is not None and parts.qualifier in machine.aliases:
            del machine.aliases[parts.qualifier]
            self._store.save_machine(machine)

    def of(self, arn: str) -> list[Alias]:
        """The aliases of a machine, or those that route to a version, in order of creation (recorded)."""
        found = self._catalogue.version(arn)
        machine = self._catalogue.changeable(arn) if found is None else found[0]
        names = None if found is None else machine.aliases_of(found[1].number)
        return [alias for alias in machine.aliases.values() if names is None or alias.name in names]

    def _read_routing(self, routing: Sequence[Mapping[str, Any]]) -> tuple[StateMachine, tuple[Route, ...]]:
        arns = [entry["stateMachineVersionArn"] for entry in routing]
        weights = [entry["weight"] for entry in routing]
        if len(set(arns)) < len(arns):
            raise errors.invalid_routing(
                f"{_ROUTING} distinct state machine version ARNs. Received: {_listed(routing)}"
            )
        if sum(weights) != 100:
            raise errors.invalid_routing(f"Sum of routing configuration weights must equal 100. Received: {weights}")
        qualifiers = [read_machine_arn(arn).qualifier for arn in arns]
        if not all(qualifier is not None and qualifier.isdecimal() for qualifier in qualifiers):
            raise errors.invalid_routing(f"{_ROUTING} state machine version ARNs. Received: {_listed(routing)}")
        found = [version for version in map(self._catalogue.version, arns) if version is not None]
        if len(found) < len(arns):
            raise errors.resource_missing()
        machine = found[0][0]
        if any(other is not machine for other, _ in found):
            raise errors.invalid_routing(f"{_ROUTING} versions of one state machine. Received: {_listed(routing)}")
        routes = zip(found, weights, strict=True)
        return machine, tuple(Route(version.number, weight) for (_, version), weight in routes)


def _listed(routing: Sequence[Mapping[str, Any]]) -> str:
    """The ARNs as AWS lists them in its messages: `[arn, arn]`."""
    return f"[{', '.join(entry['stateMachineVersionArn'] for entry in routing)}]"
