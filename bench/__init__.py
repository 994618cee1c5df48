"""How fast express is, measured on its own workloads beside hand-written asyncio. Run from the repository root:

    python -m bench.throughput      executions per second, engine against hand-written twins
    python -m bench.memory          bytes for each waiting execution; --soak for leaks
    python -m bench.scaling         whether the cost of an item or an execution grows with their number
    python -m bench.jsonata         compiled JSONata beside the same work by hand
    python -m bench.jsonata_gaps    how long hostile JSONata runs, in all and between two checks of its budget
    python -m bench.latency         the longest time the event loop is blocked
    python -m bench.metrics         what metrics cost
    python -m bench.consume         messages through the pump beside executions alone, and beside redis-py alone
    python -m bench.endpoint        StartSyncExecution over HTTP beside a handler written by hand
    python -m bench.peers           other local engines beside it: moto, aws-local-stepfunctions (--install DIRECTORY)
    python -m pytest bench --benchmark-enable    single closures, by pytest-benchmark

Every script but peers takes --quick (a few seconds, for a first look or CI) and prints what it ran on: figures of
different machines are not comparable, ratios within one run are.
"""
