"""TestState: one state, tried by itself.

Source: API reference TestState; AWS guide "Testing state machines with TestState API".

Theory of operation. A request is read into a `Trial`: the state, compiled as in any machine, and what stands around it
in the test. Its data flow is exchanged for one that notes each stage (`inspection`); a mock takes the place of its work
(`steps`); every transition leads out. What is left is a machine of a single step, which a Runtime runs like any other,
so a state does here what it does in an execution. No other machine knows of any of this.
"""

from express.service.testing_states.state_tests import StateTests

__all__ = ["StateTests"]
