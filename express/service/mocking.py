"""Machines with mocked tasks, started as `stateMachineArn#TestCase`.

Step Functions Local takes the test case of its mock configuration from behind a `#` in the ARN to start. The machine is
compiled again for it, with the mocked states answered by the configuration, and cached for the next start with the same
case. Its executions are ordinary executions of the machine.

Source: AWS guide "Testing with mocked service integrations in Step Functions Local". At AWS itself the mark is part of
the name of a machine that does not exist, and so it is here without a configuration.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from express.errors import InvalidMocks
from express.service.definitions import Identity, compile_mocked
from express.service.errors import validation

if TYPE_CHECKING:
    from express.service.machines import Revision, StateMachine
    from express.states.state import Resolver
    from express.tasks import Mocks
    from express.tasks.mocks import MockFile
    from express.workflow import Workflow

#: Between the ARN and the name of the test case.
MARK: Final = "#"
#: The upper bound of the cache of compiled test cases.
_KEPT: Final = 64


class Mocking:
    """Compiles machines with mocked states.

    file: the mock configuration. resolver: finds the handlers of all other states.
    """

    def __init__(self, file: MockFile, resolver: Resolver) -> None:
        self._file = file
        self._resolver = resolver
        self._mocks: Mocks | None = None
        self._compiled: OrderedDict[tuple[str, ...], Workflow] = OrderedDict()

    def revision(self, machine: StateMachine, revision: Revision, case: str) -> Revision:
        """The same revision with the test case's states mocked. Raises ServiceError ValidationException."""
        try:
            return replace(revision, workflow=self._workflow(machine, revision, case))
        except InvalidMocks as error:
            raise validation(f"The test case cannot be used: {error}") from None
        except OSError as error:
            raise validation(f"The mock configuration cannot be read: {error}") from None

    def _workflow(self, machine: StateMachine, revision: Revision, case: str) -> Workflow:
        mocks = self._file.current()
        if mocks is not self._mocks:
            self._mocks = mocks
            self._compiled.clear()
        # The definition is in the key because a machine may be deleted and created again under the same ARN.
        key = (machine.arn, machine.type, revision.role_arn, revision.definition, case)
        workflow = self._compiled.pop(key, None)
        if workflow is None:
            identity = Identity(machine.name, machine.arn, revision.role_arn, machine.type)
            workflow = compile_mocked(revision.definition, identity, self._resolver, mocks.case(machine.name, case))
        self._compiled[key] = workflow
        if len(self._compiled) > _KEPT:
            self._compiled.popitem(last=False)
        return workflow
