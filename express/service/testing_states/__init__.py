"""TestState: tests one state by itself.

Source: API reference TestState; AWS guide "Testing state machines with TestState API".

Theory of operation. A request is read into a `Trial`: the state, compiled as in any machine, and its surroundings in
the test. Its data flow is replaced by one that records each stage (`inspection`); a mock replaces its work (`steps`);
every transition leads to an exit. The result is a machine of a single step, which a Runtime runs like any other, so the
state behaves as in an execution. Other machines contain nothing of this.
"""

from express.service.testing_states.state_tests import StateTests

__all__ = ["StateTests"]
