"""The expressions of a definition, compiled from text to closures.

Everything below parses text once, at compile time, and returns an `Expr`, a pure and synchronous function of the data
and the scope (`express.types`). Nothing here schedules, waits or knows of states; a failure is raised as PathNotFound
or StateError, and the state in which it happens words the cause.
"""
