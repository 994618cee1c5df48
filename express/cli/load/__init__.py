"""Puts load on a workflow and reports what it showed: the parts of `express bench`.

    quantities  rates, durations and shares as people write them
    schedule    the load to apply, and when each of its executions should start
    recording   what was measured, in slices of time; recordings of several processes add up
    generator   applies the load to a Runtime in one event loop, open or closed
    worker      one process: compiles, generates, reports to its parent
    crew        the parent's side: starts the workers together, watches them, sums their recordings
    session     the measurements of one command, with a display (`live`), inputs and Ctrl-C (`interruption`)
    thresholds  conditions such as `p99<5ms` and their verdicts
    comparison  two measurements, with confidence intervals
    sweep       the same load at rising rates, to find the knee
    measurement a recording in its setting: the content of every report
    document    ... as JSON, and baselines read back from it
    summary     ... as text, with plots for a terminal (`plots`)
    page        ... as one HTML file, with plots in SVG (`charts`)

Latency is measured from the moment an execution should have started, so an engine that falls behind cannot hide it by
receiving fewer requests ("coordinated omission", Gil Tene, "How NOT to Measure Latency").
"""
