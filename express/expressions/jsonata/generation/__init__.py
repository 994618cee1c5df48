"""From the syntax tree to Python: every expression becomes one Python function.

The function is built of nodes of Python's own `ast` and compiled by Python. No text is ever put together: names in it
are numbered by us, and what the user wrote (field names, strings, numbers) enters as constants only.

`code` is what every part produces; `emitter` collects statements; `scopes` finds variables; `generator` holds the
state of one compilation and dispatches on syntax nodes to the functions the other modules register.
"""
