"""The machines of an endpoint: created, updated, published, found, tagged.

Every method takes the members of an API request (validated before, see `express.api.shapes`) and returns the service's
own objects, of which the API makes answers. A method awaits only the compilation of a long definition, after which it
repeats the lookups made before.

Sources: API reference of CreateStateMachine, UpdateStateMachine, PublishStateMachineVersion and TagResource; answers to
repeated and to invalid requests were recorded.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from express.names import check_name
from express.service import errors
from express.service.arns import check_role_arn, read_machine_arn
from express.service.configuration import read_configuration
from express.service.definitions import Identity, compile_definition
from express.service.machines import INITIAL, Revision, StateMachine, Target, Version
from express.service.mocking import MARK
from express.service.tagging import add_tags, remove_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from random import Random

    from express.service.arns import Account
    from express.service.machines import Configuration
    from express.service.mocking import Mocking
    from express.service.store import Store
    from express.states.state import Resolver

#: AWS's quotas (AWS guide "Service quotas"); of the first a tenth, because one process holds all machines in memory.
MAX_MACHINES: Final = 10_000
MAX_VERSIONS: Final = 1000

_DESCRIPTION_WITHOUT_PUBLISH: Final = "Version description can only be set when publish is true"
_NOTHING_TO_UPDATE: Final = (
    "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
)
#: Parameters of an update, of which at least one is required.
_CHANGES: Final = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


class Catalogue:
    """The machines of a store.

    `tasks` finds the task handlers; `now` gives seconds since the epoch; `random` chooses between the versions of an
    alias; `mocking` knows the test cases, if there are any.
    """

    def __init__(
        self,
        store: Store,
        account: Account,
        tasks: Resolver,
        now: Callable[[], float],
        random: Random,
        mocking: Mocking | None = None,
    ) -> None:
        self._store = store
        self._account = account
        self._tasks = tasks
        self._now = now
        self._random = random
        self._mocking = mocking

    # ------------------------------------------------------------------------------------------ finding

    def machines(self) -> Iterable[StateMachine]:
        """All machines, sorted by ARN."""
        return self._store.machines()

    def machine(self, arn: str) -> StateMachine:
        """The machine that an unqualified ARN names. Raises ServiceError."""
        machine = self._store.machine(arn)
        if machine is None:
            if read_machine_arn(arn).label is not None:
                raise errors.labelled_arn(arn)
            raise errors.machine_missing(arn)
        return machine

    def changeable(self, arn: str) -> StateMachine:
        """Like `machine`, but raises ServiceError while it is being deleted."""
        machine = self.machine(arn)
        if machine.deleting:
            raise errors.machine_deleting(arn)
        return machine

    def version(self, arn: str) -> tuple[StateMachine, Version] | None:
        """The version that an ARN names, with its machine; None if there is none."""
        parts = read_machine_arn(arn)
        machine = self._store.machine(parts.base)
        if machine is None or parts.qualifier is None or not parts.qualifier.isdecimal():
            return None
        version = machine.versions.get(int(parts.qualifier))
        return None if version is None or version.arn != arn else (machine, version)

    def target(self, arn: str) -> Target:
        """The machine and revision that StartExecution runs for `arn`. Raises ServiceError."""
        machine = self._store.machine(arn)
        if machine is None:
            return self._qualified_target(arn)
        if machine.deleting:
            raise errors.machine_deleting(arn)
        return machine.target

    def _qualified_target(self, arn: str) -> Target:
        if self._mocking is not None and MARK in arn:
            return self._mocked_target(self._mocking, arn)
        parts = read_machine_arn(arn)
        if parts.label is not None:
            raise errors.labelled_arn(arn)
        machine = self._store.machine(parts.base)
        if machine is None or parts.qualifier is None:
            raise errors.machine_missing(arn)
        if machine.deleting:
            raise errors.machine_deleting(machine.arn)
        alias = machine.aliases.get(parts.qualifier)
        if alias is not None:
            version = machine.versions[alias.choose(self._random)]
            return Target(machine, version.revision, version.arn, alias.arn)
        found = self.version(arn)
        if found is None:
            raise errors.machine_missing(arn)
        return Target(machine, found[1].revision, found[1].arn)

    def _mocked_target(self, mocking: Mocking, arn: str) -> Target:
        """The target of an ARN with a test case after the mark; an empty test case mocks nothing."""
        arn, _, case = arn.partition(MARK)
        target = self.target(arn)
        if not case:
            return target
        revision = mocking.revision(target.machine, target.revision, case)
        return Target(target.machine, revision, target.version_arn, target.alias_arn)

    # ------------------------------------------------------------------------------------------ machines

    async def create(self, request: Mapping[str, Any]) -> tuple[StateMachine, Version | None]:
        """CreateStateMachine: the machine, and its version if the request publishes one."""
        _check_version_description(request)
        name, machine_type = request["name"], request.get("type", "STANDARD")
        try:
            check_name(name)
        except ValueError:
            raise errors.invalid_name(name) from None
        check_role_arn(request["roleArn"])
        configuration = read_configuration(request)
        arn = self._account.machine_arn(name)
        publish = (request.get("publish", False), request.get("versionDescription"))
        wanted = (request["definition"], machine_type, configuration, *publish)
        existing = self._repeated(arn, wanted)
        if existing is None:
            identity = Identity(name, arn, request["roleArn"], machine_type)
            revision = await self.revision(INITIAL, request["definition"], identity, configuration)
            existing = self._repeated(arn, wanted)
        if existing is not None:
            return existing, existing.published() if publish[0] else None
        if sum(1 for _ in self._store.machines()) >= MAX_MACHINES:
            raise errors.machine_limit(MAX_MACHINES)
        machine = StateMachine(arn, name, machine_type, revision.created, revision, publish, {})
        add_tags(machine, request.get("tags", ()))
        version = self._publish(machine, request.get("versionDescription")) if publish[0] else None
        self._store.save_machine(machine)
        return machine, version

    def _repeated(self, arn: str, wanted: tuple[Any, ...]) -> StateMachine | None:
        """The machine of this ARN, None if there is none. Raises ServiceError unless it is equal to the one wanted."""
        machine = self._store.machine(arn)
        if machine is None:
            return None
        if machine.deleting:
            raise errors.machine_deleting(arn)
        revision = machine.revision
        if (revision.definition, machine.type, revision.configuration, *machine.asked) != wanted:
            raise errors.machine_exists(arn)
        return machine

    async def update(self, arn: str, request: Mapping[str, Any]) -> tuple[StateMachine, Version | None]:
        """UpdateStateMachine: the machine, and its version if the request publishes one.

        A request that changes nothing makes no new revision (recorded).
        """
        machine = self.changeable(arn)
        if not any(change in request for change in _CHANGES):
            raise errors.missing_parameter(_NOTHING_TO_UPDATE)
        _check_version_description(request)
        old = machine.revision
        definition, role_arn = request.get("definition", old.definition), request.get("roleArn", old.role_arn)
        check_role_arn(role_arn)
        configuration = read_configuration(request, old.configuration)
        if (definition, role_arn, configuration) != (old.definition, old.role_arn, old.configuration):
            identity = Identity(machine.name, arn, role_arn, machine.type)
            revision = await self.revision(str(uuid.uuid4()), definition, identity, configuration)
            machine = self.changeable(arn)
            machine.revision = revision
        version = self._publish(machine, request.get("versionDescription")) if request.get("publish") else None
        self._store.save_machine(machine)
        return machine, version

    async def revision(
        self, revision_id: str, definition: str, identity: Identity, configuration: Configuration
    ) -> Revision:
        """Compile a definition into a revision. Raises ServiceError InvalidDefinition."""
        compiled = await compile_definition(definition, identity, self._tasks)
        return Revision(
            revision_id,
            definition,
            identity.role_arn,
            configuration,
            self._now(),
            compiled.workflow,
            compiled.variables,
        )

    # ------------------------------------------------------------------------------------------ versions

    def publish(self, arn: str, revision_id: str | None, description: str | None) -> Version:
        """PublishStateMachineVersion: the version of the current revision, created unless it exists."""
        machine = self.changeable(arn)
        current = machine.revision.id
        if revision_id is not None and revision_id != current:
            raise errors.conflict(
                f"Failed to publish the State Machine version for revision {revision_id}. "
                f"The current State Machine revision is {current}."
            )
        version = self._publish(machine, description)
        self._store.save_machine(machine)
        return version

    def _publish(self, machine: StateMachine, description: str | None) -> Version:
        version = machine.published()
        if version is not None:
            return version
        if len(machine.versions) >= MAX_VERSIONS:
            raise errors.quota(f"A state machine has {MAX_VERSIONS} versions at most: delete unused ones.")
        machine.last_version = number = machine.last_version + 1
        version = Version(machine.version_arn(number), number, machine.revision, self._now(), description)
        machine.versions[number] = version
        return version

    def delete_version(self, arn: str) -> None:
        """DeleteStateMachineVersion; a missing version is no error (recorded)."""
        found = self.version(arn)
        if found is None:
            return
        machine, version = found
        aliases = machine.aliases_of(version.number)
        if aliases:
            raise errors.conflict(
                "Version to be deleted must not be referenced by an alias. "
                f"Current list of aliases referencing this version: [{', '.join(aliases)}]"
            )
        del machine.versions[version.number]
        self._store.save_machine(machine)

    # ------------------------------------------------------------------------------------------ tags

    def taggable(self, arn: str) -> StateMachine:
        """The machine of an ARN; versions and aliases have no tags (recorded)."""
        read_machine_arn(arn)
        machine = self._store.machine(arn)
        if machine is None:
            raise errors.untaggable(arn)
        return machine

    def tag(self, arn: str, tags: Sequence[Mapping[str, str]]) -> None:
        machine = self.taggable(arn)
        add_tags(machine, tags)
        self._store.save_machine(machine)

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        machine = self.taggable(arn)
        remove_tags(machine, keys)
        self._store.save_machine(machine)


def _check_version_description(request: Mapping[str, Any]) -> None:
    if request.get("versionDescription") and not request.get("publish"):
        raise errors.validation(_DESCRIPTION_WITHOUT_PUBLISH)
