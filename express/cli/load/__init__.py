"""Load on a workflow, and what it showed: the parts of `express bench`.

    quantities  rates, durations and shares as people write them
    schedule    what load to put on, and when each execution of it should start
    recording   what was measured, in slices of time; recordings of several processes add up
    generator   puts the load on a Runtime in one event loop, open or closed
    worker      one process: compiles, generates, reports to its parent
    crew        the parent's side: starts the workers together, watches them, adds up what they bring
    session     the measurements of one command, with a display (`live`), inputs and Ctrl-C (`interruption`)
    thresholds  `p99<5ms` and whether it was kept
    comparison  two measurements, with confidence intervals
    sweep       the same at higher and higher rates: where is the knee?
    measurement a recording in its setting: what every report tells
    document    ... as JSON, and baselines read back from it
    summary     ... as text, with plots for a terminal (`plots`)
    page        ... as one HTML file, with plots in SVG (`charts`)

What is measured is latency from the moment an execution should have started, so an engine that falls behind cannot
hide it by being asked less often ("coordinated omission", Gil Tene, "How NOT to Measure Latency").
"""
