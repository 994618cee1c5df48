"""From the syntax tree to Python: every expression becomes one Python function.

The function is built from nodes of Python's `ast` and compiled by Python. No source text is generated: names in it
are numbered here, and user input (field names, strings, numbers) enters only as constants.

`code` is the result of every part; `emitter` collects statements; `scopes` resolves variables; `generator` holds the
state of one compilation and dispatches syntax nodes to the functions of the other modules.
"""
