"""One file per state type: its fields, how they are read, and the closure it compiles to.

`STATE_TYPES` in `registry` is the only list of the types. `flow` and `recovery` hold what several types share: the
data flow of the query languages, Retry and Catch.
"""
