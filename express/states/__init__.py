"""One file per state type: its fields, how they are read, and the closure it becomes.

`STATE_TYPES` in `registry` is the one list of them. `flow` and `recovery` hold what several types share: the data
flow of the query languages, Retry and Catch.
"""
