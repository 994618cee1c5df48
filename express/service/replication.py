"""Replication of machines, so that processes other than their owner can start them.

The owner keeps its machines in a ReplicatedStore, which reports every change. An `image` is plain JSON with what a
replica needs to start a machine: definitions, versions and aliases. A Replica builds machines from images. An image is
the whole state of a machine, not a difference: the next image corrects whatever a replica has missed, and images may be
sent twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from express.service.definitions import Identity
from express.service.machines import Alias, Configuration, Route, StateMachine, Version
from express.service.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from express.service.catalogue import Catalogue
    from express.service.machines import Revision

_NO_CONFIGURATION: Final = Configuration({}, {}, {})


class ReplicatedStore(MemoryStore):
    """A store that calls `changed` with the ARN of each machine saved or deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: Callable[[str], None] = _nobody

    def save_machine(self, machine: StateMachine) -> None:
        super().save_machine(machine)
        self.changed(machine.arn)

    def delete_machine(self, arn: str) -> None:
        super().delete_machine(arn)
        self.changed(arn)


def _nobody(arn: str) -> None:
    """`changed` as long as there are no replicas."""


def image(machine: StateMachine) -> dict[str, Any]:
    """The data needed to start executions of a machine, its versions and its aliases."""
    return {
        "arn": machine.arn,
        "name": machine.name,
        "type": machine.type,
        "created": machine.created,
        "deleting": machine.deleting,
        "revision": _revision_image(machine.revision),
        "versions": [
            {"number": version.number, "created": version.created, "revision": _revision_image(version.revision)}
            for version in machine.versions.values()
        ],
        "aliases": [
            {"name": alias.name, "routes": [[route.version, route.weight] for route in alias.routes]}
            for alias in machine.aliases.values()
        ],
    }


def _revision_image(revision: Revision) -> dict[str, str]:
    return {"id": revision.id, "definition": revision.definition, "roleArn": revision.role_arn}


class Replica:
    """Keeps the machines of a store equal to their images; `catalogue` compiles them."""

    def __init__(self, store: MemoryStore, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    async def put(self, image: Mapping[str, Any]) -> None:
        """Apply an image to its machine. The change becomes visible once all of it is compiled."""
        known = self._known_revisions(image["arn"])
        identity = image["name"], image["arn"], image["type"]
        revision = await self._revision(image["revision"], identity, known)
        machine = StateMachine(image["arn"], image["name"], image["type"], image["created"], revision, (), {})
        for version in image["versions"]:
            number = version["number"]
            revision = await self._revision(version["revision"], identity, known)
            machine.versions[number] = Version(machine.version_arn(number), number, revision, version["created"], None)
        for alias in image["aliases"]:
            name, routes = alias["name"], tuple(Route(*route) for route in alias["routes"])
            machine.aliases[name] = Alias(f"{machine.arn}:{name}", name, None, routes, 0, 0, 0)
        machine.deleting = image["deleting"]
        self._store.save_machine(machine)

    def delete(self, arn: str) -> None:
        """Delete a machine; its running executions continue."""
        self._store.delete_machine(arn)

    def _known_revisions(self, arn: str) -> dict[tuple[str, str, str], Revision]:
        machine = self._store.machine(arn)
        if machine is None:
            return {}
        revisions = (machine.revision, *(version.revision for version in machine.versions.values()))
        return {(revision.id, revision.definition, revision.role_arn): revision for revision in revisions}

    async def _revision(
        self, image: Mapping[str, str], identity: tuple[Any, ...], known: dict[tuple[str, str, str], Revision]
    ) -> Revision:
        """The revision of an image: the known one, so that its counters go on, or a new one."""
        key = image["id"], image["definition"], image["roleArn"]
        if key not in known:
            name, arn, machine_type = identity
            made_for = Identity(name, arn, image["roleArn"], machine_type)
            known[key] = await self._catalogue.revision(image["id"], image["definition"], made_for, _NO_CONFIGURATION)
        return known[key]
